"""Clusters: probabilities sum to 1, and entropy at its limits."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.errors import OptionError, ShapeError
from labkit.hallucination.clusters import entropy, linked, once, probabilities, same_words


@pytest.mark.parametrize(
    "meanings, expected", [([0, 0, 0, 0], 0.0), ([0, 1, 2, 3], log(4)), ([0, 0, 1, 1], log(2)), ([7], 0.0)]
)
def test_semantic_entropy_at_its_limits(meanings, expected):
    assert entropy(meanings) == pytest.approx(expected)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(0, 100))
def test_class_probabilities_sum_to_one(classes, seed):
    logprobs = np.random.default_rng(seed).normal(-500, 300, len(classes))
    for given_ in (None, logprobs):
        p = probabilities(classes, given_)
        assert p.sum() == pytest.approx(1) and (p >= 0).all()
        assert 0 <= entropy(classes, given_) <= log(len(set(classes))) + 1e-9


def test_weights_are_probabilities():
    np.testing.assert_allclose(probabilities([0, 1, 0], np.log([0.2, 0.1, 0.1])), [0.75, 0.25])


def test_weighting_counts_each_text_once():
    assert once([0, 0, 1], ["a", "a", "b"], [-1.0, -1.0, -2.0]) == ([0, 1], [-1.0, -2.0])


def test_words_alike_are_one_class():
    assert same_words(["Paris", "the paris.", "Lyon", "PARIS!"]) == [0, 0, 1, 0]


def test_vectors_are_linked_through_others():
    angles = np.deg2rad([0, 30, 60, 180])
    assert linked(np.stack([np.cos(angles), np.sin(angles)], 1), near=0.8) == [0, 0, 0, 1]


def test_no_samples_are_refused():
    with pytest.raises(OptionError, match="draw at least one sample"):
        probabilities([])
    with pytest.raises(ShapeError, match="1 log-probabilities were given for 2"):
        probabilities([0, 1], [-1.0])
