"""Lesson 01's claims where there is nothing to see, and with an effect where the lesson says that there is none.

Shares of letters scatter from word to word by about 25 points, rows of the table by their own; the ratios of tokens per
word scatter over which half of the speeches is learned from: `OVER_HALVES`, the range of five seeds in the baseline
halved and rounded up.
"""

from collections.abc import Callable

import numpy as np

from labkit.evaluation import difference
from labkit.evaluation.intervals import Measure

Rng = np.random.Generator
DRAWS = 200  # of the bootstrap
WORDS, STRINGS, VOCABULARY, KINDS, OF_A_KIND = 40, 2000, 49_152, 6, 150
"""Sizes of the FAST profile, the smallest."""
LETTERS, OVER_HALVES = 25.0, 0.03
"""Scatter of a word's letters, points; of a ratio of tokens per word."""


def gain(rng: Rng, points: float) -> Measure:
    """The same words read in two ways, which differ by so many points."""
    before = rng.normal(40, LETTERS, WORDS)
    return difference(before + rng.normal(points, LETTERS / 2, WORDS), before, draws=DRAWS)


def other_words(rng: Rng, points: float) -> Measure:
    """Other words, of which so many points more letters are right."""
    return difference(rng.normal(40 + points, LETTERS, WORDS), rng.normal(40, LETTERS, WORDS), draws=DRAWS)


def ratio(middle: float) -> Callable[[Rng], float]:
    return lambda rng: rng.normal(middle, OVER_HALVES)


def any_kind(rng: Rng) -> float:
    """Per cent of ten neighbours of each row that are of its kind, where neighbours are drawn from all rows."""
    kinds = np.repeat(np.arange(KINDS), OF_A_KIND)
    neighbours = kinds[rng.integers(len(kinds), size=(len(kinds), 10))]
    return 100 * float((neighbours == kinds[:, None]).mean())


def flat_table(rng: Rng) -> float:
    """Per cent of the spread in the plane, where two directions are planted that hold about a third of it."""
    rows = rng.normal(size=(200, 100))
    rows[:, :2] *= 5
    spread = np.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
    return 100 * float(spread[:2].sum() / spread.sum())


NULLS: dict[str, Callable[[Rng], float]] = {
    "known_low": lambda rng: gain(rng, 0).low,
    "spelling_low": lambda rng: gain(rng, 0).low,
    "era": ratio(0),
    "qwen_exact": lambda rng: (rng.random(STRINGS) < 0.99).mean(),  # a tokenizer that loses next to nothing
    "days": lambda rng: rng.binomial(6, 0.01),  # six rows drawn from the table
    "capital": lambda rng: float(np.median(rng.integers(VOCABULARY, size=300))),
    "same_kind": any_kind,
}
"""Claim → its value where there is nothing to see."""

PLANTED: dict[str, Callable[[Rng], float]] = {
    "early": ratio(1.12),
    "seen": ratio(1.2),
    "halves_low": lambda rng: gain(rng, -10).low,
    "halves_high": lambda rng: gain(rng, 20).high,
    "pieced_low": lambda rng: other_words(rng, -10).low,
    "pieced_high": lambda rng: other_words(rng, 20).high,
    "bert_exact": lambda rng: (rng.random(STRINGS) < 0.05).mean(),
    "plane": flat_table,
}
"""Claim of absence → its value where an effect is planted: old or unseen texts need 12 or 20 % more tokens; a cut that
costs 10 points or wins 20; 5 % of the strings come back; a plane that holds a third of the spread."""

EXACT = {
    **dict.fromkeys(
        ["first", "frequent", "rare", "as_library", "same_merges", "shouted", "gpt2_number_cuts", "exact", "all_bytes"],
        "what an algorithm does to a given text",
    ),
    **dict.fromkeys(
        ["worst_gpt2", "worst_o200k", "chinese", "added_gpt2", "added_o200k", "grown"],
        "counts over the three sentences that the lab ships, which the lesson calls few",
    ),
}
"""Claim → why it has no null."""

COMPUTED = {"same_merges": ("equals", "as many as were learned"), "exact": ("equals", "five names")}
"""Bounds that the notebook computes."""
