"""Lesson 10's claims on noise: each passes in at most 5 % of draws, and a planted effect breaks a claim of absence.

LABKIT_LONG=1 python -m pytest -s tests/hallucination/test_nulls.py        # ten times the draws, and the table
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from labkit.evaluation import auroc, bootstrap, difference
from labkit.evaluation.scoring import both_kinds
from tests.evaluation.nulls import claimed, luck, passing

CAPITALS, FACTS, PAIRS, LEVELS, PERSONS = 56, 76, 16, 8, 100
"""Sizes of the FAST profile, the smallest: a larger sample makes a bound stricter."""
RIGHT = 0.35
CLAIMS = claimed("10_hallucination")
MANY = pytest.mark.parametrize("draws", [200, pytest.param(3000, marks=pytest.mark.long)])
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

UNTOUCHED = {"sure_never", "sure_once", "invents", "found", "end_late"}
"""What a trained model or a search does, which no noise stands for; a flat choice among words is below 0.1."""


def test_every_claim_of_the_lesson_has_a_null():
    assert set(CLAIMS) == {*NULLS, *PLANTED, *UNTOUCHED}


@MANY
@pytest.mark.parametrize("name", NULLS)
def test_noise_passes_in_at_most_one_of_twenty(name, draws):
    share = passing(NULLS[name], CLAIMS[name], draws)
    print(f"{name:20} {CLAIMS[name][0]} {CLAIMS[name][1]}: {share:.1%} of {draws} draws of noise pass")
    assert share <= 0.05 + luck(0.05, draws)


@MANY
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_effect_breaks_a_claim_of_absence(name, draws):
    share = passing(PLANTED[name], CLAIMS[name], draws)
    print(f"{name:20} {CLAIMS[name][0]} {CLAIMS[name][1]}: {share:.1%} of {draws} draws with an effect pass")
    assert share <= 0.05 + luck(0.05, draws)


def test_the_old_bounds_were_passed_by_noise():
    """The tool can fail: a value alone, without its interval, at a bound below chance."""
    assert passing(lambda rng: auroc(marks(rng, 28), rng.random(28)), ("at_least", 0.4), 200) > 0.7
