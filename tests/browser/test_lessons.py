"""Every lesson in JupyterLab: opened as a run left it, light and dark; its explorers live, and moved."""

import json
import os
from pathlib import Path

import nbformat
import pytest

from labkit.suite import runner
from labkit.suite.notebooks import as_written
from labkit.suite.outcomes import SuiteResult
from labkit.suite.planning import plan_run
from tests.lessons.slices import slice_of

from .inspection import explorers, faint_text, move_explorers, troubles
from .jupyter import Lesson
from .photograph import photograph

pytestmark = [pytest.mark.browser, pytest.mark.notebooks, pytest.mark.weights, pytest.mark.timeout(1500),
              pytest.mark.divided("lesson")]  # fmt: skip

ROOT = Path(__file__).resolve().parents[2]


LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SCREENS = ROOT / "runs" / "screens"
EXECUTED = "LABKIT_EXECUTED"
"""The folder of a run with --fast, whose notebooks are opened here; .ci/check.py says which it has just made."""


def executed(lesson: Path, place: Path) -> Path:
    """The lesson as a fast run left it; where no run is named, one is made."""
    if not (folder := os.environ.get(EXECUTED)):
        folder = runner.new_folder(place / "run")
        runner.run(plan_run([lesson], parameters={}, fast=True), folder=folder).write(folder)
    (outcome,) = (one for one in SuiteResult.read(Path(folder)).outcomes if one.topic == lesson.stem)
    assert outcome.executed, f"its run left nothing: {outcome.problems}"
    kept, now = (as_written(nbformat.read(path, 4)) for path in (Path(folder) / outcome.executed, lesson))
    assert [cell.source for cell in kept] == [cell.source for cell in now], f"{folder} ran another {lesson.name}"
    return Path(folder) / outcome.executed


def drawn(opened: Lesson, name: str) -> None:
    """All outputs are drawn and readable, light and dark."""
    for theme in ("light", "dark"):
        opened.use_theme(dark=theme == "dark")
        shots = photograph(opened, SCREENS / f"{name}-{theme}")
        assert troubles(opened, shots) == []
        assert faint_text(opened) == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_the_lesson_as_it_ran_is_drawn_whole_in_light_and_dark(desk, lesson, tmp_path):
    with desk.opened(desk.trusted(executed(lesson, tmp_path))) as opened:
        opened.settle()
        drawn(opened, lesson.stem)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_its_explorers_are_drawn_live_and_move(desk, lesson):
    """Only the cells that the explorers need are run."""
    book = slice_of(nbformat.read(lesson, 4), lambda source: "lab.explore(" in source)
    for cell in book.cells:
        cell.source = cell.source.replace("FAST: bool = False", "FAST: bool = True")
    name = f"{lesson.stem}-explorers"
    nbformat.write(book, desk.server.folder / f"{name}.ipynb")
    with desk.opened(f"{name}.ipynb") as opened:
        opened.run_all(seconds=120 + 4 * 60 * book.metadata["labkit"]["minutes"]["fast"])
        drawn(opened, name)
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
