"""nbgrader accepts what `labkit student` writes.

Its own converter and validators judge where there is an nbgrader: on the PATH (`pip install 'labkit[grading]'`) or, so
that its JupyterLab extension stays out of the lab, in an environment of its own, named by LABKIT_NBGRADER. The rules of
its metadata, schema 3, are restated here and always checked.
"""

import os
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labkit.suite.students import grader_source, student_copy, write_copies

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MARKS = {"grade": bool, "grade_id": str, "locked": bool, "schema_version": int, "solution": bool, "task": bool}


def small_lesson():
    """One function, one value, one written answer."""
    double = "def double(x):\n    ### BEGIN SOLUTION\n    return x + x\n    ### END SOLUTION"
    cells = [
        new_markdown_cell("# A lesson"),
        new_code_cell(double),
        new_code_cell('lab.check("02.1", double)'),
        new_code_cell("answer = ...\n### BEGIN SOLUTION\nanswer = 6\n### END SOLUTION"),
        new_code_cell('lab.check("02.2", answer)'),
        new_markdown_cell("Why?\n### BEGIN SOLUTION\nBecause.\n### END SOLUTION"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def broken_rules(notebook) -> list[str]:
    """nbgrader's rules for cell metadata of schema 3 that a notebook breaks (its MetadataValidatorV3, restated)."""
    found, names = [], set()
    for index, cell in enumerate(notebook.cells):
        mark = cell.metadata.get("nbgrader")
        if mark is None:
            found += [f"cell {index}: a solution region outside a solution cell"] * ("BEGIN SOLUTION" in cell.source)
            continue
        found += [f"cell {index}: {key}" for key, kind in MARKS.items() if not isinstance(mark.get(key), kind)]
        found += [f"cell {index}: unknown {key}" for key in set(mark) - set(MARKS) - {"points", "cell_type"}]
        if mark.get("schema_version") != 3 or not mark.get("grade_id") or mark["grade_id"] in names:
            found.append(f"cell {index}: schema or name")
        if mark.get("grade") and not isinstance(mark.get("points"), int):
            found.append(f"cell {index}: graded without points")
        if cell.cell_type == "markdown" and mark.get("grade") != mark.get("solution"):
            found.append(f"cell {index}: a written answer is solution and grade at once")
        names.add(mark.get("grade_id"))
    return found


def test_a_small_lesson_keeps_nbgraders_rules():
    assert broken_rules(student_copy(small_lesson())) == broken_rules(grader_source(small_lesson())) == []


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_lesson_keeps_nbgraders_rules(path):
    notebook = nbformat.read(path, as_version=4)
    assert broken_rules(student_copy(notebook)) == broken_rules(grader_source(notebook)) == []


def test_the_rules_see_what_nbgrader_would_refuse():
    book = student_copy(small_lesson())
    del book.cells[1].metadata.nbgrader["grade_id"]
    book.cells[2].metadata.nbgrader.pop("points")
    book.cells[3].metadata.pop("nbgrader")
    book.cells[3].source += "\n### BEGIN SOLUTION"
    book.cells[5].metadata.nbgrader["grade"] = False
    assert {fault.split(":")[0] for fault in broken_rules(book)} == {"cell 1", "cell 2", "cell 3", "cell 5"}


NBGRADER = os.environ.get("LABKIT_NBGRADER") or shutil.which("nbgrader")
needs_nbgrader = pytest.mark.skipif(not NBGRADER, reason="nbgrader did NOT judge: not installed, see labkit[grading]")


def generated(course: Path) -> dict[str, nbformat.NotebookNode]:
    """What `nbgrader generate_assignment` makes of the assignment `all`: name → notebook."""
    folders = os.pathsep.join([str(Path(str(NBGRADER)).parent), os.environ.get("PATH", "")])  # it calls alembic
    command = [str(NBGRADER), "generate_assignment", "all"]
    env = {**os.environ, "PATH": folders}
    done = subprocess.run(command, cwd=course, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.stem: nbformat.read(path, as_version=4) for path in (course / "release" / "all").glob("*.ipynb")}


@pytest.fixture
def lessons(tmp_path) -> list[Path]:
    """Every lesson, and a small one with all kinds of answers."""
    small = tmp_path / "97_small.ipynb"
    nbformat.write(small_lesson(), small)
    return [small, *LESSONS]


@needs_nbgrader
def test_nbgrader_makes_of_the_source_what_labkit_makes_of_the_lesson(tmp_path, lessons):
    course = tmp_path / "course"
    for path in write_copies(lessons, course, nbgrader=True):
        (course / "source" / "all").mkdir(exist_ok=True)
        path.rename(course / "source" / "all" / path.name)
    theirs = generated(course)
    for path in lessons:
        ours = student_copy(nbformat.read(path, as_version=4))
        released = [cell.source.replace("assert lab.check(", "lab.check(") for cell in theirs[path.stem].cells]
        assert released == [cell.source for cell in ours.cells], path.stem


@needs_nbgrader
def test_nbgrader_accepts_student_copies(tmp_path, lessons):
    write_copies(lessons, tmp_path / "course" / "source" / "all")
    assert set(generated(tmp_path / "course")) == {path.stem for path in lessons}
