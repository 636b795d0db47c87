"""Shares: how many of some marks are true, with Wilson's intervals, ready to be shown.

    share_bars({"capitals": right, "symbols": also}, "How much is right?")               # one bar for each label
    share_bars({"as it is": {"right": right, "wrong": wrong}}, "What helps?")            # a bar for each kind
    Curves((share_curve("right", {1: once, 100: often}),), "times told", "share", title)

Reads   marks (bool arrays) by label, by kind, by number.
Gives   Bars, a Curve.
Ignores what the marks say.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import Bars, Curve

from .intervals import wilson


def share_bars(
    marks: Mapping[str, Any], title: str, *, groups: Mapping[str, Any] | None = None, label_name: str = ""
) -> Bars:
    """One bar for each label, or one for each label and kind.

    Args:
        marks: label → (item,) bool, or label → {kind → (item,) bool}. Labels of different numbers of items name them;
            those without an item are left out.
        groups: label → (item,) names of what repeats, such as people: the interval is that of so many trials as there
            are groups, as if all of a group said the same.

    Raises:
        OptionError: there is no mark.

    Law: each share lies in its interval (tests/evaluation/test_shares.py).
    """
    by_kind = {name: of if isinstance(of, Mapping) else {"": of} for name, of in marks.items()}
    counts = {name: len(next(iter(of.values()))) for name, of in by_kind.items() if of}
    by_kind = {name: of for name, of in by_kind.items() if counts.get(name)}
    if not by_kind:
        raise OptionError("no marks were given; give one label with one mark or more")
    kinds = tuple(next(iter(by_kind.values())))
    values = np.array([[np.mean(of[kind]) for of in by_kind.values()] for kind in kinds])  # (kind, label)
    items = np.array([counts[name] if groups is None else len(set(groups[name])) for name in by_kind])
    low, high = np.array([wilson(row, items) for row in values]).swapaxes(0, 1)
    labels = tuple(name if len(set(items)) == 1 else f"{name} ({counts[name]})" for name in by_kind)
    if kinds == ("",):
        kinds, values, low, high = (), values[0], low[0], high[0]
    return Bars(labels, values, "share of questions", title, kinds, low, high, label_name=label_name)


def share_curve(name: str, marks: Mapping[Any, Any], *, groups: Mapping[Any, Any] | None = None) -> Curve:
    """The share of true marks over a number.

    Args:
        marks: number → (item,) bool.
        groups: number → (item,) names of what repeats, as in `share_bars`.
    """
    values = np.array([np.mean(of) for of in marks.values()])
    counts = np.array([len(of) if groups is None else len(set(groups[at])) for at, of in marks.items()])
    return Curve(name, np.array(list(marks), float), values, *wilson(values, counts))
