"""Clicks in pictures move the explorer's controls in JupyterLab: a map's cell two sliders, a tree's node a text box."""

import os

import pytest

pytestmark = pytest.mark.browser

CELL = """
import numpy as np
from labkit.core.results import ChoiceGrid, TokenSplit, TokenTree
from labkit.explorers.controls import Slider, Text
from labkit.explorers.panel import Explorer

def draw(prompt, layer, head):
    said = f"{prompt} / {layer} / {head}"
    tree = TokenTree((" <b>&", "\\nb"), (-1, 0), np.log([0.5, 0.5]), prompt=prompt)
    return [ChoiceGrid(np.arange(12.0).reshape(4, 3), chosen=(layer, head)), tree, TokenSplit((said,), (1,))]

controls = Text("prompt", "p", label="Prompt"), Slider("layer", 0, 0, 3, label="Layer"), Slider("head", 0, 0, 2, label="Head")
Explorer("Steered", controls, draw)
"""  # noqa: E501  a notebook's cell


def test_a_click_or_enter_in_a_picture_moves_the_controls_around_it(desk):
    pictures = os.environ.get("LABKIT_PICTURES", "")
    dark = pictures.endswith("dark")
    with desk.opened(desk.written("steering", CELL), dark=dark, height=900) as lesson:
        lesson.run_all(seconds=120)
        page = lesson.page

        def says(text: str) -> None:
            page.wait_for_function(
                "text => document.querySelector('.labkit-picture .lk-strip')?.textContent === text", arg=text
            )

        says("p / 0 / 0")
        page.locator(".lk-cell").nth(2 * 3 + 1).click()
        says("p / 2 / 1")
        assert [r.text_content() for r in page.locator(".widget-readout").all()] == ["2", "1"]
        if pictures:
            page.screenshot(path=f"{pictures}-map.png")
        page.locator(".lk-tree-node").nth(0).click()
        says("p <b>& / 2 / 1")
        page.locator(".lk-tree-node").nth(0).focus()
        page.keyboard.press("Enter")
        says("p <b>& <b>& / 2 / 1")
        assert lesson.errors == []
        assert lesson.strangers == []
