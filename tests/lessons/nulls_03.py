"""Lesson 03's claims on noise of the FAST profile's size: any word, any head, places that tell no more than others."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import rankdata

from labkit.evaluation import bootstrap, difference

TEXTS, PAIRS, HEADS, STATES, WIDE, OPENINGS, NEURONS = 2, 8, 45, 11, 576, 12, 1536
Rng = np.random.Generator


def end(values: Any, low: bool) -> float:
    """One end of the interval of a mean."""
    found = bootstrap(lambda rows: rows.mean(-1), np.asarray(values, float))
    return found.low if low else found.high


def back(rng: Rng, mean: float, low: bool) -> float:
    """An end of what comes back at one place, whose mean over all pairs there are is known; pairs differ by 0.2."""
    return end(rng.normal(mean, 0.2, PAIRS), low)


def agreement(rng: Rng, planted: float) -> float:
    """Upper end of the rank correlation of two measures of heads, over prompts."""
    one, noise = rng.normal(size=(2, PAIRS, HEADS))
    ranks = rankdata([one, planted * one + np.sqrt(1 - planted**2) * noise], axis=-1)
    ranks = (ranks - ranks.mean(-1, keepdims=True)) / ranks.std(-1, keepdims=True)
    return end((ranks[0] * ranks[1]).mean(-1), low=False)


def any_head(rng: Rng) -> str:
    return "L{}H{}".format(*divmod(int(rng.integers(270)), 9))


def distances(rng: Rng) -> np.ndarray:
    """(reading, text) of two readings that are as good as each other; texts differ by a third."""
    return rng.lognormal(0, 0.3, (2, TEXTS))


def starts(rng: Rng) -> np.ndarray:
    """(text, d_model) directions at random."""
    made = rng.normal(size=(3, WIDE))
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def leaning(rng: Rng, mean: float, low: bool) -> float:
    """An end of how far the openings move; they differ by 0.8 nats."""
    return end(rng.normal(mean, 0.8, OPENINGS), low)


def about(rng: Rng, share: float, low: bool) -> float:
    """An end of the share of neurons that are about one word, where each is with this probability."""
    return end(rng.random(NEURONS) < share, low)


NULLS: dict[str, Callable[[Rng], Any]] = {
    "says": lambda rng: f"word {rng.integers(49152)}",
    "first_token": lambda rng: rng.lognormal(0, 0.5, 3).mean() / np.median(rng.lognormal(0, 0.5, 297)),
    "first_alike": lambda rng: (starts(rng) @ starts(rng).T).min(),
    "one_dimension": lambda rng: (starts(rng) ** 2).mean(0).max(),
    "without_first": lambda rng: rng.normal(0, 0.05, 3).mean(),  # as without another token
    "lens_lies": lambda rng: np.divide(*distances(rng).mean(1)),  # it knows what word frequencies know
    "lens_fair": lambda rng: np.divide(*distances(rng).mean(1)),
    "lens_better": lambda rng: np.less(*rng.random((2, TEXTS, STATES - 1))).mean(),
    "difference": lambda rng: end(rng.normal(0, 1.3, PAIRS), low=True),  # two names at random
    "looker": lambda rng: end(rng.dirichlet(np.ones(14), 2 * PAIRS)[:, 3], low=True),
    "looker_writes": lambda rng: end(rng.normal(0, 1, 2 * PAIRS), low=False),
    "writer": any_head,
    "country_22": lambda rng: back(rng, 0.5, low=True),  # it stands at both places alike
    "end_24": lambda rng: back(rng, 0.3, low=True),
    "giver_18": lambda rng: back(rng, 0.5, low=True),
    "three_heads": lambda rng: back(rng, 1 / 3, low=True),  # as any three of the nine
    "first_mlp": lambda rng: back(rng, 0.5, low=True),
    "estimate_heads": lambda rng: end([np.corrcoef(*rng.normal(size=(2, HEADS)))[0, 1] for _ in range(PAIRS)], True),
    "steered_up": lambda rng: leaning(rng, rng.normal(0, 0.3), low=True),  # as a direction drawn at random
    "steered_down": lambda rng: leaning(rng, rng.normal(0, 0.3), low=False),
    "overdose": lambda rng: rng.normal(0.15, 0.1),  # as once
    "superposition": lambda rng: rng.normal(0, 2),  # as many kept either way
    "about_lead": lambda rng: difference(*(rng.random((2, NEURONS)) < 0.02)).low,
}
"""Claim → its value where there is nothing to see."""

PLANTED: dict[str, Callable[[Rng], Any]] = {
    "without_other": lambda rng: rng.normal(0.3, 0.05, 3).mean(),
    **dict.fromkeys(["look_write", "look_lost", "write_lost"], lambda rng: agreement(rng, 0.6)),
    "country_24": lambda rng: back(rng, 0.3, low=False),
    "giver_24": lambda rng: back(rng, 0.4, low=False),
    "other_heads": lambda rng: rng.normal(1 / 3, 0.05),
    "middle_mlps": lambda rng: np.append(rng.normal(0, 0.02, 5), rng.normal(0.25, 0.2, PAIRS).mean()).max(),
    "estimate_stream": lambda rng: rng.normal(0.9, 0.2, (PAIRS, 6)).mean(0).max(),
    "steered_chance": lambda rng: abs(leaning(rng, 1.5, low=True)),
    "steered_price": lambda rng: rng.normal(1, 0.2),
    "dense": lambda rng: rng.integers(9, 20),
    "about_most": lambda rng: about(rng, 0.35, low=False),
    "about_shuffled": lambda rng: about(rng, 0.04, low=False),
}
"""Claim of absence → its value with an effect: another token that costs 0.3 nats; ranks that agree with 0.6; a third
of the difference still at the country or the giver, or with three other heads; a middle part that brings back a
quarter; an estimate that is right; a random direction that moves 1.5 nats; a price of 1 nat; a third of the neurons
about a word."""

EXACT = {
    **dict.fromkeys(["by_hand", "shares_add_up"], "two ways to the same, up to rounding"),
    "feed_forward": "numbers, counted",
}
"""Claim → why it has no null."""

COMPUTED = dict.fromkeys(["look_write", "look_lost", "write_lost"], ("at_most", 0.45))
"""Claims that the lesson makes in a loop."""
