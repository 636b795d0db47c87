"""Intervals: how far a number could have come out otherwise, had other questions, people or prompts been drawn.

Reads   one number or mark for each item, and which items belong together.
Gives   Measure (value, low, high), ends of shares, p-values, which of many findings stand.
Ignores what was measured.

    bootstrap(np.mean, right)                            # items drawn anew, with replacement
    bootstrap(np.mean, right, groups=person)             # people drawn anew, each with all of their items
    difference(before, after, groups=person)             # the same items twice: pairs stay together
    discoveries([p_value(a, b) for a, b in pairs])       # of so many comparisons, 5 % of those kept may be chance

Items of one group (answers of one person, fillings of one template) tell less than as many items that have nothing to
do with each other. Drawn one by one they give an interval that is too narrow; drawn group by group, the right one.

Laws (tests/evaluation/test_intervals.py): intervals hold the truth as often as they say, with groups too, and without
them not; groups of one are no groups; scipy is the oracle of shares and corrections.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.core.errors import OptionError, ShapeError
from labkit.core.seeds import derive

DRAWS = 1000
LEVEL = 0.95
Z = 1.96
FEWEST_GROUPS = 3


@dataclass(frozen=True)
class Measure:
    """A number with its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        value, low, high = (round(number, 2) + 0.0 for number in (self.value, self.low, self.high))  # no -0.00
        return f"{value:.2f} [{low:.2f}, {high:.2f}]"

    def __float__(self) -> float:
        return self.value


def bootstrap(
    statistic: Callable[..., Any], *samples: Any, groups: Any = None, seed: int = 0, draws: int = DRAWS,
    keep: Callable[..., Any] | None = None,
) -> Measure:  # fmt: skip
    """A statistic of samples, with the interval in which drawing anew puts it, 95 %.

    Args:
        statistic: of as many arrays as there are samples. One that works over the last axis is computed for all draws
            at once; any other for one draw after another.
        samples: (item,) each; items at one place belong together (pairs).
        groups: (item,) names of what is drawn whole: people, prompts, topics. None = each item for itself.
        seed: of the draws, `derive(seed, "a name")` for a stream of one's own.
        keep: (samples) → bool; draws that it refuses are drawn again, those of one class only for example.

    Raises:
        ShapeError: samples or groups of different lengths, or no item.
        OptionError: fewer than three groups: two people say nothing about people.

    Percentiles (Efron 1979); with groups, taken as far out as Student's quantiles are for so many groups (Hesterberg
    2015), because few groups vary less in their draws than in truth.
    """
    arrays = [np.asarray(sample) for sample in samples]
    if not arrays or not arrays[0].size or any(a.shape != arrays[0].shape or a.ndim != 1 for a in arrays):
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise ShapeError(f"samples of shapes {shapes or '()'} cannot be drawn together; give one value for each item")
    kept = (lambda rows: keep(*_at(arrays, rows))) if keep else None
    rows = resamples(len(arrays[0]), groups=groups, seed=seed, draws=draws, keep=kept)
    return interval(float(statistic(*arrays)), _each(statistic, arrays, rows), groups)


def resamples(
    items: int,
    *,
    groups: Any = None,
    seed: int = 0,
    draws: int = DRAWS,
    keep: Callable[[np.ndarray], Any] | None = None,
) -> "np.ndarray | list[np.ndarray]":
    """(draw, item) numbers of items, drawn with replacement; a list where groups of unequal size make unequal draws.

    Raises:
        as `bootstrap`.
    """
    rng = np.random.default_rng(seed)
    parts = [np.array([item]) for item in range(items)] if groups is None else _parts(groups, items)
    chosen = rng.integers(len(parts), size=(draws, len(parts)))  # (draw, group)
    if len({len(part) for part in parts}) > 1:
        rows = [np.concatenate([parts[g] for g in row]) for row in chosen]
        while keep and (bad := [n for n, row in enumerate(rows) if not keep(row)]):
            for n in bad:
                rows[n] = np.concatenate([parts[g] for g in rng.integers(len(parts), size=len(parts))])
        return rows
    table = np.stack(parts)  # (group, member)
    while keep and (bad := ~np.asarray(keep(table[chosen].reshape(draws, -1)))).any():
        chosen[bad] = rng.integers(len(parts), size=(int(bad.sum()), len(parts)))
    return table[chosen].reshape(draws, -1)


def _parts(groups: Any, items: int) -> list[np.ndarray]:
    """The items of each group, groups in the order of their first item."""
    names = np.asarray(groups)
    if names.shape != (items,):
        raise ShapeError(f"{names.shape} groups were given for {items} items; name one group for each item")
    _, first, number = np.unique(names, return_index=True, return_inverse=True)
    if len(first) < FEWEST_GROUPS:
        raise OptionError(
            f"{len(first)} groups cannot stand for others; draw {FEWEST_GROUPS} or more, or leave groups= out"
        )
    return [np.flatnonzero(number == g) for g in np.argsort(first)]


def _at(arrays: Sequence[np.ndarray], rows: Any) -> list[np.ndarray]:
    return [a[rows] for a in arrays]


def _each(statistic: Callable[..., Any], arrays: Sequence[np.ndarray], rows: Any) -> np.ndarray:
    """(draw,) the statistic of each draw: at once where it goes over the last axis, else one by one."""
    if isinstance(rows, np.ndarray):
        try:  # on two draws first: what does not go over the last axis may need any amount of memory
            two = np.asarray(statistic(*_at(arrays, rows[:2])), float)
        except (ValueError, TypeError, IndexError):
            two = np.empty(0)
        alone = [float(statistic(*_at(arrays, row))) for row in rows[:2]]
        if two.shape == (len(alone),) and np.allclose(two, alone, equal_nan=True):
            return np.asarray(statistic(*_at(arrays, rows)), float)
    return np.array([float(statistic(*_at(arrays, row))) for row in rows])


def interval(value: float, drawn: Any, groups: Any = None) -> Measure:
    """A value with the quantiles of what was drawn; of groups, as far out as their number asks for."""
    tail = (1 - LEVEL) / 2
    if groups is not None:
        from scipy.stats import norm, t

        count = len(set(np.asarray(groups).tolist()))
        tail = float(norm.cdf(t.ppf(tail, count - 1) * np.sqrt(count / (count - 1))))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Measure(value, float(low), float(high))


def difference(first: Any, second: Any, *, groups: Any = None, seed: int = 0, draws: int = DRAWS) -> Measure:
    """Mean of the first less that of the second, measured on the same items: pairs are drawn together.

    Raises:
        as `bootstrap`.
    """
    first, second = (np.asarray(x, float) for x in (first, second))
    return bootstrap(lambda a, b: (a - b).mean(-1), first, second, groups=groups, seed=seed, draws=draws)


def p_value(first: Any, second: Any, *, groups: Any = None, seed: int = 0, draws: int = 9999) -> float:
    """How often chance alone parts two measurements of the same items as far as these: pairs are swapped at random.

    Args:
        groups: (item,) what is swapped as a whole.

    Raises:
        as `bootstrap`.

    Source: Fisher 1935 (the paired permutation test), by scipy.
    """
    from scipy.stats import permutation_test

    apart = np.asarray(first, float) - np.asarray(second, float)
    if groups is not None:
        apart = np.array([apart[part].sum() for part in _parts(groups, len(apart))])
    found = permutation_test((apart,), lambda x, axis: x.mean(axis), permutation_type="samples", vectorized=True,
                             n_resamples=draws, rng=np.random.default_rng(derive(seed, "permutation")))  # fmt: skip
    return float(found.pvalue)


def discoveries(p_values: Any, *, at: float = 0.05) -> np.ndarray:
    """(finding,) bool: which of many findings stand, so that a share of at most `at` of them is expected to be chance.

    Source: Benjamini & Hochberg 1995, by scipy.

    Raises:
        OptionError: a p-value or `at` lies outside [0, 1].
    """
    from scipy.stats import false_discovery_control

    p = np.asarray(p_values, float)
    if not ((p >= 0) & (p <= 1)).all() or not 0 <= at <= 1:
        raise OptionError(f"p-values and at={at!r} must lie between 0 and 1; leave findings without a p-value out")
    return false_discovery_control(p) <= at if p.size else np.zeros(0, bool)


def wilson(shares: Any, counts: Any, z: float = Z) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) of shares of so many trials, 95 %. Source: Wilson 1927."""
    shares, counts = np.asarray(shares, float), np.asarray(counts)
    middle = (shares + z * z / (2 * counts)) / (1 + z * z / counts)
    half = z / (1 + z * z / counts) * np.sqrt(shares * (1 - shares) / counts + z * z / (4 * counts * counts))
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
