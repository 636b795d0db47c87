"""Reliability: of the answers given with 70 % confidence, are 70 % right?

Reads   confidences in [0, 1], and which answers are right.
Gives   Brier score, expected calibration error, reliability curve; a temperature fitted on other answers.
Ignores where the confidences come from.

Laws (tests/evaluation/test_reliability.py): outcomes drawn with the stated confidence give an ECE near 0, which lies in
its interval; the fitted temperature undoes one that was applied; scikit-learn's Brier score is the oracle.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.core.errors import OptionError, ShapeError
from labkit.core.results import Curve, Curves
from labkit.core.seeds import derive

from .intervals import Measure, bootstrap, interval, resamples, wilson
from .scoring import both_kinds

BINS, DRAWS = 10, 500
SMALLEST = 1e-6


@dataclass(frozen=True)
class Reliability:
    """How well confidence matches accuracy."""

    brier: Measure
    """mean squared difference between confidence and outcome; 0 = perfect"""
    ece: Measure
    """mean distance between confidence and accuracy over bins of equal size; few answers lift it above 0"""
    confidence: np.ndarray
    """(bin,) mean confidence"""
    accuracy: np.ndarray
    """(bin,) share of right answers"""
    count: np.ndarray
    """(bin,) answers"""

    def curve(self, name: str = "answers") -> Curve:
        """Accuracy over confidence, with 95 % intervals."""
        return Curve(name, self.confidence, self.accuracy, *wilson(self.accuracy, self.count))


def calibration(wrong: Any, confidence: Any, *, bins: int = BINS, groups: Any = None, seed: int = 0) -> Reliability:
    """Brier score, ECE and reliability of confidences.

    Args:
        wrong: (question,) bool; one class alone is allowed.
        confidence: (question,) in [0, 1].
        bins: of equal size.
        groups: (question,) what is drawn whole, as in `bootstrap`.

    Raises:
        ShapeError: the two differ in length.
        OptionError: no answer, or a confidence outside [0, 1].

    Sources: Brier 1950; Naeini, Cooper & Hauskrecht 2015 (ECE), with bins of equal size as Nixon et al. 2019.
    """
    right, confidence = _checked(wrong, confidence)

    keep, name = both_kinds if both_kinds(right) else None, derive(seed, "bootstrap", len(right))
    brier = bootstrap(lambda right, sure: ((sure - right) ** 2).mean(-1), right, confidence, groups=groups, seed=name,
                      draws=DRAWS, keep=keep)  # fmt: skip
    rows = resamples(len(right), groups=groups, seed=name, draws=DRAWS,
                     keep=None if keep is None else lambda row: both_kinds(right[row]))  # fmt: skip
    value, drawn = ece(right, confidence, bins), np.array([ece(right[row], confidence[row], bins) for row in rows])
    drawn = np.maximum(0, drawn - drawn.mean() + value)  # drawing anew adds an error of its own
    return Reliability(brier, interval(value, drawn, groups), *_bins(right, confidence, bins))


def reliability(**found: Reliability) -> Curves:
    """Reliability curves side by side, with the line that perfect calibration would follow."""
    ends = np.array([0.0, 1.0])
    lines = [one.curve(name.replace("_", " ")) for name, one in found.items()]
    return Curves((*lines, Curve("perfect", ends, ends, dashed=True)), "confidence", "share of right answers",
                  "Is it as right as it is sure?")  # fmt: skip


def ece(right: np.ndarray, confidence: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error over bins of equal size."""
    means, shares, counts = _bins(right, confidence, bins)
    return float((counts * np.abs(means - shares)).sum() / len(right))


def _bins(right: np.ndarray, confidence: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
    return (np.array([confidence[p].mean() for p in parts]), np.array([right[p].mean() for p in parts]),
            np.array([len(p) for p in parts]))  # fmt: skip


def scaled(confidence: Any, temperature: float, shift: float = 0.0) -> np.ndarray:
    """Confidences whose log-odds are divided by a temperature, and shifted."""
    p = np.clip(np.asarray(confidence, float), SMALLEST, 1 - SMALLEST)
    return 1 / (1 + np.exp(-(np.log(p / (1 - p)) / temperature + shift)))


def fit_temperature(wrong: Any, confidence: Any, *, shift: bool = False) -> tuple[float, float]:
    """(temperature, shift) under which confidences lose least, in log-loss, on these answers; apply it to others.

    Args:
        shift: True: the log-odds are shifted too (Platt scaling); False: temperature alone, shift 0.

    Raises:
        OptionError: all answers are right or all wrong.

    Sources: Guo et al. 2017 (temperature); Platt 1999 (with a shift).
    """
    from scipy.optimize import minimize

    right, confidence = _checked(wrong, confidence)
    if right.all() or not right.any():
        raise OptionError(
            f"all {len(right)} answers are {'right' if right.all() else 'wrong'}; fit on answers of both kinds"
        )

    def loss(x: np.ndarray) -> float:
        p = np.clip(scaled(confidence, float(np.exp(x[0])), float(x[1]) if shift else 0.0), 1e-12, 1 - 1e-12)
        return float(-(right * np.log(p) + (1 - right) * np.log(1 - p)).mean())

    found = minimize(loss, np.zeros(1 + shift), method="Nelder-Mead", bounds=[(-4, 6), (-20, 20)][: 1 + shift])
    return float(np.exp(found.x[0])), float(found.x[1]) if shift else 0.0


def _checked(wrong: Any, confidence: Any) -> tuple[np.ndarray, np.ndarray]:
    wrong, confidence = np.asarray(wrong), np.asarray(confidence, float)
    if wrong.shape != confidence.shape or wrong.ndim != 1:
        raise ShapeError(
            f"{wrong.shape} marks and {confidence.shape} confidences were given; give one of each for each answer"
        )
    if not len(wrong):
        raise OptionError("no answer was given; ask at least one question")
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise OptionError(
            f"confidences reach from {confidence.min():.3g} to {confidence.max():.3g}; they must lie in [0, 1]"
        )
    return ~wrong.astype(bool), confidence
