"""Grids of numbers as a plotly heat map, with texts in the cells where they are given."""

from typing import Any

import numpy as np

from labkit.core import palette
from labkit.core.results import LayerGrid, Table
from labkit.core.signs import edged

from . import theme
from .axes import heading, hover, numbers, words
from .registry import View, register
from .scale import ends
from .text import extremes, for_plotly, number, printable, titled, with_unit
from .text import width as columns

CENTRED = [[0.0, palette.RED], [0.5, "rgba(127,127,127,0.10)"], [1.0, palette.BLUE]]
"""Red below zero, the page's own background at zero, blue above: the same on light and dark pages."""
DARK = 0.45
"""Below this share of the sequential scale, white letters stand out more than dark ones."""


def _figure(result: LayerGrid) -> Any:
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
        chart.add_trace(words(across, down, [for_plotly(cell) for row in result.text for cell in row], "middle center"))
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
    said = [[hover(f"{result.row_name} {r}, {result.column_name} {c}: {number(values[i, j])} {result.unit}")
             for j, c in enumerate(column_labels)] for i, r in enumerate(row_labels)]  # fmt: skip
    title = {"text": unit, "side": "right", "font": {"size": 13}}
    shared = {
        "x": list(range(len(column_labels))), "y": list(range(len(row_labels))), "hoverinfo": "text", "hovertext": said,
        "xgap": 1, "ygap": 1, "zmin": low, "zmax": high, "hoverongaps": False,
        "colorscale": CENTRED if result.centred else palette.SEQUENTIAL,
        "colorbar": {"title": title, "thickness": 12, "outlinewidth": 0, "len": 1.0, "x": 1.01},
    }  # fmt: skip
    whole = go.Heatmap(z=[numbers(row) for row in values], **shared)
    if not result.text or result.centred:
        return [whole]
    text = [[for_plotly(cell) for cell in row] for row in result.text]
    dark = (values - low) / ((high - low) or 1.0) < DARK
    letters = ((dark, "#ffffff"), (np.isfinite(values) & ~dark, palette.INK))
    return [
        go.Heatmap(z=[numbers(row) for row in np.where(cells, values, np.nan)],
                   text=np.where(cells, text, "").tolist(), texttemplate="%{text}",
                   textfont={"color": colour}, showscale=not index, **shared)
        for index, (cells, colour) in enumerate(letters)
    ] + _without_value(values, text)  # fmt: skip


def _ends(result: LayerGrid) -> tuple[float, float]:
    """What the two ends of the colour scale stand for."""
    if not result.centred:
        return ends(result.values)
    extreme = float(np.abs(result.values[np.isfinite(result.values)]).max(initial=0.0)) or 1.0
    return -extreme, extreme


def _without_value(values: np.ndarray, text: list[list[str]]) -> list[Any]:
    """The texts of cells that have no value and so no colour: written on the page itself."""
    down, across = np.nonzero(~np.isfinite(values))
    if not len(down):
        return []
    return [words(across.tolist(), down.tolist(), [text[i][j] for i, j in zip(down, across, strict=True)],
                  "middle center")]  # fmt: skip


def _ticks(labels: tuple[str, ...], most: int) -> dict[str, Any]:
    """Every label, or every n-th where there are more than `most`; the rest is on hover."""
    step = -(-len(labels) // most)
    places = list(range(0, len(labels), step))
    return {"tickvals": places, "ticktext": [for_plotly(edged(labels[i]), wrap=30) for i in places]}


def _twin(result: LayerGrid) -> str:
    rows, cols = result.values.shape

    def name(index: int) -> str:
        row, column = divmod(index, cols)
        labels = (result.row_labels or range(rows))[row], (result.column_labels or range(cols))[column]
        return f"{result.row_name} {labels[0]}, {result.column_name} {labels[1]}"

    size = f"{rows} {result.row_name} × {cols} {result.column_name}"
    said = f"{with_unit(result.quantity, result.unit)}; {size}; {extremes(result.values, name)}"
    return printable(titled(result.title, said))


def _data(result: LayerGrid) -> Table:
    columns = result.column_labels or tuple(f"{result.column_name} {j}" for j in range(result.values.shape[1]))
    labels = result.row_labels or tuple(range(result.values.shape[0]))
    rows = tuple((label, *map(float, row)) for label, row in zip(labels, result.values, strict=True))
    return Table((result.row_name, *columns), rows, result.title)


GRID = View(_data, figure=_figure, twin=_twin, parts=lambda result: result.values, called="cells")
register(LayerGrid, GRID)
