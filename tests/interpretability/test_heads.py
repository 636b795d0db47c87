"""Measures of heads at their limits: hand-made patterns whose answer is known."""

import numpy as np
import pytest

from labkit.core.errors import OptionError, TextError
from labkit.interpretability import (
    MEASURES,
    Capture,
    head_classes,
    induction_scores,
    measure,
    measure_all,
    repeated_tokens,
)

IDS = (7, 8, 9, 7, 8, 9)
N = len(IDS)


def seen_of(*maps, ids=IDS):
    pattern = np.stack(maps)[None].astype(np.float32)
    return Capture("made", tuple(map(str, ids)), tuple(ids), (0,), True, {"pattern": pattern})


def looking(at):
    """(N, N) a head that gives all its weight to key `at(query)`."""
    pattern = np.zeros((N, N))
    for query in range(N):
        pattern[query, max(0, at(query))] = 1
    return pattern


UNIFORM = np.tril(np.ones((N, N))) / np.arange(1, N + 1)[:, None]
HEADS = {
    "previous": looking(lambda q: q - 1),
    "sink": looking(lambda q: 0),
    "self": looking(lambda q: q),
    "duplicate": looking(lambda q: q - 3),
    "induction": looking(lambda q: q - 2),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_perfect_head_scores_1_and_is_called_so(name):
    seen = seen_of(HEADS[name])
    assert measure(name, seen).values == pytest.approx(1)
    assert head_classes(seen) == ((name,),)


def test_an_even_head_scores_its_share():
    found = {name: float(values[0, 0]) for name, values in measure_all(seen_of(UNIFORM)).items()}
    share = 1 / np.arange(2, N + 1)
    assert found["previous"] == found["sink"] == found["self"] == pytest.approx(share.mean())
    assert found["duplicate"] == found["induction"] == pytest.approx((1 / np.arange(4, 7)).mean())
    assert found["entropy"] == pytest.approx(np.log(np.arange(1, N + 1)).mean())
    assert found["distance"] == pytest.approx(np.arange(N).mean() / 2)
    assert head_classes(seen_of(UNIFORM)) == (("local",),)


def test_measures_stay_between_0_and_1_on_any_pattern():
    rng = np.random.default_rng(0)
    seen = seen_of(*(np.tril(m) / np.tril(m).sum(1, keepdims=True) for m in rng.random((20, N, N)) + 1e-3))
    for name, values in measure_all(seen).items():
        top = {"entropy": np.log(N), "distance": N}.get(name, 1)
        assert (values >= 0).all(), name
        assert (values <= top).all(), name


def test_what_a_text_cannot_tell_is_nan_and_refused_when_asked_for():
    seen = seen_of(UNIFORM[:4, :4], ids=(1, 2, 3, 4))
    assert np.isnan(measure_all(seen)["induction"]).all()
    assert head_classes(seen) == (("local",),)
    with pytest.raises(TextError, match="all 4 tokens differ; repeat a word"):
        measure("induction", seen)


def test_bad_input_is_refused():
    with pytest.raises(OptionError, match="did you mean 'entropy'"):
        measure("entropie", seen_of(UNIFORM))
    with pytest.raises(TextError, match="2 or more"):
        measure("entropy", seen_of(np.ones((1, 1)), ids=(1,)))


def test_repeated_tokens_repeat_differ_by_seed_and_hold_no_special_one(llama):
    first, second = repeated_tokens(llama, length=20, seed=0), repeated_tokens(llama, length=20, seed=1)
    assert first[:20] == first[20:]
    assert first != second
    assert first == repeated_tokens(llama, length=20, seed=0)
    assert not set(first) & set(llama.tokenizer.all_special_ids)
    assert len(set(first)) == 20
    with pytest.raises(OptionError, match="is not between 2 and"):
        repeated_tokens(llama, length=1)


def test_induction_scores_of_an_untrained_model_are_low(llama):
    assert induction_scores(llama, length=20, draws=2).values.max() < 0.6
    with pytest.raises(OptionError, match="one text or more"):
        induction_scores(llama, draws=0)


@pytest.mark.weights
def test_head_L18H6_of_smollm2_is_an_induction_head():
    from labkit.models import load

    scores = induction_scores(load("smollm2-135m"), draws=1, seed=0).values
    assert scores[18, 6] >= 0.85
    assert scores.max() == scores[18, 6]


def test_every_measure_says_what_it_is():
    assert all(function.__doc__ for function in MEASURES.values())
