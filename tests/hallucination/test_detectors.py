"""Detectors: each at its limits, and what they need."""

from math import log

import numpy as np
import pytest

from labkit.core.errors import OptionError
from labkit.hallucination import DETECTORS, detectors, doubts
from labkit.hallucination.detectors import ngram_surprise

from .conftest import answers_of

TOKENS = ["mean log-probability", "minimum log-probability", "sequence probability"]


def of_logprobs(*rows):
    n = len(rows)
    arrays = tuple(np.array(row, float) for row in rows)
    return answers_of(
        n, logprobs=arrays, ids=tuple((1,) * len(r) for r in rows), tokens=tuple(("a",) * len(r) for r in rows)
    )


@pytest.mark.parametrize("name", TOKENS)
def test_an_unlikely_answer_is_doubted_more(name):
    doubt = DETECTORS[name](of_logprobs([0.0, 0.0], [-0.1, -0.2], [-3.0, -2.0]))
    assert doubt[0] < doubt[1] < doubt[2]


@pytest.mark.parametrize("name, expected", zip(TOKENS, [1.5, 2.0, 1 - np.exp(-3)], strict=True))
def test_each_is_what_its_name_says(name, expected):
    assert DETECTORS[name](of_logprobs([-1.0, -2.0]))[0] == pytest.approx(expected)


@pytest.mark.parametrize("name", TOKENS)
def test_a_certain_answer_is_not_doubted(name):
    assert DETECTORS[name](of_logprobs([0.0, 0.0]))[0] == 0


def test_no_two_detectors_give_one_order_by_construction():
    rng = np.random.default_rng(0)
    n, draw = 40, lambda: tuple(rng.uniform(0.1, 3, size=i % 3 + 1) for i in range(40))
    words = [tuple(rng.choice(["a", "b", "c d"], 4)) for _ in range(n)]
    answers = answers_of(
        n, logprobs=tuple(-row for row in draw()), entropies=draw(), margins=draw(), samples=tuple(words),
        texts=tuple(rng.choice(["a", "b", "c d"], n)), sample_logprobs=-rng.uniform(0, 3, (n, 4)),
        p_true=rng.random(n), stated=rng.random(n), attention=rng.random((n, 2, 2)),
    )  # fmt: skip
    names = [name for name in DETECTORS if "MiniLM" not in name]
    orders = {tuple(np.argsort(DETECTORS[name](answers), kind="stable")) for name in names}
    assert len(orders) == len(names) == 13


def test_a_flat_choice_is_doubted_more():
    answers = answers_of(2, entropies=(np.zeros(2), np.full(2, log(4))), margins=(np.array([9.0, 9.0]), np.zeros(2)))
    assert DETECTORS["entropy"](answers).tolist() == pytest.approx([0, log(4)])
    assert DETECTORS["margin"](answers).tolist() == [-9, 0]


def test_samples_that_agree_are_not_doubted():
    same, other = ("Paris", "the paris", "PARIS."), ("Rome", "Oslo", "Bern")
    answers = answers_of(2, samples=(same, other), texts=("Paris", "Paris"), sample_logprobs=np.full((2, 3), -1.0),
                         sample_lengths=np.full((2, 3), 2))  # fmt: skip
    assert DETECTORS["self-consistency"](answers).tolist() == [0, 1]
    assert DETECTORS["semantic entropy"](answers).tolist() == pytest.approx([0, log(3)])
    assert DETECTORS["semantic entropy, weighted"](answers).tolist() == pytest.approx([0, log(3)])
    assert DETECTORS["predictive entropy"](answers).tolist() == [0.5, 0.5]
    doubt = DETECTORS["SelfCheck n-gram"](answers)
    assert doubt[0] < doubt[1]


def test_weighting_lets_a_likely_sample_count_more():
    answers = answers_of(1, samples=(("a", "b"),), sample_logprobs=np.log([[0.9, 0.1]]), sample_lengths=np.ones((1, 2)))
    assert DETECTORS["semantic entropy, weighted"](answers)[0] == pytest.approx(-0.9 * log(0.9) - 0.1 * log(0.1))


@pytest.mark.parametrize(
    "text, samples, expected",
    [("x", [], -log(2 / 3)), ("x", ["x", "x"], -log(4 / 5)), ("x", ["y", "y"], -log(2 / 6)), ("", ["y"], log(3))],
)
def test_ngram_surprise_counts_words(text, samples, expected):
    assert ngram_surprise(text, samples) == pytest.approx(expected)


def test_what_a_model_says_of_itself_is_read():
    answers = answers_of(3, p_true=np.array([0.0, 0.5, 1.0]), stated=np.array([0.0, 1.0, np.nan]))
    assert DETECTORS["P(True)"](answers).tolist() == [1, 0.5, 0]
    assert DETECTORS["stated confidence"](answers).tolist() == [1, 0, 0.5]


def test_looking_away_is_doubted():
    answers = answers_of(2, attention=np.stack([np.full((3, 4), 0.2), np.zeros((3, 4))]))
    assert DETECTORS["attention to the entity"](answers).tolist() == pytest.approx([-0.2, 0])


@pytest.mark.parametrize(
    "name, says", [("P(True)", "introspection"), ("attention to the entity", "states"), ("stated confidence", "look=")]
)
def test_what_was_not_asked_is_said(name, says):
    with pytest.raises(OptionError, match=says):
        DETECTORS[name](answers_of())


def test_detectors_of_samples_need_samples():
    alone = answers_of(4, count=0)
    with pytest.raises(OptionError, match="samples=10"):
        DETECTORS["self-consistency"](alone)
    assert "self-consistency" not in doubts(alone) and "entropy" in doubts(alone)


def test_a_mistyped_name_is_helped():
    with pytest.raises(OptionError, match="did you mean 'entropy'"):
        doubts(answers_of(), ["entropie"])


def test_every_detector_is_told_with_its_source():
    assert len(detectors()) == len(DETECTORS) >= 14
    assert all(row[3].split()[-1].isdecimal() for row in detectors().rows)


def test_every_detector_gives_one_number_for_each():
    answers = answers_of(8, p_true=np.full(8, 0.5), stated=np.full(8, 0.5), attention=np.zeros((8, 2, 2)))
    given = doubts(answers, [name for name in DETECTORS if "MiniLM" not in name])
    assert all(scores.shape == (8,) and np.isfinite(scores).all() for scores in given.values())
