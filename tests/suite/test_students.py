import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labkit.core.errors import NotebookError
from labkit.suite.students import clear_solutions, grader_source, student_copy, write_copies

SOLUTION = '''\
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    secret_answer = x + x
    return secret_answer
    ### END SOLUTION'''
VALUE = "answer = ...\n### BEGIN SOLUTION\nanswer = 6  # secret_value\n### END SOLUTION"


@pytest.fixture
def lesson():
    """A lesson as a run left it: outputs, counts, traces of papermill and of widgets."""
    solved = new_code_cell(SOLUTION, outputs=[new_output("stream", text="secret_output")], execution_count=3)
    solved.metadata["papermill"] = {"note": "secret_trace"}
    cells = [
        new_markdown_cell("# Lesson\nThe text stays: ### nothing to remove."),
        new_code_cell("import labkit as lab", metadata={"tags": ["parameters"]}),
        solved,
        new_code_cell('lab.check("02.1", double)', outputs=[new_output("stream", text="✔ secret_output")]),
        new_code_cell(VALUE),
        new_code_cell('lab.check("02.2", answer)'),
        new_markdown_cell("Why?\n\n### BEGIN SOLUTION\nBecause secret_reason.\n### END SOLUTION"),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "labkit": {"memory_gb": 1},
                "widgets": {"state": "secret_state"}, "papermill": {"x": "secret_trace"}}  # fmt: skip
    return new_notebook(cells=cells, metadata=metadata)


def test_nothing_of_a_solution_is_left_anywhere(lesson):
    assert "secret" in nbformat.writes(lesson)
    assert "secret" not in nbformat.writes(student_copy(lesson))


def test_the_original_is_not_touched(lesson):
    before = nbformat.writes(lesson)
    student_copy(lesson)
    grader_source(lesson)
    assert nbformat.writes(lesson) == before


def test_nothing_else_changes(lesson):
    copy = student_copy(lesson)
    for old, new in zip(lesson.cells, copy.cells, strict=True):
        assert (old.id, old.cell_type) == (new.id, new.cell_type)
        if "BEGIN SOLUTION" not in old.source:
            assert old.source == new.source
    assert copy.cells[1].metadata["tags"] == ["parameters"]
    assert copy.metadata["kernelspec"] == lesson.metadata["kernelspec"]
    assert copy.metadata["labkit"] == lesson.metadata["labkit"]


def test_stubs_run_up_to_the_check(lesson):
    copy, names = student_copy(lesson), {}
    for index in (2, 4):
        exec(copy.cells[index].source, names)
    assert names["double"](3) is None and names["answer"] is ...
    assert copy.cells[6].source == "Why?\n\n*Your answer here.*"


def test_a_copy_of_a_copy_is_the_same(lesson):
    once = student_copy(lesson)
    sources = [cell.source for cell in student_copy(once).cells]
    assert sources == [cell.source for cell in once.cells]


def test_a_copy_is_a_valid_notebook_and_marked_for_nbgrader(lesson):
    copy = student_copy(lesson)
    nbformat.validate(copy)
    marks = {index: cell.metadata.nbgrader for index, cell in enumerate(copy.cells) if "nbgrader" in cell.metadata}
    assert {index: (mark["solution"], mark["grade"], mark["locked"]) for index, mark in marks.items()} == {
        2: (True, False, False), 3: (False, True, True), 4: (True, False, False), 5: (False, True, True),
        6: (True, True, False)}  # fmt: skip
    assert [mark["grade_id"] for mark in marks.values()] == [
        "answer-02-1", "check-02-1", "answer-02-2", "check-02-2", "answer"]  # fmt: skip


@pytest.mark.parametrize(
    "source, message",
    [
        ("### BEGIN SOLUTION\nx = 1", "BEGIN SOLUTION without END"),
        ("x = 1\n### END SOLUTION", "END SOLUTION without BEGIN"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "a second BEGIN SOLUTION"),
        ("### BEGIN SOLUTION\nif x:\n    y\n### END SOLUTION\nelse:\n    z", "does not parse"),
    ],
)
def test_a_region_that_cannot_be_removed_is_refused_with_its_cell(source, message):
    with pytest.raises(NotebookError, match=f"cell 0.*{message}"):
        student_copy(new_notebook(cells=[new_code_cell(source)]))


def test_a_solution_quoted_in_kept_metadata_is_refused(lesson):
    lesson.cells[2].metadata["labkit"] = {"hint": "use secret_answer = x + x of course"}
    with pytest.raises(NotebookError, match="also stands in the notebook's metadata"):
        student_copy(lesson)


def test_a_cell_keeps_its_indentation():
    source, removed = clear_solutions("def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n\nf()")
    assert source == "def f():\n    # YOUR CODE HERE\n    ...\n\nf()" and removed == ["    return 1"]


def test_copies_are_written_but_never_over_the_lesson(tmp_path, lesson):
    path = tmp_path / "02_attention.ipynb"
    nbformat.write(lesson, path)
    (written,) = write_copies([path], tmp_path / "out")
    assert "secret" not in written.read_text() and json.loads(written.read_text())["nbformat"] == 4
    with pytest.raises(NotebookError, match="would replace"):
        write_copies([path], tmp_path)


def test_a_source_for_nbgrader_keeps_solutions_and_asserts_its_checks(tmp_path, lesson):
    made = grader_source(lesson)
    assert made.cells[2].source == SOLUTION and made.cells[2].outputs == []
    assert made.cells[3].source == 'assert lab.check("02.1", double)'
    path = tmp_path / "02_attention.ipynb"
    nbformat.write(lesson, path)
    (written,) = write_copies([path], tmp_path / "course", nbgrader=True)
    assert written == tmp_path / "course/source/02_attention/02_attention.ipynb"
    compile((tmp_path / "course/nbgrader_config.py").read_text(), "nbgrader_config.py", "exec")


@pytest.mark.parametrize(
    "line",
    ["### begin solution", "###BEGIN  SOLUTION", "# Begin Solution", "### BEGIN_SOLUTION", "### BEGIN SOLUTON",
     "    #begin solutions", "<!-- begin solution -->", "### end solution", "### END-SOLUTION ###"],
)  # fmt: skip
def test_a_marker_that_is_nearly_one_is_refused_instead_of_handed_out(line):
    for cell in (new_code_cell(f"x = 1\n{line}\ny = 2"), new_markdown_cell(f"text\n{line}\nmore")):
        with pytest.raises(NotebookError, match=r"cell 0.*### (BEGIN|END) SOLUTION"):
            student_copy(new_notebook(cells=[cell]))


def test_words_about_solutions_are_no_markers():
    cells = [
        new_markdown_cell("Begin the solution of 02.1 here.\n\nEnd.\nThe solution begins."),
        new_code_cell("x = 1  # end"),
    ]
    assert [cell.source for cell in student_copy(new_notebook(cells=cells)).cells] == [cell.source for cell in cells]


PICTURE = {"image/png": "c2VjcmV0"}


def test_a_picture_of_a_solution_goes_with_it_and_others_stay(tmp_path, monkeypatch):
    text = "![q](attachment:question.png)\n### BEGIN SOLUTION\n![a](attachment:answer.png)\n### END SOLUTION"
    cell = new_markdown_cell(text, attachments={"question.png": PICTURE, "answer.png": PICTURE, "unused.png": PICTURE})
    book = new_notebook(cells=[cell])
    assert set(student_copy(book).cells[0].attachments) == {"question.png"}
    source = grader_source(book).cells[0]  # nbgrader clears the text between the markers, and nothing else
    assert set(source.attachments) == {"question.png"} and "data:image/png;base64,c2VjcmV0" in source.source
    only = new_markdown_cell(text.partition("\n")[2], attachments={"answer.png": PICTURE})
    assert "attachments" not in student_copy(new_notebook(cells=[only])).cells[0]


def test_two_notebooks_of_one_name_are_refused_before_anything_is_written(tmp_path, lesson):
    paths = [tmp_path / folder / "plain.ipynb" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        nbformat.write(lesson, path)
    with pytest.raises(NotebookError, match="two notebooks of one name"):
        write_copies(paths, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "source, stub",
    [
        ("df?\n{}\ny = 2\n{}", "df?\n# YOUR CODE HERE\n..."),
        ("{}\nx = !ls\n{}\n!pwd", "# YOUR CODE HERE\n...\n!pwd"),
        ("%%time\n{}\nx = 1\n{}", "%%time\n# YOUR CODE HERE\n..."),
        ("%%bash\n{}\nls | wc\n{}\nfor i in 1; do ls; done", "%%bash\n# YOUR CODE HERE\nfor i in 1; do ls; done"),
        ("%%html\n{}\n<b>x</b>\n{}\n<i>y", "%%html\n<!-- YOUR CODE HERE -->\n<i>y"),
        ("%%javascript\n{}\nlet x\n{}", "%%javascript\n// YOUR CODE HERE"),
        ("%%latex\n{}\n$x$\n{}", "%%latex\n% YOUR CODE HERE"),
    ],
)
def test_a_stub_is_written_in_the_language_of_its_cell(source, stub):
    cell = new_code_cell(source.format("### BEGIN SOLUTION", "### END SOLUTION"))
    assert student_copy(new_notebook(cells=[cell])).cells[0].source == stub


def test_what_ipython_alone_understands_hides_no_check():
    from labkit.suite.lessons import exercise_cells

    sources = ['df?\nlab.check("02.1", a)', 'x = !ls\nlab.check("02.2", b)', '%%time\nlab.check("02.3", c)',
               '%%bash\nlab.check("02.4", d)', '%time 1\n    \nlab.check("02.5", e)']  # fmt: skip
    book = new_notebook(cells=[new_code_cell(source) for source in sources])
    assert [found.id for found in exercise_cells(book)] == ["02.1", "02.2", "02.3", "02.5"]


HIDDEN = """\
lab.check("02.1", double)
### BEGIN HIDDEN TESTS
assert double(21) == 42  # secret_case
### END HIDDEN TESTS"""


def test_hidden_tests_are_in_no_copy_and_stay_for_the_grader(lesson):
    lesson.cells[3].source = HIDDEN
    made = student_copy(lesson)
    assert made.cells[3].source == 'lab.check("02.1", double)' and "secret" not in nbformat.writes(made)
    assert "secret_case" in grader_source(lesson).cells[3].source


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN HIDDEN TESTS\n1",
        "1\n### END HIDDEN TESTS",
        "### begin hidden tests\n1\n### end hidden tests",
        "### BEGIN HIDDEN TEST\n1\n### END HIDDEN TEST",
        "### BEGIN HIDDEN TESTS\n1\n### END SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS\n### END SOLUTION",
    ],
)
def test_a_spoilt_region_of_hidden_tests_is_refused(source):
    with pytest.raises(NotebookError, match=r"HIDDEN TESTS|END SOLUTION without BEGIN"):
        clear_solutions(source)
