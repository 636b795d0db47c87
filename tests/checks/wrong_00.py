"""Plausible wrong answers to the exercises of lesson 00."""

import numpy as np


def exp_alone(scores):
    return np.exp(scores)


def shares(scores):
    return (np.array(scores) + 1) / (np.array(scores) + 1).sum()


def overflowing(scores):
    with np.errstate(all="ignore"):
        return np.exp(scores) / np.exp(scores).sum()


def largest_only(scores):
    return (np.array(scores) == max(scores)).astype(float)


WRONG = {
    "00.1": [
        (exp_alone, "divide by their sum"),
        (shares, "take exp of each score"),
        (overflowing, "subtract the largest score"),
        (largest_only, "never 0 or less"),
        ([0.7, 0.2, 0.1], "expected a function"),
    ],
    "00.2": [
        (np.mean, "neither the mean"),
        (min, "neither the mean"),
        (lambda p: sum(p) + 0.5, "adding can exceed 1"),
        (lambda p: p[0] * p[1], "multiply all of them"),
        (lambda p: 1 - np.prod([1 - x for x in p]), "instead of 0.25"),
    ],
    "00.3": [
        (lambda n, size: n * size, "the number of bytes"),
        (lambda n, size: n * size / 2**30, "gibibytes"),
        (lambda n, size: n * size * 8 / 1e9, "counts bits"),
        (lambda n, size: n / 1e9, "multiply the two"),
        (lambda n, size: n * 4 / 1e9, "use both arguments"),
    ],
    "00.4": [
        ("Once upon a time, there was a", "look for 0.90 or more"),
        ("", "the text is empty"),
        ("The capital of France is the city of", "find another"),
        (0.95, "a text in quotes"),
    ],
}
