"""A grid to choose a cell from: each a small square of colour, the chosen one framed; smaller where the page is narrow.

Inside an explorer a click sets the controls that hold the row and the column; the controls serve the keyboard.
"""

from dataclasses import replace

import numpy as np

from labkit.core import palette
from labkit.core.results import ChoiceGrid

from . import theme
from .clicks import CLICKABLE, moving
from .grids import GRID
from .registry import register, twin
from .scale import ends, key
from .text import for_html, number, with_unit

CELL, GAP, LEFT, TOP = 20, 3, 34, 20
STOPS = 5
"""Colours that the key's gradient is made of."""


def _html(result: ChoiceGrid) -> str:
    across = result.values.shape[0] >= result.values.shape[1]  # the longer side lies
    low, high = ends(result.values)
    shares = np.clip((result.values - low) / ((high - low) or 1.0), 0, 1)
    rows, columns = result.values.shape
    wide, tall = (rows, columns) if across else (columns, rows)
    size = CELL + GAP
    colours = iter(_colours(np.nan_to_num(shares).ravel()))
    cells = "".join(_cell(result, (r, c), _place((r, c), across), next(colours)) for r, c in np.ndindex(rows, columns))
    x, y = _place(result.chosen, across)
    frame = f'<rect x="{x - 2}" y="{y - 2}" width="{CELL + 4}" height="{CELL + 4}" class="lk-chosen"/>'
    unit = with_unit(result.quantity, result.unit)
    width, height = LEFT + wide * size, TOP + tall * size
    return theme.wrap(
        f"{key(unit, low, high, _colours(np.linspace(0, 1, STOPS)))}"
        f'<svg viewBox="0 0 {width} {height}" width="{width}" style="max-width:100%;height:auto" role="group" '
        f"{CLICKABLE}>"
        f"<style>{_STYLE}</style>{_names(result, across)}{cells}{frame}</svg>",
        title=result.title,
        label=twin(result),
    )


_STYLE = f"""
.lk-cell {{ cursor: pointer; pointer-events: all }}
.lk-empty {{ stroke: {palette.LINE}; stroke-dasharray: 2 2 }}
.lk-cell:hover {{ stroke: {palette.TEXT}; stroke-width: 2 }}
.lk-chosen {{ fill: none; stroke: {palette.RED}; stroke-width: 2.5; pointer-events: none }}
.lk-place {{ font: 11px {theme.FONT}; fill: {palette.FAINT} }}
"""


def _place(cell: tuple[int, int], across: bool) -> tuple[int, int]:
    """Pixels from the left and from the top."""
    column, row = cell if across else cell[::-1]
    return LEFT + column * (CELL + GAP), TOP + row * (CELL + GAP)


def _cell(result: ChoiceGrid, cell: tuple[int, int], place: tuple[int, int], colour: str) -> str:
    (row, column), (x, y), value = cell, place, result.values[cell]
    said = for_html(f"{result.row_name} {row}, {result.column_name} {column}: {number(value)} {result.unit}")
    kind, paint = ("lk-cell", colour) if np.isfinite(value) else ("lk-cell lk-empty", "none")
    return (
        f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="2" fill="{paint}" class="{kind}" '
        f"{moving(**dict(zip(result.sets, cell, strict=True)))}><title>{said}</title></rect>"
    )


def _names(result: ChoiceGrid, across: bool) -> str:
    """Numbers of rows and columns; every other one along a side of more than twenty."""
    rows, columns = result.values.shape
    wide, tall = (rows, columns) if across else (columns, rows)
    first, second = (result.row_name, result.column_name) if across else (result.column_name, result.row_name)
    size, every = CELL + GAP, 2 if wide > 20 else 1
    texts = [f'<text x="{LEFT + i * size + CELL / 2}" y="{TOP - 6}" text-anchor="middle" class="lk-place">'
             f"{for_html(first[:1].upper())}{i}</text>" for i in range(0, wide, every)]  # fmt: skip
    texts += [f'<text x="{LEFT - 8}" y="{TOP + i * size + CELL / 2 + 4}" text-anchor="end" class="lk-place">'
              f"{for_html(second[:1].upper())}{i}</text>" for i in range(tall)]  # fmt: skip
    return "".join(texts)


def _colours(shares: np.ndarray) -> list[str]:
    from plotly.colors import sample_colorscale

    return [str(colour) for colour in sample_colorscale(palette.SEQUENTIAL, shares.tolist())]


register(ChoiceGrid, replace(GRID, html=_html, figure=None))
