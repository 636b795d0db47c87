import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labkit.core.errors import NotebookError
from labkit.suite.lessons import find_lessons, read_lesson
from labkit.suite.notebooks import read_notebook


def write(folder, name="02_attention", cells=(), **about):
    head = new_markdown_cell("# 02 · What does attention look at?\nneeds: CPU    before: 01, 00   sources: one 2017")
    book = new_notebook(cells=[head, *cells], metadata={"labkit": about} if about else {})
    path = folder / f"{name}.ipynb"
    nbformat.write(book, path)
    return path


def test_a_lesson_says_its_title_budget_assets_prerequisites_and_exercises(tmp_path):
    cells = [new_code_cell("%time 1\n!ls"), new_code_cell('x = 1\nlab.check("02.1", lambda n: n)'),
             new_code_cell('assert lab.check("02.2", x + 1)')]  # fmt: skip
    path = write(tmp_path, cells=cells, minutes={"fast": 0.5, "full": 2}, memory_gb=2, assets=["sotu"], before=["01"])
    lesson = read_lesson(path)
    assert (lesson.topic, lesson.number, lesson.title) == ("02_attention", "02", "02 · What does attention look at?")
    assert lesson.minutes == {"fast": 0.5, "full": 2.0} and lesson.memory_gb == 2.0
    assert lesson.assets == ("sotu",) and lesson.before == ("01",)
    assert [(e.id, e.cell, e.answer) for e in lesson.exercises] == [("02.1", 2, "lambda n: n"), ("02.2", 3, "x + 1")]


def test_prerequisites_are_read_from_the_line_of_needs_where_metadata_has_none(tmp_path):
    assert read_lesson(write(tmp_path)).before == ("01", "00")


def test_a_notebook_that_says_nothing_is_still_listed(tmp_path):
    path = tmp_path / "plain.ipynb"
    nbformat.write(new_notebook(), path)
    lesson = read_lesson(path)
    assert lesson.title == "plain" and lesson.minutes == {} and lesson.exercises == ()


def test_other_peoples_check_functions_are_not_exercises(tmp_path):
    cells = [new_code_cell('check("02.1", 1)\nother.check("02.2", 2)\nlab.check("02.3")\n# lab.check("02.4", 3)')]
    assert read_lesson(write(tmp_path, cells=cells)).exercises == ()


@pytest.mark.parametrize(
    "content, message", [("{not json", "is not JSON"), ('{"cells": 3}', "is not a valid notebook"), ("\udcff", "JSON")]
)
def test_a_file_that_is_no_notebook_is_refused_with_its_name(tmp_path, content, message):
    path = tmp_path / "03_bad.ipynb"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(NotebookError, match=f"03_bad.ipynb.*{message}"):
        read_notebook(path)


def test_a_missing_notebook_is_refused_with_its_neighbours(tmp_path):
    write(tmp_path)
    with pytest.raises(NotebookError, match=r"does not exist; notebooks here: 02_attention\.ipynb"):
        read_notebook(tmp_path / "03.ipynb")


def test_a_budget_of_the_wrong_kind_is_refused(tmp_path):
    with pytest.raises(NotebookError, match=r"metadata\.labkit is not usable"):
        read_lesson(write(tmp_path, minutes={"fast": "a while"}))


def test_notebooks_are_found_by_path_topic_or_number(tmp_path):
    path = write(tmp_path)
    other = write(tmp_path, "01_tokenization")
    assert find_lessons(folder=tmp_path) == [other, path]
    for name in (str(path), "02_attention", "02", "02_attention.ipynb"):
        assert find_lessons([name], folder=tmp_path) == [path]
    with pytest.raises(NotebookError, match="did you mean '02_attention'"):
        find_lessons(["02_atention"], folder=tmp_path)


def test_an_empty_folder_is_said_to_be_empty(tmp_path):
    with pytest.raises(NotebookError, match="no notebook in"):
        find_lessons(folder=tmp_path)
