"""Every lesson as a reader meets it: opened in JupyterLab, all cells run, light and dark, explorers moved."""

import json
from pathlib import Path

import nbformat
import pytest

from .inspection import explorers, faint_text, move_explorers, troubles
from .photograph import photograph

pytestmark = [pytest.mark.browser, pytest.mark.notebooks, pytest.mark.weights, pytest.mark.timeout(1500),
              pytest.mark.divided("lesson")]  # fmt: skip

ROOT = Path(__file__).resolve().parents[2]


def minutes(lesson: Path) -> float:
    """That the lesson promises to take in FAST."""
    return nbformat.read(lesson, 4).metadata["labkit"]["minutes"]["fast"]


LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"), key=minutes, reverse=True)
SCREENS = ROOT / "runs" / "screens"


def fast(lesson: Path, folder: Path) -> tuple[str, float]:
    """A copy of a lesson with FAST switched on; its name, and the seconds that it may take here."""
    book = nbformat.read(lesson, 4)
    for cell in book.cells:
        if "parameters" in cell.metadata.get("tags", []):
            assert "FAST: bool = False" in cell.source, f"{lesson.name} has no FAST parameter"
            cell.source = cell.source.replace("FAST: bool = False", "FAST: bool = True")
    nbformat.write(book, folder / lesson.name)
    return lesson.name, 120 + 4 * 60 * minutes(lesson)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_the_lesson_is_drawn_whole_in_light_and_dark_and_its_explorers_move(desk, lesson):
    name, seconds = fast(lesson, desk.server.folder)
    with desk.opened(name) as opened:
        opened.run_all(seconds=seconds)
        for theme in ("light", "dark"):
            if theme == "dark":
                opened.use_theme(dark=True)
            shots = photograph(opened, SCREENS / f"{lesson.stem}-{theme}")
            assert troubles(opened, shots) == []
            assert faint_text(opened) == []
        assert explorers(opened), f"{lesson.name} has no explorer"
        assert move_explorers(opened) == []
        assert troubles(opened, only=".labkit-explorer") == []


def test_there_are_lessons():
    assert LESSONS


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_the_explorers_state_can_be_given_as_a_parameter(lesson):
    """Each `lab.explore(...)` takes `view=` from a parameter of the lesson, an empty text by default."""
    import ast

    book = nbformat.read(lesson, 4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    parameters = next(cell.source for cell in code if "parameters" in cell.metadata.get("tags", []))
    known = {s.target.id: s.value for s in ast.parse(parameters).body if isinstance(s, ast.AnnAssign)}
    calls = [node for cell in code for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
    explored = [call for call in calls if ast.unparse(call.func) in ("lab.explore", "explore")]
    assert explored, "a lesson has an explorer"
    for call in explored:
        view = {k.arg: k.value for k in call.keywords}.get("view")
        assert isinstance(view, ast.Name), f"{ast.unparse(call)} takes no view= from a parameter"
        assert ast.literal_eval(known[view.id]) == "", f"{view.id} must be an empty text by default"
    json.dumps(book)
