"""Measures of attention heads, under the names that the literature gives them.

    previous    mean weight on the token just before                (query ≥ 1)
    sink        mean weight on the first token                      (Xiao et al. 2023, "attention sinks"; query ≥ 1)
    self        mean weight on the token itself
    duplicate   mean weight on earlier copies of the same token     (where there is one)
    induction   mean weight on what followed an earlier copy        (Olsson et al. 2022)
    entropy     how widely a head looks, in nats: 0 = one token, ln n = evenly over n tokens
    distance    mean distance looked back (or ahead), in tokens

Every measure maps a pattern (layer, head, query, key) to (layer, head). A position that has no answer (the first
token has no previous one) is left out; where none is left the measure is nan.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.core.errors import OptionError, TextError, closest
from labkit.core.results import LayerGrid


def previous(pattern: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Mean weight on the token just before."""
    return np.diagonal(pattern, offset=-1, axis1=2, axis2=3).mean(-1)


def sink(pattern: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Mean weight on the first token, over all tokens but the first."""
    return pattern[:, :, 1:, 0].mean(-1)


def itself(pattern: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Mean weight on the token itself, over all tokens but the first (which in a decoder has no choice)."""
    return np.diagonal(pattern, axis1=2, axis2=3)[..., 1:].mean(-1)


def duplicate(pattern: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Mean weight on all earlier copies of the same token, over the tokens that have one."""
    return _on(pattern, np.tril(ids[:, None] == ids[None, :], -1))


def induction(pattern: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Mean weight on the tokens that followed earlier copies, over the tokens that have one."""
    copies = np.tril(ids[:, None] == ids[None, :], -1)
    followers = np.zeros_like(copies)
    followers[:, 1:] = copies[:, :-1]
    return _on(pattern, followers)


def entropy(pattern: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Mean entropy of the rows, in nats."""
    return -(pattern * np.log(np.maximum(pattern, 1e-30))).sum(-1).mean(-1)


def distance(pattern: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Mean distance between a token and where it looks, in tokens."""
    position = np.arange(pattern.shape[-1])
    return np.einsum("lhqk,qk->lhq", pattern, np.abs(position[:, None] - position[None, :]).astype(np.float32)).mean(-1)


MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "previous": previous,
    "sink": sink,
    "self": itself,
    "duplicate": duplicate,
    "induction": induction,
    "entropy": entropy,
    "distance": distance,
}
UNITS = {"entropy": "nats", "distance": "tokens"}
CLASSES = ("induction", "duplicate", "previous", "self", "sink")
"""A head's class is the first of these that holds half of its weight or more; else `local` or `broad`."""


def measure(name: str, seen: Any) -> LayerGrid:
    """One measure of every head.

    Raises:
        OptionError: unknown measure.
        TextError: one token, or no token that repeats (for duplicate and induction).
    """
    if name not in MEASURES:
        raise OptionError(f"measure {name!r} is unknown; {closest(name, list(MEASURES))}")
    if len(seen) < 2:
        raise TextError(f"the text has {len(seen)} token; where a head looks needs 2 or more")
    values = MEASURES[name](seen["pattern"], np.array(seen.ids))
    if np.isnan(values).all():
        raise TextError(f"{name} looks at tokens that occur twice, but all {len(seen)} tokens differ; repeat a word")
    title = f"{name} of each head, in {seen.name}"
    return LayerGrid(values, name, UNITS.get(name, "weight"), title, row_labels=tuple(map(str, seen.layers)))


def measure_all(seen: Any) -> dict[str, np.ndarray]:
    """Every measure of every head; nan where the text gives a measure nothing to look at."""
    if len(seen) < 2:
        raise TextError(f"the text has {len(seen)} token; where a head looks needs 2 or more")
    return {name: found(seen["pattern"], np.array(seen.ids)) for name, found in MEASURES.items()}


def head_classes(seen: Any) -> tuple[tuple[str, ...], ...]:
    """(layer, head) the class of each head on this text.

    The first of `CLASSES` whose measure is 0.5 or more names the head. The rest are `local` when their mean distance
    is at most 4 tokens, else `broad`. A class speaks of one text: on another the head may do something else.
    """
    found = measure_all(seen)
    near = found["distance"] <= 4
    names = np.where(near, "local", "broad").astype(object)
    for name in reversed(CLASSES):
        names[np.nan_to_num(found[name]) >= 0.5] = name
    return tuple(tuple(row) for row in names)


def _on(pattern: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean over the queries that have any marked key of the weight on marked keys; nan where no query has one."""
    rows = mask.any(1)
    if not rows.any():
        return np.full(pattern.shape[:2], np.nan, np.float32)
    return (pattern[:, :, rows] * mask[rows]).sum(-1).mean(-1)
