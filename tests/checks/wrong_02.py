"""Plausible wrong answers to the exercises of lesson 02."""

import numpy as np


def bits(pattern):
    return -(pattern * np.log2(np.where(pattern > 0, pattern, 1))).sum(-1)


def with_nan(pattern):
    with np.errstate(all="ignore"):
        return -(pattern * np.log(pattern)).sum(-1)


def turned_sign(pattern):
    return (pattern * np.log(np.where(pattern > 0, pattern, 1))).sum(-1)


def over_queries(pattern):
    return -(pattern * np.log(np.where(pattern > 0, pattern, 1))).sum(0)


def second_half(length):
    return np.arange(length, 2 * length)


def copies(pattern, length):
    return pattern[second_half(length), second_half(length) - length].mean()


def total(pattern, length):
    return pattern[second_half(length), second_half(length) - length + 1].sum()


def all_rows(pattern, length):
    return pattern[second_half(length), second_half(length) - length + 1].sum() / len(pattern)


def last_left_out(pattern, length):
    queries = second_half(length)[:-1]
    return pattern[queries, queries - length + 1].mean()


WRONG = {
    "02.1": [
        (lambda n: np.triu(np.ones((n, n))), "upside down"),
        (lambda n: np.tril(np.ones((n, n)), -1), "a token may see itself"),
        (lambda n: np.ones((n, n)), "a key that comes later"),
        (lambda n: np.where(np.tril(np.ones((n, n))) > 0, 0, -1e9), "every entry is 1 or 0"),
        (np.eye, "some earlier token is hidden"),
        (lambda n: np.tril(np.ones((n + 1, n + 1))), "should have shape (5, 5)"),
    ],
    "02.2": [
        (copies, "duplicate-token head"),
        (total, "the mean over the queries, not the sum"),
        (all_rows, "average over the second half only"),
        (last_left_out, "the last one too"),
        (lambda pattern, length: pattern[length:], "should be one number"),
    ],
    "02.3": [
        (bits, "that is in bits"),
        (with_nan, "0 · log 0 counts as 0"),
        (turned_sign, "the sign is turned"),
        (over_queries, "should have shape (3,)"),
        (lambda pattern: np.log(pattern.shape[-1]) * np.ones(len(pattern)), "all weight on one token"),
    ],
}
