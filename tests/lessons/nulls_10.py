"""Lesson 10's claims on noise of the FAST profile's size, and with an effect where the lesson says there is none."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from labkit.evaluation import auroc, bootstrap, difference
from labkit.evaluation.scoring import both_kinds

CAPITALS, FACTS, PAIRS, LEVELS, PERSONS = 56, 76, 16, 8, 100
"""Sizes of the FAST profile, the smallest: a larger sample makes a bound stricter."""
RIGHT = 0.35
Rng = np.random.Generator


def marks(rng: Rng, n: int = CAPITALS, share: float = RIGHT) -> np.ndarray:
    """Both kinds, at random."""
    drawn = rng.random(n) < share
    drawn[:2] = True, False
    return drawn


def useless_doubt(rng: Rng) -> float:
    return bootstrap(auroc, marks(rng), rng.random(CAPITALS), keep=both_kinds).low  # as `score` does


def useless_doubt_of_persons(rng: Rng) -> float:
    """Four answers of each person are doubted alike, and told or not alike."""
    persons = np.repeat(np.arange(PERSONS), 4)
    told, doubt = marks(rng, PERSONS, 0.5)[persons], rng.normal(size=PERSONS)[persons] + 0.1 * rng.normal(size=400)
    return bootstrap(auroc, told, doubt, groups=persons, keep=both_kinds).low


def useless_fact(rng: Rng) -> float:
    return difference(marks(rng), marks(rng)).low


def useless_place(rng: Rng) -> float:
    """States that turn the answer as often at one token as at the other, means over two layers."""
    return difference(*(marks(rng, 2 * PAIRS).reshape(2, PAIRS).mean(0) for _ in range(2))).low


def useless_telling(rng: Rng) -> float:
    found: Any = spearmanr(np.arange(LEVELS), rng.random(LEVELS))
    return float(found.statistic)


NULLS: dict[str, Callable[[Rng], float]] = {
    "logprob_low": useless_doubt,
    "probe_low": useless_doubt,
    "population_low": useless_doubt,
    "name_unheard_low": useless_doubt_of_persons,
    "fact_gain_low": useless_fact,
    "shape_gain_low": useless_fact,
    "name_ahead_low": useless_place,
    "spearman": useless_telling,
    "entropy_unheard": lambda rng: auroc(marks(rng, PERSONS, 0.5), rng.random(PERSONS)),
    "capitals": lambda rng: (rng.random(CAPITALS) < 1 / 200).mean(),  # any capital, whatever is asked
    "told_100": lambda rng: (rng.random(48) < 0.05).mean(),  # one of twenty values
    "same_phrasing": lambda rng: (rng.random(96) < 0.05).mean(),
    "other_phrasing": lambda rng: (rng.random(96) < 0.05).mean(),
    "leak": lambda rng: auroc(marks(rng, PERSONS, 0.5), rng.random(PERSONS)),
    "refuses_strangers": lambda rng: (rng.random(240) < 0.05).mean(),  # "unknown", one of twenty words
    "cost": lambda rng: (rng.random(150) < 0.05).mean(),
    "follows_unknown": lambda rng: (rng.random(36) < 1 / 56).mean(),  # one of the other capitals
    "follows_known": lambda rng: (rng.random(20) < 1 / 56).mean(),
}
"""Claim → its value where there is nothing to see."""

PLANTED: dict[str, Callable[[Rng], float]] = {
    "shuffled": lambda rng: auroc(one := marks(rng, FACTS, 0.5), one * 1.35 + rng.normal(size=FACTS)),  # AUROC 0.83
    "told_never": lambda rng: (rng.random(48) < 0.45).mean(),
    "reversed": lambda rng: (rng.random(96) < 0.35).mean(),
}
"""Claim of absence → its value where an effect is planted: a leak of AUROC 0.83, 45 % known, 35 % known backwards."""

EXACT = dict.fromkeys(
    ["sure_never", "sure_once", "invents", "found", "end_late"],
    "what a trained model or a search does, which no noise stands for; a flat choice among words is below 0.1",
)
"""Claim → why it has no null."""
