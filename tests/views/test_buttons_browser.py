"""Below each figure in JupyterLab stand buttons that save it, pressed by keyboard alone, on a dark page too."""

import re

import pytest

pytestmark = pytest.mark.browser

CELL = """
import numpy as np
import labkit as lab
from labkit.core.results import Bars
lab.begin("test")
lab.show(Bars((" Paris", "b"), np.array([0.7, 0.2]), "probability", "After “a/b”"))
"""
FOCUSED = "() => document.activeElement.getAttribute('aria-label') || ''"


def test_a_figure_is_saved_by_keyboard_as_svg_and_png(desk):
    with desk.opened(desk.written("buttons", CELL), dark=True) as lesson:
        lesson.run_all(seconds=120)
        page, cells = lesson.page, len(lesson.cells())
        assert page.locator(".lk-below").bounding_box()["height"] < 60, "folded, on one line"
        page.locator(".lk-below summary").focus()
        files = {}
        for kind, key in (("svg", "Enter"), ("png", "Space")):
            page.keyboard.press("Tab")
            assert page.evaluate(FOCUSED) == f"save the figure above as {kind.upper()}"
            with page.expect_download(timeout=30_000) as waiting:
                page.keyboard.press(key)
            assert waiting.value.suggested_filename == f"after-a-b.{kind}"
            files[kind] = waiting.value.path().read_bytes()
        svg = files["svg"].decode("utf-8")
        assert "␣Paris" in svg
        assert re.search(r"<text[^>]*fill: rgb\(34, 34, 34\)", svg), "dark letters, for paper"
        assert files["png"].startswith(b"\x89PNG")
        assert len(lesson.cells()) == cells
        before = page.evaluate("() => document.querySelector('.js-plotly-plot').layout.paper_bgcolor")
        assert before in (None, "rgba(0,0,0,0)"), "the figure on the page stays as it was"
        assert lesson.errors == []
