"""Probes: they find what the states hold, nothing else, and never come without their controls."""

from dataclasses import replace

import numpy as np
import pytest

from labkit.core.errors import OptionError
from labkit.hallucination import POSITIONS, Question, probe
from labkit.hallucination.learning import nested, out_of_fold, split

from .conftest import answers_of


def states(n=160, *, layers=4, d=24, seed=0, where=("last", 2), signal=2.0, **more):
    """Answers whose state at one token and layer tells which are wrong."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, len(POSITIONS), layers, d)).astype(np.float16)
    made = answers_of(n, **more)
    hidden[:, POSITIONS.index(where[0]), where[1], 3] += (signal * made.wrong).astype(np.float16)
    fields = {**more, "hidden": hidden, "control": rng.normal(size=hidden.shape).astype(np.float16)}
    return answers_of(n, **fields)


def test_a_probe_finds_what_the_state_holds_and_where():
    found = probe(states(), token="last")
    assert found.scores.auroc.value > 0.8
    assert found.layers == (2,) * 5
    assert np.unravel_index(found.grid.values.argmax(), found.grid.values.shape) == (POSITIONS.index("last"), 2)


def test_a_probe_finds_nothing_where_nothing_is():
    found = probe(states(n=300, signal=0.0))
    assert abs(found.scores.auroc.value - 0.5) < 0.12
    assert found.scores.auroc.low < 0.5 < found.scores.auroc.high


def test_controls_always_come_with_it():
    found = probe(states(signal=4.0))
    names = [c.name for c in found.controls]
    assert names == ["shuffled labels", "random model", "not trained on even", "not trained on odd", "topic",
                     "entity frequency", "answer length"]  # fmt: skip
    assert len(found.table()) == 1 + len(names)
    leads = [c.name for c in found.controls if c.lead]
    assert leads == ["random model", "topic", "entity frequency", "answer length"]
    assert all(c.lead.low > 0.1 for c in found.controls if c.lead)
    for name in ("shuffled labels", "random model"):
        control = found.control(name).scores
        assert control is not None and abs(control.auroc.value - 0.5) < (0.1 if name == "shuffled labels" else 0.2)
    carried = found.control("not trained on odd").scores
    assert carried is not None and carried.auroc.value > 0.8


def test_a_control_that_cannot_be_had_says_why():
    questions = tuple(Question(f"What is {i}?", "right", "one", f"thing {i}") for i in range(60))
    found = probe(states(60, questions=questions))
    assert found.control("other topics").scores is None
    assert "one topic alone" in found.control("other topics").what
    assert found.control("entity frequency").scores is None
    assert [row[2] for row in found.table().rows].count("–") == 2


def test_frequency_alone_is_seen_when_it_tells():
    n = 120
    questions = tuple(Question(f"{i}?", "right", "one", f"e{i}", frequency=float(i % 2) * 50 + i % 7) for i in range(n))
    control = probe(states(n, questions=questions)).control("entity frequency").scores
    assert control is not None and control.auroc.value > 0.9


def test_topic_alone_and_length_alone_are_seen_when_they_tell():
    """Long answers and short ones are right, the middling wrong; or all of one topic are wrong."""
    n = 120
    wrong = np.arange(n) % 3 == 1
    texts = tuple("wrong" if w else "right" for w in wrong)
    ids = tuple((1,) * (1 + i % 3) for i in range(n))
    length = probe(states(n, texts=texts, ids=ids)).control("answer length").scores
    assert length is not None and length.auroc.value > 0.9
    questions = tuple(
        Question(f"{i}?", "right", "hard" if (i % 3 == 1) ^ (i % 10 == 0) else "easy", f"e{i}") for i in range(n)
    )
    topic = probe(states(n, texts=texts, questions=questions)).control("topic").scores
    assert topic is not None and topic.auroc.value > 0.8


def test_no_entity_is_on_both_sides():
    groups = np.array([f"e{i % 30}" for i in range(120)])
    wrong = np.random.default_rng(0).uniform(size=120) < 0.5
    folds = split(groups, wrong)
    assert all(len(set(folds[groups == g])) == 1 for g in set(groups))
    assert set(folds) == {0, 1, 2, 3, 4}


def test_a_leak_through_the_entity_is_closed():
    """Every entity has a random state and a random label of its own, asked ten times: only memory could tell."""
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(30), 10)
    wrong = np.repeat(rng.permutation(np.arange(30) % 2 == 0), 10)
    vectors = np.repeat(rng.normal(size=(30, 40)), 10, axis=0) + 0.1 * rng.normal(size=(300, 40))
    from labkit.evaluation import auroc

    apart = auroc(wrong, out_of_fold(vectors, wrong, split(groups, wrong)))
    leaked = auroc(wrong, out_of_fold(vectors, wrong, np.arange(300) % 5))
    assert leaked > 0.95 and apart < 0.75


def test_the_layer_is_not_chosen_by_its_own_test():
    rng = np.random.default_rng(0)
    wrong = np.arange(60) % 2 == 0
    noise = rng.normal(size=(60, 30, 8)).astype(np.float32)
    groups = np.arange(60)
    from labkit.evaluation import auroc

    folds = split(groups, wrong)
    flattered = max(auroc(wrong, out_of_fold(noise[:, layer], wrong, folds)) for layer in range(30))
    honest = auroc(wrong, nested(noise, wrong, groups, folds, 0)[0])
    assert flattered > 0.6
    assert honest < flattered - 0.05


def test_the_grid_and_the_curves_can_be_shown():
    from labkit.views import figure

    found = probe(states(60))
    assert figure(found.grid).data and figure(found.curves()).data


@pytest.mark.parametrize(
    "options, says",
    [
        ({"token": "frist"}, "did you mean 'first'"),
        ({"layers": (9,)}, "not a choice of 0 to 3"),
        ({"layers": ()}, "not a choice"),
    ],
)
def test_what_cannot_be_probed_is_refused(options, says):
    with pytest.raises(OptionError, match=says):
        probe(states(40), **options)


def test_answers_without_states_or_without_both_classes_are_refused():
    with pytest.raises(OptionError, match="no hidden states"):
        probe(answers_of())
    with pytest.raises(OptionError, match="all 40 answers are wrong"):
        probe(states(40, texts=("wrong",) * 40))
    with pytest.raises(OptionError, match="4 different entities are answered wrong"):
        probe(states(8))


def test_a_missing_control_model_is_said():
    from dataclasses import replace

    found = probe(replace(states(60), control=None))
    assert "look=('states', 'control')" in found.control("random model").what


def test_a_topic_with_almost_one_kind_of_answer_is_not_scored():
    topics = ["odd", "even"] * 80
    questions = tuple(Question(f"What is {i}?", "right", t, f"thing {i}") for i, t in enumerate(topics))
    plain = states(questions=questions)
    texts = tuple(
        "wrong" if t == "odd" and i > 3 else text for i, (t, text) in enumerate(zip(topics, plain.texts, strict=True))
    )
    control = probe(replace(plain, texts=texts)).control("not trained on odd")
    assert control.scores is None
    assert "too few of one kind" in control.what and "of 80 are wrong" in control.what
