"""Every exercise of every lesson: its solution passes, its stub is open, its wrong answers hear their reason."""

import ast
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import labkit
from labkit import lessons
from labkit.suite.exercises import judge, registered
from labkit.suite.lessons import ExerciseCell, exercise_cells
from labkit.suite.notebooks import python_of
from labkit.suite.students import BEGIN, student_copy

ROOT = Path(__file__).resolve().parents[2]
LESSONS = {path.stem[:2]: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
LEAST = 3


def cells_of(number: str) -> tuple[ExerciseCell, ...]:
    return exercise_cells(nbformat.read(LESSONS[number], as_version=4))


EXERCISES = [(number, exercise.id) for number in LESSONS for exercise in cells_of(number)]


def answer_in(notebook, id: str):
    """What the check of `id` is given when the notebook's imports and solution cells are run, and nothing else is."""
    names = {"lab": labkit, "np": np}
    for cell, original in zip(notebook["cells"], notebook["original"], strict=True):
        for exercise in exercise_cells(new_notebook(cells=[original])):
            if exercise.id == id:
                return eval(exercise.answer, names)
        if cell.cell_type == "code":
            tree = ast.parse(python_of(cell.source))
            if BEGIN not in original.source:
                tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
            exec(compile(tree, f"<before {id}>", "exec"), names)
    raise AssertionError(f"no check of {id}")


def faults(book, id: str) -> list[str]:
    """What is not as it must be with one exercise."""
    lessons.load(id)
    original, found = book.cells, []
    solved = judge(id, answer_in({"cells": original, "original": original}, id))
    stub = judge(id, answer_in({"cells": student_copy(book).cells, "original": original}, id))
    if solved.state != "passed":
        found.append(f"the solution does not pass: {solved.message}")
    if stub.state != "open":
        found.append(f"the stub is {stub.state}, not open: {stub.message}")
    wrong = registered()[id].wrong
    for number, (answer, because) in enumerate(wrong, 1):
        verdict = judge(id, answer)
        if verdict.state != "wrong" or because not in verdict.message:
            found.append(f"wrong answer {number} should hear {because!r}, but: {verdict.state}, {verdict.message!r}")
    if len({because for _, because in wrong}) < LEAST:
        found.append(f"{len({because for _, because in wrong})} wrong answers with a reason of their own, not {LEAST}")
    return found


@pytest.mark.parametrize("number, id", EXERCISES)
def test_the_solution_passes_the_stub_is_open_and_wrong_answers_hear_why(number, id):
    assert faults(nbformat.read(LESSONS[number], as_version=4), id) == []


@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_has_three_exercises_or_more_all_registered_and_numbered_after_it(number):
    ids = [exercise.id for exercise in cells_of(number)]
    for id in ids:
        lessons.load(id)
    assert len(ids) >= 3 and len(set(ids)) == len(ids)
    assert all(id.startswith(f"{number}.") and id in registered() for id in ids), ids


@pytest.mark.parametrize("number", LESSONS)
def test_each_check_stands_alone_in_its_cell_after_a_solution(number):
    book = nbformat.read(LESSONS[number], as_version=4)
    for exercise in exercise_cells(book):
        assert BEGIN not in book.cells[exercise.cell].source, f"{exercise.id}: the check needs a cell of its own"
        assert any(BEGIN in cell.source for cell in book.cells[: exercise.cell]), exercise.id


def test_the_guard_sees_a_bad_exercise(monkeypatch):
    from labkit.suite import exercises

    monkeypatch.setattr(exercises, "_EXERCISES", {})

    @exercises.exercise("97.1", "Six", wrong=[(-1, "positive"), (7, "too large")])
    def six(answer):
        exercises.require(answer > 0, "it is positive")
        return "positive"

    source = "x = 0\n### BEGIN SOLUTION\nx = -6\n### END SOLUTION"
    book = new_notebook(cells=[new_code_cell(source), new_code_cell('lab.check("97.1", x)')])
    found = " ".join(faults(book, "97.1"))
    for fault in ("solution does not pass", "stub is wrong, not open", "wrong answer 2 should hear", "2 wrong answers"):
        assert fault in found
