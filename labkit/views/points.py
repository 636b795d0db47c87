"""Points in a plane as a plotly figure, with their names beside them where there is room."""

from typing import Any

import numpy as np

from labkit.core import palette
from labkit.core.results import Points, Table
from labkit.core.signs import edged

from . import theme
from .axes import SYMBOLS, heading, hover, legend_rows, log_axis, numbers
from .registry import View, register
from .text import extremes, for_plotly, number, printable, some, titled
from .text import width as columns

NAMES = 60
"""As many points get their names written; beyond, names are on hover."""


def _figure(result: Points) -> Any:
    import plotly.graph_objects as go

    chart = go.Figure()
    kinds = tuple(dict.fromkeys(result.groups)) or ("",)
    places = _places(result) if result.named and len(result.x) <= NAMES else None
    for index, kind in enumerate(kinds):
        own = [i for i in range(len(result.x)) if not result.groups or result.groups[i] == kind]
        said = [hover(result.labels[i], f"{result.x_label or 'x'}: {number(result.x[i])}",
                      f"{result.y_label or 'y'}: {number(result.y[i])}", wrap=60) for i in own]  # fmt: skip
        chart.add_trace(
            go.Scatter(
                x=numbers(result.x[own]), y=numbers(result.y[own]), name=for_plotly(kind, wrap=80), hoverinfo="text",
                mode="markers+text" if places else "markers",
                text=[for_plotly(edged(result.labels[i])) for i in own] if places else None,
                textposition=[places[i] for i in own] if places else None, textfont={"size": 12}, cliponaxis=False,
                hovertext=said,
                marker={"color": palette.CATEGORICAL[index % len(palette.CATEGORICAL)],
                        "symbol": SYMBOLS[index % len(SYMBOLS)], "size": 9 if len(result.x) <= 200 else 6,
                        "opacity": 0.85},
            )
        )  # fmt: skip
    chart.update_xaxes(title_text=for_plotly(result.x_label, wrap=90), zeroline=False)
    chart.update_yaxes(title_text=for_plotly(result.y_label, wrap=50), zeroline=False)
    chart.update_layout(xaxis=log_axis(result.x, result.log_x), yaxis=log_axis(result.y, result.log_y))
    note = f"names on hover: {number(len(result.x))} points" if result.named and not places else ""
    return theme.dress(
        chart, title=heading(result.title, note), height=420, legend=legend_rows(kinds) if len(kinds) > 1 else 0
    )


_SIDES = ("top center", "bottom center", "middle right", "middle left", "top right", "bottom right", "top left",
          "bottom left")  # fmt: skip


def _places(result: Points) -> list[str]:
    """For each point the side on which its name meets the fewest names and points, taken in order."""
    across, down = (_pixels(v, log) for v, log in ((result.x, result.log_x), (result.y, result.log_y)))
    across, down = across * 640, (1 - down) * 320
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in zip(across, down, strict=True)]
    sides = []
    for index, label in enumerate(result.labels):
        wide = 7.0 * columns(label) + 4
        boxes = [_box(side, across[index], down[index], wide) for side in _SIDES]
        clash = [sum(_overlap(box, other) for other in taken) + _outside(box) for box in boxes]
        best = int(np.argmin(clash))
        taken.append(boxes[best])
        sides.append(_SIDES[best])
    return sides


def _pixels(values: np.ndarray, log: bool) -> np.ndarray:
    """Where values fall on an axis from 0 to 1."""
    scale = np.log10(np.where(values > 0, values, np.nan)) if log else np.asarray(values, dtype=float)
    if not np.isfinite(scale).any():
        return np.zeros(len(scale))
    low, high = np.nanmin(scale), np.nanmax(scale)
    return np.nan_to_num((scale - low) / ((high - low) or 1.0))


def _box(side: str, x: float, y: float, wide: float) -> tuple[float, float, float, float]:
    up, along = side.split()
    left = {"center": x - wide / 2, "right": x + 7, "left": x - 7 - wide}[along]
    top = {"top": y - 22, "middle": y - 8, "bottom": y + 6}[up]
    return left, top, left + wide, top + 16


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _outside(box: tuple[float, ...]) -> float:
    return 10.0 * (max(0.0, -box[0]) + max(0.0, box[2] - 640) + max(0.0, -box[1]) + max(0.0, box[3] - 320))


def _twin(result: Points) -> str:
    kinds = tuple(dict.fromkeys(result.groups))
    of = f" in {len(kinds)} groups ({some(kinds, ', ')})" if kinds else ""
    y, x = result.y_label or "y", result.x_label or "x"
    highest = extremes(result.y, result.labels.__getitem__)
    return printable(titled(result.title, f"{y} over {x}; {number(len(result.x))} points{of}; {y}: {highest}"))


def _data(result: Points) -> Table:
    columns = ("label", result.x_label or "x", result.y_label or "y", *(("group",) if result.groups else ()))
    groups = (result.groups,) if result.groups else ()
    rows = zip(result.labels, map(float, result.x), map(float, result.y), *groups, strict=True)
    return Table(columns, tuple(rows), result.title)


register(Points, View(_data, figure=_figure, twin=_twin, parts=lambda result: result.y, called="points"))
