"""Curves as a plotly figure: bands or whiskers for measured intervals, names at the curves' ends where they fit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.core import palette
from labkit.core.results import Curve, Curves, Table

from . import theme
from .axes import SYMBOLS, heading, hover, legend_rows, log_axis, numbers, whiskers
from .registry import View, register
from .text import for_plotly, number, printable
from .text import width as columns

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def _figure(result: Curves) -> Any:
    import plotly.graph_objects as go

    chart = go.Figure()
    for index, curve in enumerate(result.curves):
        colour = palette.CATEGORICAL[index % len(palette.CATEGORICAL)]
        if curve.low is not None and curve.high is not None and not curve.points_only:
            chart.add_trace(_band(curve, colour))
        chart.add_trace(_line(curve, colour, index, result))
    for _, level in result.levels:
        chart.add_hline(y=level, line={"color": theme.GREY, "dash": "dot", "width": 1.5})
    x, y = (np.concatenate([np.asarray(getattr(c, axis), dtype=float) for c in result.curves]) for axis in "xy")
    chart.update_xaxes(title_text=for_plotly(result.x_label, wrap=90), **log_axis(x, result.log_x))
    chart.update_yaxes(title_text=for_plotly(result.y_label, wrap=42), **log_axis(y, result.log_y))
    named = _label_ends(chart, result) or len(result.curves) < 2
    legend = 0 if named else legend_rows(tuple(curve.name for curve in result.curves))
    return theme.dress(chart, title=heading(result.title), height=340, legend=legend)


def _line(curve: Curve, colour: str, index: int, result: Curves) -> Any:
    import plotly.graph_objects as go

    few = len(curve.x) <= 25
    said = [hover(curve.name, f"{result.x_label or 'x'}: {number(x)}", f"{result.y_label or 'y'}: {number(y)}")
            for x, y in zip(curve.x, curve.y, strict=True)]  # fmt: skip
    return go.Scatter(
        x=numbers(curve.x), y=numbers(curve.y), name=for_plotly(curve.name, wrap=80),
        error_y=whiskers(curve.y, curve.low, curve.high) if curve.points_only else None,
        mode="markers" if curve.points_only else "lines+markers" if few and not curve.dashed else "lines",
        line={"color": colour, "width": 2, "dash": "dash" if curve.dashed else "solid"},
        marker={"color": colour, "size": 8 if curve.points_only else 5, "symbol": SYMBOLS[index % len(SYMBOLS)]},
        hoverinfo="text", hovertext=said,
    )  # fmt: skip


def _band(curve: Curve, colour: str) -> Any:
    import plotly.graph_objects as go

    keep = np.isfinite(curve.low) & np.isfinite(curve.high)  # pyright: ignore[reportArgumentType, reportCallIssue]
    x, low, high = curve.x[keep], curve.low[keep], curve.high[keep]  # pyright: ignore[reportOptionalSubscript]
    return go.Scatter(
        x=numbers(np.concatenate([x, x[::-1]])), y=numbers(np.concatenate([high, low[::-1]])), fill="toself",
        fillcolor=theme.translucent(colour, theme.BAND), line={"width": 0}, hoverinfo="skip", showlegend=False,
        mode="lines",
    )  # fmt: skip


def _label_ends(chart: "Figure", result: Curves) -> bool:
    """Write the names of curves and levels at the right, apart from one another.

    False: the curves' names do not fit there, a legend serves better; the levels' names stand there anyhow.
    """
    ends = _curve_ends(result)
    lines = [(y, f'<span style="color:{colour}">●</span> {for_plotly(name, wrap=28)}') for name, y, colour in ends]
    lines += [(y, f"┄ {for_plotly(name, wrap=28)}") for name, y in result.levels if y > 0 or not result.log_y]
    if lines:
        heights = [float(np.log10(y)) if result.log_y else float(y) for y, _ in lines]
        tall = max(text.count("<br>") + 1 for _, text in lines)
        order = sorted(range(len(lines)), key=heights.__getitem__)
        apart = spread([heights[i] for i in order], gap=0.065 * tall * _reach(result))
        for place, index in zip(apart, order, strict=True):
            chart.add_annotation(x=1.0, xref="paper", y=place, xanchor="left", align="left", showarrow=False, xshift=2,
                                 text=lines[index][1])  # fmt: skip
        names = [name for name, *_ in (*ends, *result.levels)]
        chart.update_layout(margin={"r": 40 + 8 * min(28, max(map(columns, names)))})
    return bool(ends)


def _curve_ends(result: Curves) -> list[tuple[str, float, str]]:
    """Name, last height and colour of each curve; empty where one ends too early to be named there."""
    colours = [palette.CATEGORICAL[i % len(palette.CATEGORICAL)] for i in range(len(result.curves))]
    lines = [(c, colour) for c, colour in zip(result.curves, colours, strict=True)
             if np.isfinite(np.asarray(c.y, dtype=float)).any()]  # fmt: skip
    if not 2 <= len(lines) <= 6 or any(c.points_only for c, _ in lines):
        return []
    last = [int(np.flatnonzero(np.isfinite(np.asarray(c.y, dtype=float)))[-1]) for c, _ in lines]
    xs = np.concatenate([np.asarray(c.x, dtype=float) for c, _ in lines])
    short = np.nanmax(xs) - 0.02 * (np.nanmax(xs) - np.nanmin(xs))
    ends = [(c.name, float(c.y[i]), colour) for (c, colour), i in zip(lines, last, strict=True)]
    too_short = any(c.x[i] < short for (c, _), i in zip(lines, last, strict=True))
    return [] if too_short or (result.log_y and min(y for _, y, _ in ends) <= 0) else ends


def _reach(result: Curves) -> float:
    """How far the y axis goes from its lowest to its highest drawn value, in powers of ten on a log scale."""
    drawn = [part for c in result.curves for part in (c.y, c.low, c.high) if part is not None]
    ys = np.concatenate([*(np.asarray(part, dtype=float) for part in drawn), [level for _, level in result.levels]])
    ys = np.log10(ys[ys > 0]) if result.log_y else ys[np.isfinite(ys)]
    return float(ys.max() - ys.min()) or 1.0


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Ascending places moved as little as needed to stand `gap` apart or more, each clump around its own middle."""
    from scipy.optimize import isotonic_regression

    steps = gap * np.arange(len(places))
    return (isotonic_regression(np.asarray(places) - steps).x + steps).tolist()


def _twin(result: Curves) -> str:
    scales = "".join(f", {axis} on a log scale" for axis, log in (("x", result.log_x), ("y", result.log_y)) if log)
    lines = [f"{result.title or result.y_label}: {result.y_label} over {result.x_label}{scales}"]
    lines += [f"{curve.name}: {_course(curve)}" for curve in result.curves]
    lines += [f"level {name}: {number(level)}" for name, level in result.levels]
    return printable("\n".join(lines), keep="\n")


def _course(curve: Curve) -> str:
    """One curve in words: from, to, and where it is highest and lowest."""
    x, y = (np.asarray(values, dtype=float) for values in (curve.x, curve.y))
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    if not len(y):
        return "no value is known."
    top, low = int(y.argmax()), int(y.argmin())
    return (
        f"{len(y)} points from {number(y[0])} to {number(y[-1])}; largest {number(y[top])} at {number(x[top])}, "
        f"smallest {number(y[low])} at {number(x[low])}."
    )


def _data(result: Curves) -> Table:
    interval = any(curve.low is not None for curve in result.curves)
    rows = []
    for curve in result.curves:
        ends = [end if end is not None else np.full(len(curve.x), np.nan) for end in (curve.low, curve.high)] * interval
        rows += [(curve.name, *map(float, row)) for row in zip(curve.x, curve.y, *ends, strict=True)]
    columns = ("curve", result.x_label or "x", result.y_label or "y", *("low", "high") * interval)
    return Table(columns, tuple(rows), result.title)


def _heights(result: Curves) -> np.ndarray:
    return np.concatenate([np.empty(0), *(np.asarray(curve.y, dtype=float) for curve in result.curves)])


def _alone(curve: Curve) -> Curves:
    return Curves((curve,), "x", "y", curve.name)


register(Curves, View(_data, figure=_figure, twin=_twin, parts=_heights, called="points"))
register(
    Curve,
    View(
        lambda curve: _data(_alone(curve)),
        figure=lambda curve: _figure(Curves((curve,), "", "", curve.name)),
        twin=lambda curve: _twin(_alone(curve)),
        parts=lambda curve: np.asarray(curve.y, dtype=float),
        called="points",
    ),
)
