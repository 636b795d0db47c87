"""N-gram models: the probability of a token from how often it followed the few tokens before it.

Counts of all orders up to n are mixed by Witten and Bell's rule: after a context that was followed by T different
tokens in N places, the next shorter context gets the weight T / (N + T). Below the unigram lies the even distribution.

Source: Bell, Cleary & Witten 1990, "Text Compression" (method C); Chen & Goodman 1999 for the comparison with others.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labkit.core.errors import OptionError, TextError
from labkit.core.values import is_whole

FACTOR, NOTHING = np.uint64(0x9E3779B97F4A7C15), np.uint64(1 << 63)


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each context of one length occurred, and each token after it."""

    contexts: np.ndarray
    """(context,) uint64 in order: each one's hash"""
    times: np.ndarray
    """(context,) int64"""
    followers: np.ndarray
    """(context,) int64, how many different tokens followed"""
    pairs: np.ndarray
    """(pair,) uint64 in order: hash of a context and the token after it"""
    pair_times: np.ndarray


@dataclass(frozen=True, eq=False)
class Ngram:
    """A model of order n: it sees the n - 1 tokens before."""

    n: int
    vocab_size: int
    orders: tuple[Counts, ...] = field(repr=False)
    """(n,) from the unigram on"""

    def log_probabilities(self, tokens: Any) -> np.ndarray:
        """(token,) natural logarithm of each token's probability; the first ones see what little there is."""
        ids = _checked(tokens, self.vocab_size)
        return np.log(self._mixed(ids, _contexts(ids, self.n)))

    def bits_per_token(self, tokens: Any) -> float:
        """Mean cost of a text in bits per token.

        Raises:
            TextError: there are no tokens, or one is not in the vocabulary.
        """
        return float(-self.log_probabilities(tokens).mean() / np.log(2))

    def distribution(self, context: Any) -> np.ndarray:
        """(vocab,) the probability of each token after some tokens; sums to 1."""
        ids = np.append(_checked(context, self.vocab_size, empty=True), 0)
        keys = [np.repeat(key[-1:], self.vocab_size) for key in _contexts(ids, self.n)]
        return self._mixed(np.arange(self.vocab_size), keys)

    def sample(self, length: int, *, context: Any = (), seed: int = 0) -> np.ndarray:
        """(length,) tokens drawn one after another."""
        draw, ids = np.random.default_rng(seed), list(context)
        for _ in range(length):
            ids.append(int(draw.choice(self.vocab_size, p=self.distribution(ids[-self.n :]))))
        return np.array(ids[len(ids) - length :], np.int64)

    def _mixed(self, targets: np.ndarray, keys: list[np.ndarray]) -> np.ndarray:
        """The mixed probability of each target after its context, the shorter contexts first."""
        mixed = np.full(len(targets), 1 / self.vocab_size)
        for counts, key in zip(self.orders, keys, strict=True):
            times, followers = _find(counts.contexts, key, counts.times, counts.followers)
            (pairs,) = _find(counts.pairs, _joined(key, targets), counts.pair_times)
            total = times + followers
            mixed = np.where(total > 0, (pairs + followers * mixed) / np.maximum(total, 1), mixed)
        return mixed


def ngram(tokens: Any, n: int, vocab_size: int) -> Ngram:
    """An n-gram model of some tokens.

    Args:
        tokens: (token,) ids below `vocab_size`, such as `data.tokens("train")`.
        n: 1 = unigram, 2 = bigram …

    Raises:
        OptionError: n is not 1 to 12.
        TextError: there are fewer than n tokens, or one is not in the vocabulary.

    Laws: probabilities sum to 1; the same as counting with dictionaries (tests/text/test_ngrams.py).
    """
    if not is_whole(n) or not 1 <= n <= 12:
        raise OptionError(f"n is {n!r}, but must be a whole number from 1 to 12")
    ids = _checked(tokens, vocab_size)
    if len(ids) < n:
        raise TextError(f"an n-gram model of order {n} needs at least {n} tokens, but there are {len(ids)}")
    return Ngram(n, vocab_size, tuple(_count(key[i:], ids[i:]) for i, key in enumerate(_contexts(ids, n))))


def _count(context: np.ndarray, ids: np.ndarray) -> Counts:
    """Of each position: the hash of its context, and its token."""
    pairs, first, pair_times = np.unique(_joined(context, ids), return_index=True, return_counts=True)
    contexts, where = np.unique(context[first], return_inverse=True)
    times = np.bincount(where, pair_times, len(contexts)).astype(np.int64)
    return Counts(contexts, times, np.bincount(where, minlength=len(contexts)), pairs, pair_times)


def _contexts(ids: np.ndarray, n: int) -> list[np.ndarray]:
    """(order) of (token,) uint64: for each token the hash of the 0, 1 … n - 1 tokens before it.

    Where the text has fewer tokens before, a mark that is never counted stands in for them: such a context is unknown.
    """
    key = np.zeros(len(ids), np.uint64)
    keys = [key]
    for length in range(1, n):
        before = np.full(len(ids), NOTHING, np.uint64)
        before[length:] = ids[: max(0, len(ids) - length)]
        key = _joined(key, before)
        keys.append(key)
    return keys


def _joined(key: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The hash of a context made longer by one token; 64 bits, so that a clash among millions is unlikely."""
    mixed = (key ^ (ids.astype(np.uint64) + np.uint64(1))) * FACTOR  # wraps around, as meant
    return mixed ^ (mixed >> np.uint64(31))


def _find(known: np.ndarray, wanted: np.ndarray, *values: np.ndarray) -> list[np.ndarray]:
    """The values of the wanted keys, 0 where a key is unknown."""
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    there = known[at] == wanted
    return [np.where(there, value[at], 0) for value in values]


def _checked(tokens: Any, vocab_size: int, *, empty: bool = False) -> np.ndarray:
    ids = np.asarray(tokens, np.int64)
    if not empty and not len(ids):
        raise TextError("there are no tokens; pass some, such as data.tokens('train')")
    if len(ids) and (ids.min() < 0 or ids.max() >= vocab_size):
        raise TextError(f"the ids run from {ids.min()} to {ids.max()}, but the vocabulary from 0 to {vocab_size - 1}")
    return ids
