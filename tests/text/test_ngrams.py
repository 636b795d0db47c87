"""N-gram models: probabilities that sum to one, and the same as counting with dictionaries."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.errors import OptionError, TextError
from labkit.text import ngram


def by_hand(train, context, token, vocab, n):
    """Witten and Bell's rule as a recursion over dictionaries."""
    if n == 0:
        return 1 / vocab
    if len(context) < n - 1:
        return by_hand(train, context, token, vocab, n - 1)
    context = tuple(context[len(context) - n + 1 :])
    after = defaultdict(Counter)
    for i in range(n - 1, len(train)):
        after[tuple(train[i - n + 1 : i])][train[i]] += 1
    shorter = by_hand(train, context[1:], token, vocab, n - 1)
    counts = after[context]
    total, kinds = sum(counts.values()), len(counts)
    return (counts[token] + kinds * shorter) / (total + kinds) if total else shorter


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=5, max_size=40), st.lists(st.integers(0, 3), min_size=1, max_size=8),
       st.integers(1, 5))  # fmt: skip
def test_it_is_witten_and_bells_rule(train, text, n):
    found = ngram(train, n, 4).log_probabilities(text)
    expected = [by_hand(train, text[:i], token, 4, n) for i, token in enumerate(text)]
    assert np.exp(found) == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=5, max_size=60), st.lists(st.integers(0, 5), max_size=6), st.integers(1, 5))
def test_probabilities_sum_to_one_and_are_those_of_the_text(train, context, n):
    model = ngram(train, n, 6)
    following = model.distribution(context)
    assert following.shape == (6,) and following.sum() == pytest.approx(1) and (following > 0).all()
    for token in range(6):
        assert np.log(following[token]) == pytest.approx(model.log_probabilities([*context, token])[-1])


def test_dice_cost_their_entropy_and_a_rule_costs_nothing():
    dice = np.random.default_rng(0).integers(0, 8, 20_000)
    assert ngram(dice, 1, 8).bits_per_token(dice) == pytest.approx(3, abs=0.01)
    clock = np.arange(20_000) % 8
    assert ngram(clock, 2, 8).bits_per_token(clock) < 0.01
    assert ngram(clock, 1, 8).bits_per_token(clock) == pytest.approx(3, abs=0.01)


def test_samples_are_of_the_text_and_repeat():
    model = ngram(np.arange(1000) % 5, 3, 5)
    assert model.sample(6, context=[1, 2]).tolist() == [3, 4, 0, 1, 2, 3]
    assert (model.sample(50, seed=1) == model.sample(50, seed=1)).all() and len(model.sample(3)) == 3


@pytest.mark.parametrize(
    "tokens, n, error, message",
    [
        ([1, 2], 0, OptionError, "1 to 12"),
        ([1, 2], 2.0, OptionError, "1 to 12"),
        ([], 1, TextError, "no tokens"),
        ([1, 2], 3, TextError, "at least 3 tokens, but there are 2"),
        ([1, 9], 1, TextError, "from 1 to 9, but the vocabulary from 0 to 4"),
    ],
)
def test_what_cannot_be_counted_is_refused(tokens, n, error, message):
    with pytest.raises(error, match=message):
        ngram(tokens, n, 5)
