"""Bars, curves and points as plotly figures.

The title stands left, units are in the axis labels, measured intervals are drawn, and a name stands beside what it
names where there is room. Heights follow the content; labels are wrapped, never cut.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.core import palette
from labkit.core.results import Bars, Curve, Curves
from labkit.core.signs import edged

from . import figure, theme
from .text import for_plotly, number
from .text import width as columns

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BARS = 60
"""As many bars are drawn; the rest is counted in the title and stands in the data."""
NUMBERS = 60
"""Up to as many bars have their number written beside them."""
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star")


def heading(title: str, note: str = "") -> str:
    """A title for plotly, wrapped, with a smaller second line."""
    first = for_plotly(title, wrap=80)
    second = f'<span style="font-size:12px">{for_plotly(note, wrap=100)}</span>' if note else ""
    return "<br>".join(part for part in (first, second) if part)


def legend_rows(names: tuple[str, ...]) -> int:
    """How many rows the legend of these names takes above a figure of usual width; long names are wrapped."""
    if any(columns(name) > 80 for name in names):
        return sum(-(-columns(name) // 80) for name in names)
    return -(-sum(columns(name) + 8 for name in names) // 110)


def _list(values: Any) -> list[float | None]:
    """Plain numbers for plotly; None where there is none."""
    return [float(v) if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]


@figure.register
def _(result: Bars) -> Any:
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
    error = None
    if low is not None:
        error = {"type": "data", "array": _list(high - row), "arrayminus": _list(row - low), "symmetric": False,
                 "color": theme.GREY, "thickness": 1.5, "width": 4}  # fmt: skip
    return go.Bar(
        x=_list(row), y=list(range(len(row))), orientation="h", name=for_plotly(name, wrap=80),
        marker={"color": colours},
        error_x=error, cliponaxis=False, hoverinfo="text",
        hovertext=[for_plotly(f"{label}: {s}" + (f" ({name})" if grouped else ""), wrap=80)
                   for label, s in zip(result.labels, said, strict=False)],
    )  # fmt: skip


def _write_numbers(chart: Any, grouped: bool) -> None:
    """Each bar's number beside its end or its interval's end; none where bars of several groups have intervals."""
    import plotly.graph_objects as go

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
                chart.add_trace(words(go, [0] * len(lacking), lacking, [" no value"] * len(lacking), "middle right"))
            continue
        ends = [x + (up or 0) if x is not None else None for x, up in zip(bars.x, bars.error_x.array, strict=True)]
        chart.add_trace(words(go, [e or 0 for e in ends], bars.y, [f" {n}" for n in numbers], "middle right"))


def words(go: Any, x: Any, y: Any, text: list[str], position: str) -> Any:
    """A trace of nothing but texts (escaped already)."""
    return go.Scatter(x=list(x), y=list(y), text=text, mode="text", textposition=position, hoverinfo="skip",
                      showlegend=False, cliponaxis=False)  # fmt: skip


def log_axis(values: Any, log: bool) -> dict[str, Any]:
    """An axis' type; on a log axis, ticks at powers of ten alone or, over less than two decades, at a few numbers."""
    if not log:
        return {"type": "linear"}
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known) & (known > 0)]
    if not known.size:
        return {"type": "log"}
    low, high = float(known.min()), float(known.max())
    if high / low >= 90:
        plain = low >= 1e-4 and high < 1e6
        return {"type": "log", "dtick": 1, **({"tickformat": ",~r"} if plain else {"exponentformat": "power"})}
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        ticks = [step * 10.0**power for power in powers for step in steps]
        ticks = [tick for tick in ticks if 0.8 * low <= tick <= 1.25 * high]
        if len(ticks) >= 4:
            break
    return {"type": "log", "tickvals": ticks, "ticktext": [number(tick) for tick in ticks]}


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


@figure.register
def _(result: Curve) -> Any:
    return figure(Curves((result,), x_label="", y_label="", title=result.name))


@figure.register
def _(result: Curves) -> Any:
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
    error = None
    if curve.points_only and curve.low is not None and curve.high is not None:
        error = {"type": "data", "array": _list(curve.high - curve.y), "arrayminus": _list(curve.y - curve.low),
                 "symmetric": False, "thickness": 1.5, "width": 4}  # fmt: skip
    said = [f"{curve.name}\n{result.x_label or 'x'}: {number(x)}\n{result.y_label or 'y'}: {number(y)}"
            for x, y in zip(curve.x, curve.y, strict=True)]  # fmt: skip
    return go.Scatter(
        x=_list(curve.x), y=_list(curve.y), name=for_plotly(curve.name, wrap=80), error_y=error,
        mode="markers" if curve.points_only else "lines+markers" if few and not curve.dashed else "lines",
        line={"color": colour, "width": 2, "dash": "dash" if curve.dashed else "solid"},
        marker={"color": colour, "size": 8 if curve.points_only else 5, "symbol": SYMBOLS[index % len(SYMBOLS)]},
        hoverinfo="text", hovertext=["<br>".join(for_plotly(line, wrap=80) for line in s.split("\n")) for s in said],
    )  # fmt: skip


def _band(curve: Curve, colour: str) -> Any:
    import plotly.graph_objects as go

    keep = np.isfinite(curve.low) & np.isfinite(curve.high)  # pyright: ignore[reportArgumentType, reportCallIssue]
    x, low, high = curve.x[keep], curve.low[keep], curve.high[keep]  # pyright: ignore[reportOptionalSubscript]
    return go.Scatter(
        x=_list(np.concatenate([x, x[::-1]])), y=_list(np.concatenate([high, low[::-1]])), fill="toself",
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


def spread(places: list[float], gap: float) -> list[float]:
    """Ascending places moved as little as needed to stand `gap` apart or more, each clump around its own middle."""
    clumps: list[list[float]] = []
    for place in places:
        clumps.append([place])
        while len(clumps) > 1 and _first(clumps[-1], gap) - _last(clumps[-2], gap) < gap:
            clumps[-2:] = [clumps[-2] + clumps[-1]]
    return [_first(clump, gap) + gap * i for clump in clumps for i in range(len(clump))]


def _first(clump: list[float], gap: float) -> float:
    return sum(clump) / len(clump) - gap * (len(clump) - 1) / 2


def _last(clump: list[float], gap: float) -> float:
    return sum(clump) / len(clump) + gap * (len(clump) - 1) / 2
