"""Grids of numbers and points in a plane as plotly figures."""

from typing import Any

import numpy as np

from labkit.core import palette
from labkit.core.results import HeadPatterns, LayerGrid, Points
from labkit.core.signs import edged

from . import figure, theme
from .charts import SYMBOLS, _list, heading, legend_rows, log_axis, words
from .text import for_plotly, number, with_unit
from .text import width as columns

CENTRED = [[0.0, palette.RED], [0.5, "rgba(127,127,127,0.10)"], [1.0, palette.BLUE]]
"""Red below zero, the page's own background at zero, blue above: the same on light and dark pages."""
DARK = 0.45
"""Below this share of the sequential scale, white letters stand out more than dark ones."""
NAMES = 60
"""As many points get their names written; beyond, names are on hover."""


@figure.register
def _(result: LayerGrid) -> Any:
    import plotly.graph_objects as go

    rows, cols = result.values.shape
    row_labels = result.row_labels or tuple(str(i) for i in range(rows))
    column_labels = result.column_labels or tuple(str(i) for i in range(cols))
    wrapped = max((-(-columns(label) // 30) for label in row_labels), default=1)
    cell = max(34 if rows <= 6 else 22 if rows <= 40 else 12, 17 * wrapped if wrapped > 1 else 0)
    height = 70 + cell * max(rows, 4)
    upright = max(14, height // 9)  # letters that fit along the height
    unit = for_plotly(with_unit(result.quantity, result.unit), wrap=upright)
    chart = go.Figure(_heatmaps(result, row_labels, column_labels, unit))
    if result.text and result.centred:  # plotly would choose the letters' colour without knowing the page behind
        across, down = list(range(cols)) * rows, [i for i in range(rows) for _ in range(cols)]
        chart.add_trace(
            words(go, across, down, [for_plotly(cell) for row in result.text for cell in row], "middle center")
        )
    chart.update_xaxes(
        **_ticks(column_labels, most=24), title_text=for_plotly(result.column_name, wrap=90), range=[-0.5, cols - 0.5],
        showgrid=False, zeroline=False,
    )  # fmt: skip
    chart.update_yaxes(
        **_ticks(row_labels, most=36), title_text=for_plotly(result.row_name, wrap=upright), range=[rows - 0.5, -0.5],
        showgrid=False, zeroline=False,
    )  # fmt: skip
    return theme.dress(chart, title=heading(result.title), height=height)


def _heatmaps(result: LayerGrid, row_labels: tuple[str, ...], column_labels: tuple[str, ...], unit: str) -> list[Any]:
    """One heat map; two where text stands in the cells: dark cells with light letters, light cells with dark ones."""
    import plotly.graph_objects as go

    values, (low, high) = result.values, _ends(result)
    said = [[for_plotly(f"{result.row_name} {r}, {result.column_name} {c}: {number(values[i, j])} {result.unit}")
             for j, c in enumerate(column_labels)] for i, r in enumerate(row_labels)]  # fmt: skip
    title = {"text": unit, "side": "right", "font": {"size": 13}}
    shared = {
        "x": list(range(len(column_labels))), "y": list(range(len(row_labels))), "hoverinfo": "text", "hovertext": said,
        "xgap": 1, "ygap": 1, "zmin": low, "zmax": high, "hoverongaps": False,
        "colorscale": CENTRED if result.centred else palette.SEQUENTIAL,
        "colorbar": {"title": title, "thickness": 12, "outlinewidth": 0, "len": 1.0, "x": 1.01},
    }  # fmt: skip
    whole = go.Heatmap(z=[_list(row) for row in values], **shared)
    if not result.text or result.centred:
        return [whole]
    text = [[for_plotly(cell) for cell in row] for row in result.text]
    dark = (values - low) / ((high - low) or 1.0) < DARK
    letters = ((dark, "#ffffff"), (np.isfinite(values) & ~dark, palette.INK))
    return [
        go.Heatmap(z=[_list(row) for row in np.where(cells, values, np.nan)],
                   text=np.where(cells, text, "").tolist(), texttemplate="%{text}",
                   textfont={"color": colour}, showscale=not index, **shared)
        for index, (cells, colour) in enumerate(letters)
    ] + _without_value(values, text)  # fmt: skip


def _ends(result: LayerGrid) -> tuple[float, float]:
    """What the two ends of the colour scale stand for."""
    known = result.values[np.isfinite(result.values)]
    if result.centred:
        extreme = float(np.abs(known).max(initial=0.0)) or 1.0
        return -extreme, extreme
    return (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)


def _without_value(values: np.ndarray, text: list[list[str]]) -> list[Any]:
    """The texts of cells that have no value and so no colour: written on the page itself."""
    import plotly.graph_objects as go

    down, across = np.nonzero(~np.isfinite(values))
    if not len(down):
        return []
    return [words(go, across.tolist(), down.tolist(), [text[i][j] for i, j in zip(down, across, strict=True)],
                  "middle center")]  # fmt: skip


def _ticks(labels: tuple[str, ...], most: int) -> dict[str, Any]:
    """Every label, or every n-th where there are more than `most`; the rest is on hover."""
    step = -(-len(labels) // most)
    places = list(range(0, len(labels), step))
    return {"tickvals": places, "ticktext": [for_plotly(edged(labels[i]), wrap=30) for i in places]}


@figure.register
def _(result: HeadPatterns) -> Any:
    mean = result.values.mean(axis=(0, 1))
    keys, queries = (tuple(map(str, names)) for names in (result.key_tokens, result.query_tokens))
    many = f"mean over {result.values.shape[0] * result.values.shape[1]} heads"
    return figure(LayerGrid(mean, "attention weight", "", f"{result.title or 'Attention'}, {many}",
                            "query", "key", queries, keys))  # fmt: skip


@figure.register
def _(result: Points) -> Any:
    import plotly.graph_objects as go

    chart = go.Figure()
    kinds = tuple(dict.fromkeys(result.groups)) or ("",)
    places = _places(result) if result.named and len(result.x) <= NAMES else None
    for index, kind in enumerate(kinds):
        own = [i for i in range(len(result.x)) if not result.groups or result.groups[i] == kind]
        said = [f"{result.labels[i]}\n{result.x_label or 'x'}: {number(result.x[i])}\n"
                f"{result.y_label or 'y'}: {number(result.y[i])}" for i in own]  # fmt: skip
        chart.add_trace(
            go.Scatter(
                x=_list(result.x[own]), y=_list(result.y[own]), name=for_plotly(kind, wrap=80), hoverinfo="text",
                mode="markers+text" if places else "markers",
                text=[for_plotly(edged(result.labels[i])) for i in own] if places else None,
                textposition=[places[i] for i in own] if places else None, textfont={"size": 12}, cliponaxis=False,
                hovertext=["<br>".join(for_plotly(line, wrap=60) for line in s.split("\n")) for s in said],
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
