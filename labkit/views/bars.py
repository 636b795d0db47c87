"""Bars as a plotly figure: labels wrapped, never cut, each number beside its bar, measured intervals drawn."""

from typing import Any

import numpy as np

from labkit.core import palette
from labkit.core.results import Bars, Table
from labkit.core.signs import edged

from . import theme
from .axes import heading, hover, legend_rows, numbers, whiskers, words
from .registry import View, register
from .text import extremes, for_plotly, number, printable, some, titled

BARS = 60
"""As many bars are drawn; the rest is counted in the title and stands in the data."""
NUMBERS = 60
"""Up to as many bars have their number written beside them."""


def _figure(result: Bars) -> Any:
    import plotly.graph_objects as go

    shown = min(len(result.labels), BARS)
    values = np.atleast_2d(np.asarray(result.values, dtype=float))[:, :shown]
    grouped = result.values.ndim == 2 and len(values) > 1
    chart = go.Figure()
    for index, row in enumerate(values):
        chart.add_trace(_bar_trace(result, row, index, grouped))
    if values.size <= NUMBERS:
        _write_numbers(chart, grouped)
    labels = [for_plotly(edged(label), wrap=36) for label in result.labels[:shown]]
    lines = sum(max(len(values), label.count("<br>") + 1) if grouped else label.count("<br>") + 1 for label in labels)
    chart.update_yaxes(
        tickvals=list(range(shown)), ticktext=[f"{label} " for label in labels], range=[shown - 0.5, -0.5],
        showgrid=False, title_text=for_plotly(result.label_name, wrap=max(12, 3 * lines)), zeroline=False,
    )  # fmt: skip
    chart.update_xaxes(title_text=for_plotly(result.quantity, wrap=90), range=_bar_range(result, shown))
    chart.update_layout(bargap=0.25, barmode="group", hovermode="closest")
    more = len(result.labels) - shown
    note = f"the first {BARS} of {number(len(result.labels))}; the others are in the data" if more else ""
    return theme.dress(
        chart,
        title=heading(result.title, note),
        height=64 + 23 * max(lines, 2),
        legend=legend_rows(result.groups) if grouped else 0,
    )


def _bar_trace(result: Bars, row: np.ndarray, index: int, grouped: bool) -> Any:
    import plotly.graph_objects as go

    low, high = _ends(result, index, len(row))
    name = result.groups[index] if result.values.ndim == 2 else result.quantity
    colour = palette.CATEGORICAL[index % len(palette.CATEGORICAL)]
    colours = [palette.ORANGE if i in result.marked and not grouped else colour for i in range(len(row))]
    said = [f"{number(v)}" if low is None else f"{number(v)} [{number(low[i])}, {number(high[i])}]"
            for i, v in enumerate(row)]  # fmt: skip
    error = whiskers(row, low, high)
    return go.Bar(
        x=numbers(row), y=list(range(len(row))), orientation="h", name=for_plotly(name, wrap=80),
        marker={"color": colours},
        error_x=error and {**error, "color": theme.GREY}, cliponaxis=False, hoverinfo="text",
        hovertext=[hover(f"{label}: {s}" + (f" ({name})" if grouped else ""))
                   for label, s in zip(result.labels, said, strict=False)],
    )  # fmt: skip


def _write_numbers(chart: Any, grouped: bool) -> None:
    """Each bar's number beside its end or its interval's end; none where bars of several groups have intervals."""
    for bars in tuple(chart.data):
        if grouped and bars.error_x.array is not None:
            continue  # the interval would strike through them; hover and data have them
        numbers = [number(x) if x is not None else "no value" for x in bars.x]
        if bars.error_x.array is None:
            bars.update(
                text=[n if x is not None else "" for n, x in zip(numbers, bars.x, strict=True)], textposition="outside"
            )
            lacking = [y for x, y in zip(bars.x, bars.y, strict=True) if x is None]
            if lacking and not grouped:
                chart.add_trace(words([0] * len(lacking), lacking, [" no value"] * len(lacking), "middle right"))
            continue
        ends = [x + (up or 0) if x is not None else None for x, up in zip(bars.x, bars.error_x.array, strict=True)]
        chart.add_trace(words([e or 0 for e in ends], bars.y, [f" {n}" for n in numbers], "middle right"))


def _ends(result: Bars, index: int, shown: int) -> tuple[Any, Any]:
    if result.low is None or result.high is None:
        return None, None
    return tuple(np.atleast_2d(np.asarray(end, dtype=float))[index][:shown] for end in (result.low, result.high))


def _bar_range(result: Bars, shown: int) -> list[float]:
    """From 0, with room for the number beside the longest bar."""
    parts = [result.values, *(end for end in (result.low, result.high) if end is not None)]
    known = np.concatenate([np.atleast_2d(np.asarray(part, dtype=float))[:, :shown].ravel() for part in parts])
    known = known[np.isfinite(known)]
    low, high = min(0.0, known.min(initial=0.0)), max(0.0, known.max(initial=0.0))
    room = 0.12 * ((high - low) or 1.0)
    return [low - room if low < 0 else 0.0, high + room if high > 0 else 0.0]


def _twin(result: Bars) -> str:
    bars, groups = len(result.labels), result.groups

    def name(index: int) -> str:
        return f"{result.labels[index % bars]}, {groups[index // bars]}" if groups else result.labels[index]

    of = f" of {result.label_name}" if result.label_name else ""
    each = f" in {len(groups)} groups ({some(groups, ', ')})" if groups else ""
    said = f"{result.quantity}; {number(bars)} bars{of}{each}; {extremes(result.values, name)}"
    return printable(titled(result.title, said))


def _data(result: Bars) -> Table:
    names = result.groups if result.values.ndim == 2 else (result.quantity,)
    parts = list(zip(names, np.atleast_2d(result.values), strict=True))
    for word, ends in (("low", result.low), ("high", result.high)):
        if ends is not None:
            named = (f"{name} {word}" if result.groups else word for name in names)
            parts += zip(named, np.atleast_2d(np.asarray(ends)), strict=True)
    columns = (result.label_name or "label", *(name for name, _ in parts))
    rows = zip(result.labels, *(map(float, values) for _, values in parts), strict=True)
    return Table(columns, tuple(rows), result.title)


register(Bars, View(_data, figure=_figure, twin=_twin, parts=lambda result: result.values, called="bars"))
