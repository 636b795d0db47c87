"""Best of several: draw some texts, keep the one that scores highest; samples in another order, or of several calls."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from itertools import chain
from typing import Any

import numpy as np

from labkit.core.results import Samples

from .sample import sample


def best_of(
    lm: Any, prompt: str, *, n: int = 8, score: Callable[[str], float] | None = None, **options: Any
) -> Samples:
    """n texts, best first.

    Args:
        score: gives a text's worth; without it, the mean log-probability of its tokens under the model.
        **options: as for `sample`.
    """
    drawn = sample(lm, prompt, n=n, **options)
    worth = [score(t) for t in drawn.texts] if score else [np.mean(lp) for lp in drawn.logprobs]
    return reorder(drawn, np.argsort(-np.asarray(worth, dtype=float), kind="stable").tolist())


def reorder(samples: Samples, order: list[int]) -> Samples:
    """Some of the samples, in this order."""
    taken = {}
    for field in fields(samples):
        value = getattr(samples, field.name)
        if isinstance(value, tuple) and len(value) == len(samples):
            taken[field.name] = tuple(value[i] for i in order)
    return replace(samples, **taken)


def together(parts: Sequence[Samples]) -> Samples:
    """The samples of several calls as one, in their order, under the first one's title."""
    taken = {}
    for field in fields(parts[0]):
        values = [getattr(part, field.name) for part in parts]
        if isinstance(values[0], tuple):
            whole = all(len(value) == len(part) for value, part in zip(values, parts, strict=True))
            taken[field.name] = tuple(chain.from_iterable(values)) if whole else ()
    return replace(parts[0], **taken)
