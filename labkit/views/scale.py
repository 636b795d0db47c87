"""A scale of colours: what its two ends stand for, and the key that says so below a picture."""

from collections.abc import Sequence

import numpy as np

from .text import for_html, number


def ends(values: np.ndarray, low: float | None = None, high: float | None = None) -> tuple[float, float]:
    """The two ends: those given, else the smallest and the largest value."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    smallest, largest = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    return smallest if low is None else low, largest if high is None else high


def key(unit: str, low: float, high: float, colours: Sequence[str]) -> str:
    """The key as HTML."""
    bar = f'<span class="lk-scale" style="background:linear-gradient(90deg,{",".join(colours)})"></span>'
    return f'<div class="lk-faint">{for_html(unit)}: {number(low)}{bar}{number(high)}</div>'
