"""Every picture in words and as data: for screen readers, plain terminals, exported text, and tests."""

import math
from functools import singledispatch
from typing import Any

import numpy as np

from labkit.core.results import (
    Bars,
    Curve,
    Curves,
    HeadPatterns,
    LayerGrid,
    Points,
    Samples,
    Table,
    TokenScores,
    TokenSplit,
    TokenTree,
)

from . import data, twin
from .text import number, printable, with_unit

WORDS = 60
"""As many tokens or labels are spelled out in a sentence."""


def _named(values: Any, names: Any, best: Any) -> str:
    """`' Paris' 0.775` for the largest (np.nanargmax) or smallest (np.nanargmin) of some values."""
    flat = np.asarray(values, dtype=float).ravel()
    index = int(best(np.where(np.isfinite(flat), flat, np.nan)))
    return f"{printable(names(index))!r} {number(flat[index])}"


def _extremes(values: Any, names: Any) -> str:
    if not np.isfinite(np.asarray(values, dtype=float)).any():
        return "no value is known."
    return f"largest {_named(values, names, np.nanargmax)}, smallest {_named(values, names, np.nanargmin)}."


def _some(items: tuple[str, ...], joint: str) -> str:
    more = f" … {number(len(items) - WORDS)} more" if len(items) > WORDS else ""
    return joint.join(printable(item) for item in items[:WORDS]) + more


@twin.register
def _(result: TokenSplit) -> str:
    name = f"{printable(result.name)}: " if result.name else ""
    note = f"\n{printable(result.note)}" if result.note else ""
    size = f"{number(len(result))} tokens of {number(len(result.text))} characters"
    return f"{name}{size}\n{_some(result.tokens, '|')}{note}"


@data.register
def _(result: TokenSplit) -> Table:
    rows = tuple((i, token, id_) for i, (token, id_) in enumerate(zip(result.tokens, result.ids, strict=True)))
    return Table(("position", "token", "id"), rows, result.name)


@twin.register
def _(result: TokenScores) -> str:
    quantity = with_unit(result.quantity, result.unit)
    head = f"{result.title}: {quantity}" if result.title else quantity
    return printable(
        f"{head} of {number(len(result.tokens))} tokens; " + _extremes(result.values, lambda i: result.tokens[i])
    )


@data.register
def _(result: TokenScores) -> Table:
    rows = tuple((i, t, float(v)) for i, (t, v) in enumerate(zip(result.tokens, result.values, strict=True)))
    return Table(("position", "token", with_unit(result.quantity, result.unit)), rows, result.title)


@twin.register
def _(result: LayerGrid) -> str:
    rows, cols = result.values.shape

    def name(index: int) -> str:
        i, j = divmod(index, cols)
        row, col = (labels[k] if labels else k for labels, k in ((result.row_labels, i), (result.column_labels, j)))
        return f"{result.row_name} {row}, {result.column_name} {col}"

    head = f"{result.title}: " if result.title else ""
    return printable(f"{head}{with_unit(result.quantity, result.unit)}; {rows} {result.row_name} × {cols} "
                     f"{result.column_name}; {_extremes(result.values, name)}")  # fmt: skip


@data.register
def _(result: LayerGrid) -> Table:
    columns = result.column_labels or tuple(f"{result.column_name} {j}" for j in range(result.values.shape[1]))
    labels = result.row_labels or tuple(range(result.values.shape[0]))
    rows = tuple((label, *map(float, row)) for label, row in zip(labels, result.values, strict=True))
    return Table((result.row_name, *columns), rows, result.title)


@twin.register
def _(result: Curve) -> str:
    return twin(Curves((result,), "x", "y", result.name))


@data.register
def _(result: Curve) -> Table:
    return data(Curves((result,), "x", "y", result.name))


@twin.register
def _(result: Curves) -> str:
    scales = "".join(f", {axis} on a log scale" for axis, log in (("x", result.log_x), ("y", result.log_y)) if log)
    lines = [f"{result.title or result.y_label}: {result.y_label} over {result.x_label}{scales}"]
    for curve in result.curves:
        known = np.isfinite(np.asarray(curve.y, dtype=float))
        if not known.any():
            lines.append(f"{curve.name}: no value is known.")
            continue
        x, y = np.asarray(curve.x)[known], np.asarray(curve.y)[known]
        top, low = int(y.argmax()), int(y.argmin())
        lines.append(f"{curve.name}: {len(y)} points from {number(y[0])} to {number(y[-1])}; "
                     f"largest {number(y[top])} at {number(x[top])}, smallest {number(y[low])} at "
                     f"{number(x[low])}.")  # fmt: skip
    lines += [f"level {name}: {number(level)}" for name, level in result.levels]
    return printable("\n".join(lines), keep="\n")


@data.register
def _(result: Curves) -> Table:
    rows = []
    for curve in result.curves:
        low, high = (end if end is not None else [math.nan] * len(curve.x) for end in (curve.low, curve.high))
        rows += [(curve.name, *map(float, row)) for row in zip(curve.x, curve.y, low, high, strict=True)]
    interval = any(curve.low is not None for curve in result.curves)
    columns = ("curve", result.x_label or "x", result.y_label or "y", *(("low", "high") if interval else ()))
    return Table(columns, tuple(row[: len(columns)] for row in rows), result.title)


@twin.register
def _(result: Bars) -> str:
    bars, groups = len(result.labels), result.groups if result.values.ndim == 2 else ()

    def name(index: int) -> str:
        return f"{result.labels[index % bars]}, {groups[index // bars]}" if groups else result.labels[index]

    of = f" of {result.label_name}" if result.label_name else ""
    each = f" in {len(groups)} groups ({_some(groups, ', ')})" if groups else ""
    head = f"{result.title}: " if result.title else ""
    return printable(f"{head}{result.quantity}; {number(bars)} bars{of}{each}; " + _extremes(result.values, name))


@data.register
def _(result: Bars) -> Table:
    grouped = result.values.ndim == 2
    columns = [result.label_name or "label", *(result.groups if grouped else (result.quantity,))]
    parts = list(np.atleast_2d(result.values))
    if result.low is not None and result.high is not None:
        for index, name in enumerate(result.groups if grouped else ("",)):
            columns += [f"{name} low".strip(), f"{name} high".strip()]
            parts += [np.atleast_2d(result.low)[index], np.atleast_2d(result.high)[index]]
    rows = tuple((label, *(float(part[i]) for part in parts)) for i, label in enumerate(result.labels))
    return Table(tuple(columns), rows, result.title)


@twin.register
def _(result: Points) -> str:
    kinds = tuple(dict.fromkeys(result.groups))
    of = f" in {len(kinds)} groups ({_some(kinds, ', ')})" if kinds else ""
    head = f"{result.title}: " if result.title else ""
    y, x = result.y_label or "y", result.x_label or "x"
    return printable(f"{head}{y} over {x}; {number(len(result.x))} points{of}; {y}: "
                     + _extremes(result.y, lambda i: result.labels[i]))  # fmt: skip


@data.register
def _(result: Points) -> Table:
    kinds = result.groups or ("",) * len(result.x)
    rows = tuple((label, float(x), float(y), kind)
                 for label, x, y, kind in zip(result.labels, result.x, result.y, kinds, strict=True))  # fmt: skip
    columns = ("label", result.x_label or "x", result.y_label or "y", "group")
    cut = 4 if result.groups else 3
    return Table(columns[:cut], tuple(row[:cut] for row in rows), result.title)


@twin.register
def _(result: Samples) -> str:
    lines = [f"{result.title or 'Samples'}: {number(len(result))}"]
    for prompt, text, logprobs in list(zip(result.prompts, result.texts, result.logprobs, strict=True))[:WORDS]:
        bits = -float(np.mean(logprobs)) / math.log(2) if len(logprobs) else math.nan
        lines.append(f"{prompt} → {text} ({len(logprobs)} tokens, {number(bits)} bits each)")
    return "\n".join(printable(line, keep="\n") for line in lines)


@data.register
def _(result: Samples) -> Table:
    rows = []
    for index, (tokens, logprobs) in enumerate(zip(result.tokens, result.logprobs, strict=True)):
        rows += [(index, i, t, float(np.exp(lp)), -float(lp) / math.log(2))
                 for i, (t, lp) in enumerate(zip(tokens, logprobs, strict=True))]  # fmt: skip
    return Table(("sample", "position", "token", "probability", "surprise, bits"), tuple(rows), result.title)


@singledispatch
def nothing(result: Any) -> str:
    """Why there is nothing to draw, as a sentence; empty where there is something."""
    return ""


def _without(result: Any, values: Any, what: str) -> str:
    title = getattr(result, "title", "") or type(result).__name__
    if not np.size(values):
        return f"{title}: nothing to draw, there are no {what}."
    known = np.isfinite(np.asarray(values, dtype=float)).any()
    return "" if known else f"{title}: nothing to draw, none of the {what} has a value."


@nothing.register
def _(result: TokenSplit) -> str:
    name = f"{result.name}: " if result.name else ""
    return "" if result.tokens else f"{name}no tokens, the text is empty."


@nothing.register
def _(result: TokenScores) -> str:
    return "" if result.tokens else f"{result.title or 'TokenScores'}: no tokens, the text is empty."


@nothing.register(LayerGrid)
@nothing.register(HeadPatterns)
def _(result: Any) -> str:
    return _without(result, result.values, "cells")


@nothing.register
def _(result: Bars) -> str:
    return _without(result, result.values, "bars")


@nothing.register(Points)
@nothing.register(Curve)
def _(result: Any) -> str:
    return _without(result, result.y, "points")


@nothing.register
def _(result: Curves) -> str:
    return _without(
        result, np.concatenate([np.asarray(c.y, dtype=float) for c in result.curves] or [np.empty(0)]), "points"
    )


@nothing.register
def _(result: Samples) -> str:
    return "" if len(result) else f"{result.title or 'Samples'}: no samples were drawn."


@nothing.register
def _(result: TokenTree) -> str:
    return "" if len(result) else f"{result.title or 'TokenTree'}: no tokens, the tree is empty."


@nothing.register
def _(result: Table) -> str:
    return "" if result.rows else f"{result.title or 'Table'}: no rows."
