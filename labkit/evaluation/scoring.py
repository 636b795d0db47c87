"""Scoring: how well do scores of doubt tell wrong answers from right ones, and how sure is that?

Reads   which answers are wrong, and scores of doubt (higher = more likely wrong).
Gives   Scores with bootstrap intervals, risk–coverage curves, paired differences.
Ignores where the scores come from.

All ranks: a score's scale never matters. Laws: scikit-learn is the oracle; perfect, reversed and constant scores give
1, 0 and ½ (tests/evaluation/test_scoring.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.core.errors import OptionError, ShapeError
from labkit.core.results import Curve, Curves, Table
from labkit.core.seeds import derive

from .intervals import DRAWS, LEVEL, Measure, bootstrap, discoveries, p_value


@dataclass(frozen=True)
class Scores:
    """How well one detector tells wrong from right."""

    auroc: Measure
    """chance that a wrong answer gets a higher score than a right one; ½ = no use"""
    auprc: Measure
    """average precision of finding wrong answers; a useless score gets their share"""
    prr: Measure
    """prediction rejection ratio: what rejecting by this score saves of errors, over what perfect rejection would"""
    coverage: np.ndarray
    """(question,) share of questions answered, from the surest one on"""
    risk: np.ndarray
    """(question,) share of wrong answers among those answered"""
    wrong: float
    """share of wrong answers among all"""


def score(wrong: Any, scores: Any, *, groups: Any = None, seed: int = 0, draws: int = DRAWS) -> Scores:
    """AUROC, AUPRC, PRR and the risk–coverage curve of one detector.

    Args:
        wrong: (question,) bool.
        scores: (question,) float, higher = more likely wrong.
        groups: (question,) what is drawn whole, as in `bootstrap`.
        draws: bootstrap samples behind each interval; those with one class only are drawn again.

    Raises:
        ShapeError: the two differ in length.
        OptionError: all answers are right or all wrong, or a score is not a number.

    Sources: Hanley & McNeil 1982 (AUROC); El-Yaniv & Wiener 2010 (risk–coverage); Malinin & Gales 2021 (PRR).
    """
    wrong, scores = checked(wrong, scores)
    areas = [_drawn(of, wrong, scores, groups=groups, seed=seed, draws=draws) for of in (auroc, auprc, prr)]
    return Scores(areas[0], areas[1], areas[2], *risk_coverage(wrong, scores), float(wrong.mean()))


def compare(wrong: Any, first: Any, second: Any, *, groups: Any = None, seed: int = 0, draws: int = DRAWS) -> Measure:
    """AUROC of the first detector less that of the second, on the same questions; paired bootstrap.

    The difference is larger than chance where the interval leaves 0 out.

    Raises:
        as `score`.

    Law: a detector against itself is 0 with the interval [0, 0].
    """
    wrong, first = checked(wrong, first)
    _, second = checked(wrong, second)

    def gain(wrong: np.ndarray, first: np.ndarray, second: np.ndarray) -> Any:
        return auroc(wrong, first) - auroc(wrong, second)

    return _drawn(gain, wrong, first, second, groups=groups, seed=seed, draws=draws)


def _drawn(of: Any, wrong: np.ndarray, *scores: np.ndarray, seed: int, **options: Any) -> Measure:
    """With its interval: the same draws whatever is measured, each with right and wrong answers in it."""
    seed = derive(seed, "bootstrap", len(wrong))
    return bootstrap(of, wrong, *scores, seed=seed, keep=both_kinds, **options)


def both_kinds(wrong: np.ndarray, *_: Any) -> Any:
    """Whether answers of both kinds are there, over the last axis."""
    return wrong.any(-1) & ~wrong.all(-1)


def table(
    wrong: Any, doubts: Mapping[str, Any], *, baseline: str = "", groups: Any = None, seed: int = 0, draws: int = DRAWS
) -> Table:
    """One row for each detector, best first, each number with its interval.

    Args:
        doubts: detector → (question,) scores.
        baseline: a detector that all others are compared with; empty = none. Of so many comparisons, a star marks those
            that stand: 5 % of the stars may be chance.
        groups: (question,) what is drawn whole, as in `bootstrap`.
    """
    of = {name: score(wrong, scores, groups=groups, seed=seed, draws=draws) for name, scores in doubts.items()}
    shown = {name: {"detector": name, "AUROC": str(s.auroc)} for name, s in of.items()}
    notes = [f"in brackets: {LEVEL:.0%} interval, bootstrap over {'questions' if groups is None else 'whole groups'}"]
    if baseline:
        others = [name for name in doubts if name != baseline]
        against = {"groups": groups, "seed": seed}
        stands = discoveries([_swapped(wrong, doubts[name], doubts[baseline], **against) for name in others])
        for name, stand in zip(others, stands, strict=True):
            less = compare(wrong, doubts[name], doubts[baseline], draws=draws, **against)
            shown[name][f"AUROC less {baseline}'s"] = f"{less}{' *' if stand else ''}"
        shown[baseline][f"AUROC less {baseline}'s"] = "–"
        notes.append(f"*: stands among {len(others)} comparisons (Benjamini–Hochberg, 5 %)")
    rows = [shown[name] for name in sorted(of, key=lambda name: -of[name].auroc.value)]
    n, share = len(np.asarray(wrong)), float(np.mean(wrong))
    return Table.of(rows, f"Detectors on {n} answers, {share:.0%} of them wrong", notes)


def _swapped(wrong: Any, first: Any, second: Any, *, groups: Any = None, seed: int = 0) -> float:
    """How often chance alone parts two detectors so far: each answer's two ranks are swapped at random.

    The difference of two AUROCs is a mean over answers of rank differences, weighted by class.
    Source: Venkatraman & Begg 1996.
    """
    from scipy.stats import rankdata

    wrong = np.asarray(wrong, bool)
    weight = np.where(wrong, 1 / wrong.sum(), -1 / (~wrong).sum())
    ranks = [rankdata(scores) * weight for scores in (first, second)]
    return p_value(*ranks, groups=groups, seed=seed, draws=1999)


def risk_curves(wrong: Any, doubts: Mapping[str, Any]) -> Curves:
    """Risk against coverage of several detectors, as `lab.show` draws it."""
    curves = []
    for name, scores in doubts.items():
        coverage, risk = risk_coverage(*checked(wrong, scores))
        curves.append(Curve(name, coverage, risk))
    return Curves(tuple(curves), "share of questions answered", "share of answers that are wrong", "Risk and coverage",
                  levels=(("all answered", float(np.mean(wrong))),))  # fmt: skip


def checked(wrong: Any, scores: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays, or the reason why they cannot be scored.

    Raises:
        as `score`.
    """
    wrong, scores = np.asarray(wrong), np.asarray(scores, dtype=float)
    if wrong.shape != scores.shape or wrong.ndim != 1:
        raise ShapeError(f"{wrong.shape} marks and {scores.shape} scores were given; give one of each for each answer")
    if not len(wrong):
        raise OptionError(
            "no answer was given to score; ask at least one question that is answered right and one wrong"
        )
    wrong = wrong.astype(bool)
    if not np.isfinite(scores).all():
        raise OptionError(
            f"{int((~np.isfinite(scores)).sum())} of {len(scores)} scores are not numbers; leave them out"
        )
    if wrong.all() or not wrong.any():
        kind = "wrong" if wrong.all() else "right"
        raise OptionError(
            f"all {len(wrong)} answers are {kind}, so nothing can be told apart; add questions that the model "
            f"{'knows' if wrong.all() else 'does not know'}"
        )
    return wrong, scores


def auroc(wrong: np.ndarray, scores: np.ndarray) -> Any:
    """Area under the ROC curve, over the last axis; ties count one half."""
    from scipy.stats import rankdata

    ranks = rankdata(scores, axis=-1)
    positives = wrong.sum(-1)
    negatives = wrong.shape[-1] - positives
    return ((ranks * wrong).sum(-1) - positives * (positives + 1) / 2) / (positives * negatives)


def auprc(wrong: np.ndarray, scores: np.ndarray) -> Any:
    """Average precision, over the last axis; equal scores are one threshold."""
    order = np.argsort(-scores, axis=-1, kind="stable")
    hits = np.take_along_axis(wrong, order, -1)
    level = np.take_along_axis(scores, order, -1)
    found = hits.cumsum(-1)
    precision = found / np.arange(1, wrong.shape[-1] + 1)
    last = np.ones(level.shape, bool)
    last[..., :-1] = level[..., :-1] != level[..., 1:]
    reached = np.maximum.accumulate(np.where(last, found, 0), -1)
    recall_gain = np.diff(reached, axis=-1, prepend=0) * last
    return (precision * recall_gain).sum(-1) / wrong.sum(-1)


def risk_coverage(wrong: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(question,) coverage and risk, the surest answers first; equal scores share their mean error."""
    order = np.argsort(scores, axis=-1, kind="stable")
    errors = _shared(np.take_along_axis(scores, order, -1), np.take_along_axis(wrong, order, -1).astype(float))
    count = np.arange(1, wrong.shape[-1] + 1)
    return count / wrong.shape[-1], errors.cumsum(-1) / count


def _shared(level: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Errors (question,) where equal levels share their mean."""
    _, group = np.unique(level, return_inverse=True)
    return (np.bincount(group, errors) / np.bincount(group))[group]


def prr(wrong: np.ndarray, scores: np.ndarray) -> Any:
    """Prediction rejection ratio, over the last axis: 1 = perfect order, 0 = random order."""
    if wrong.ndim > 1:
        return np.array([prr(w, s) for w, s in zip(wrong, scores, strict=True)])
    _, risk = risk_coverage(wrong, scores)
    _, best = risk_coverage(wrong, wrong.astype(float))
    base = wrong.mean()
    return float((base - risk).mean() / (base - best).mean())
