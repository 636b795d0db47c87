"""A grid to choose from: every cell says what it is and what a click sets; the longer side lies."""

import html
import json
import re

import numpy as np
import pytest

from labkit import views
from labkit.core.results import ChoiceGrid, LayerGrid


def cells(result) -> list[tuple[float, float, dict]]:
    """(x, y, what a click sets) of every cell, row by row."""
    found = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"[^>]*data-moves="([^"]*)"', views.html(result))
    return [(float(x), float(y), json.loads(html.unescape(moves))) for x, y, moves in found]


@pytest.mark.parametrize("shape", [(5, 2), (2, 5), (1, 1)])
def test_a_click_on_a_cell_sets_its_row_and_column(shape):
    found = cells(ChoiceGrid(np.zeros(shape), sets=("Layer", "Head")))
    assert [(moves["Layer"], moves["Head"]) for _, _, moves in found] == list(np.ndindex(shape))
    wide, tall = (len({place[side] for place in found}) for side in (0, 1))
    assert (wide, tall) == (max(shape), min(shape)), "the longer side lies"


def test_the_frame_stands_around_the_chosen_cell():
    result = ChoiceGrid(np.zeros((4, 3)), chosen=(2, 1))
    (x, y), size = re.search(r'<rect x="(\d+)" y="(\d+)"[^>]*lk-chosen', views.html(result)).groups(), 2
    chosen = next((cx, cy) for cx, cy, moves in cells(result) if moves == {"Layer": 2, "Head": 1})
    assert (float(x) + size, float(y) + size) == chosen


def test_the_largest_value_has_the_last_colour_and_no_value_has_none():
    page = views.html(ChoiceGrid(np.array([[0.0, 1.0, np.nan]])))
    fills = re.findall(r'fill="([^"]+)" class="lk-cell', page)
    assert fills == ["rgb(68, 1, 84)", "rgb(253, 231, 37)", "none"]


def test_it_says_and_lists_what_the_grid_behind_it_does():
    grid = LayerGrid(np.arange(6.0).reshape(2, 3), "sink", "weight", "T")
    result = ChoiceGrid.of(grid, (1, 2))
    assert views.twin(result) == views.twin(grid)
    assert views.data(result) == views.data(grid)
    assert set(views.bundle(result)) == {"text/html", "text/plain"}
