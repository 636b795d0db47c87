"""Student copies: the same notebook without its solutions.

Between `### BEGIN SOLUTION` and `### END SOLUTION` everything is removed and `...` put in its place, at the same
indentation, so that the copy still runs up to the check, which then says "not answered yet". Between `### BEGIN HIDDEN
TESTS` and `### END HIDDEN TESTS` everything is removed. Outputs, execution counts and the metadata that a run leaves
behind go too; nothing else changes.

Solution and check cells get nbgrader's metadata, so that its validators accept a copy. A course that uses nbgrader
starts from `grader_source`: the solutions are still in it, its checks are asserted, and `nbgrader
generate_assignment` makes the copies from it.
"""

import ast
import copy
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from labkit.core.errors import NotebookError
from labkit.core.paths import atomic_file

from .lessons import exercise_cells
from .notebooks import language_of, python_of, read_notebook, refuse_same_names

SOLUTION, HIDDEN = "SOLUTION", "HIDDEN TESTS"
BEGIN = f"BEGIN {SOLUTION}"
MARKER = re.compile(rf"\b(BEGIN|END) ({SOLUTION}|{HIDDEN})")
NEARLY = re.compile(r"\W*(begin|end)[\W_]*(solu?t\w*|hidden[\W_]*tests?)\W*", re.IGNORECASE)
"""A line that is meant as a marker, and would not be seen as one if it is written otherwise."""
STUB = ("# YOUR CODE HERE", "...")
WRITTEN_STUB = ("*Your answer here.*",)
COMMENTS = {
    "html": "<!-- {} -->", "HTML": "<!-- {} -->", "svg": "<!-- {} -->", "SVG": "<!-- {} -->", "markdown": "<!-- {} -->",
    "javascript": "// {}", "js": "// {}", "latex": "% {}", "sql": "-- {}",
}  # fmt: skip
"""Language of a cell magic → how a comment is written in it, where not as in Python and shells."""
ATTACHED = re.compile(r"attachment:([^\s)\"'>]+)")

NOTEBOOK_KEYS = ("kernelspec", "language_info", "labkit")
CELL_KEYS = ("tags", "slideshow", "jupyter", "editable", "deletable", "name", "collapsed", "labkit", "nbgrader")
"""Metadata that a copy keeps; a run's traces (papermill, widget state, timings) are not among them."""

GRADER_CONFIG = '''\
"""Settings for nbgrader: stubs that run up to the check, and nothing from another host."""

c = get_config()  # noqa: F821
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\\n..."}
c.ClearSolutions.text_stub = "*Your answer here.*"
'''


def student_copy(notebook: Any) -> Any:
    """The notebook without solutions, outputs and traces of a run.

    Raises:
        NotebookError: a region has no end or no beginning, or removing one leaves code that does not parse.

    Law: equal, cell by cell, to what nbgrader makes of `grader_source` (tests/suite/test_nbgrader.py).
    """
    made = _cleaned(notebook)
    _mark_for_grading(made)
    answers = []
    for index, cell in enumerate(made.cells):
        cell.source, removed = clear_solutions(cell.source, cell.cell_type, where=f"cell {index}")
        answers += removed
        if removed:
            _keep_attachments(cell, set(ATTACHED.findall(cell.source)))
        if removed and cell.cell_type == "code":
            _must_parse(cell.source, index)
    _refuse_leaks(made, answers)
    return made


def grader_source(notebook: Any) -> Any:
    """The notebook with its solutions, marked for nbgrader; checks are asserted: a wrong answer costs a point.

    A picture attached for a solution moves into its text, because nbgrader clears the text and leaves attachments.
    """
    made = _cleaned(notebook)
    _mark_for_grading(made)
    for index, cell in enumerate(made.cells):
        kept, removed = clear_solutions(cell.source, cell.cell_type, where=f"cell {index}")
        if removed and cell.get("attachments"):
            shown = set(ATTACHED.findall(kept))
            cell.source = ATTACHED.sub(lambda found, cell=cell, shown=shown: _inlined(found, cell, shown), cell.source)
            _keep_attachments(cell, shown)
    for exercise in exercise_cells(made):
        cell = made.cells[exercise.cell]
        cell.source = re.sub(r"^(lab(?:kit)?\.check\()", r"assert \1", cell.source, flags=re.MULTILINE)
    return made


def write_copies(paths: Iterable[Path], folder: Path, *, nbgrader: bool = False) -> list[Path]:
    """Write a copy of each notebook into `folder`; with `nbgrader`, a course folder that nbgrader works on.

    Raises:
        NotebookError: a notebook cannot be copied, the copy would replace the notebook itself, or two have one name.
    """
    import nbformat

    written, paths = [], list(paths)
    refuse_same_names(paths)
    for path in paths:
        made = (grader_source if nbgrader else student_copy)(read_notebook(path))
        target = folder / "source" / path.stem / path.name if nbgrader else folder / path.name
        if target.resolve() == path.resolve():
            raise NotebookError(f"the copy would replace {path}; give another folder with -o")
        with atomic_file(target) as draft:
            draft.write_text(nbformat.writes(made) + "\n", encoding="utf-8")
        written.append(target)
    config = folder / "nbgrader_config.py"
    if nbgrader and not config.exists():
        config.write_text(GRADER_CONFIG, encoding="utf-8")
    return written


def clear_solutions(source: str, cell_type: str = "code", *, where: str = "cell") -> tuple[str, list[str]]:
    """A cell's source with each solution replaced by a stub, without hidden tests; and the lines that were removed.

    Raises:
        NotebookError: regions are nested, one has no end or no beginning, or a marker is written in another way.
    """
    kept, removed, inside = [], [], ""
    for line in source.split("\n"):
        nearly, marker = NEARLY.fullmatch(line), MARKER.search(line)
        if nearly and not marker:
            region = SOLUTION if nearly[2][0] in "sS" else HIDDEN
            raise NotebookError(f"{where}: {line.strip()!r} is no marker; write ### {nearly[1].upper()} {region}")
        if not marker:
            (removed if inside else kept).append(line)
        elif marker[1] == "BEGIN":
            if inside:
                raise NotebookError(f"{where}: a second {marker[0]} before END {inside}; close the first region")
            inside = marker[2]
            indent = line[: len(line) - len(line.lstrip())]
            kept += [indent + stub for stub in _stub(source, cell_type)] if inside == SOLUTION else []
        elif inside != marker[2]:
            raise NotebookError(f"{where}: {marker[0]} without BEGIN {marker[2]}; add the line that opens the region")
        else:
            inside = ""
    if inside:
        raise NotebookError(f"{where}: BEGIN {inside} without END {inside}; add the line that closes the region")
    return "\n".join(kept), removed


def _stub(source: str, cell_type: str) -> tuple[str, ...]:
    """What stands for a solution, in the language of its cell."""
    language = language_of(source)
    if cell_type != "code":
        return WRITTEN_STUB
    return STUB if language == "python" else (COMMENTS.get(language, "# {}").format("YOUR CODE HERE"),)


def _keep_attachments(cell: Any, names: set[str]) -> None:
    """Only these pictures stay with the cell."""
    attached = cell.pop("attachments", {})
    if kept := {name: picture for name, picture in attached.items() if name in names}:
        cell["attachments"] = kept


def _inlined(found: re.Match[str], cell: Any, shown: set[str]) -> str:
    """An attachment's address as its content, unless what is kept shows it, too."""
    picture = cell.attachments.get(found[1], {})
    if found[1] in shown or not picture:
        return found[0]
    kind, content = next(iter(picture.items()))
    return f"data:{kind};base64,{content}"


def _cleaned(notebook: Any) -> Any:
    """A copy without outputs, counts and what a run wrote into the metadata."""
    made = copy.deepcopy(notebook)
    for key in set(made.metadata) - set(NOTEBOOK_KEYS):
        del made.metadata[key]
    for cell in made.cells:
        for key in set(cell.metadata) - set(CELL_KEYS):
            del cell.metadata[key]
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return made


def _mark_for_grading(notebook: Any) -> None:
    """nbgrader's metadata (schema 3): solution cells may be edited, check cells are locked and worth one point."""
    checks: dict[int, list[str]] = {}
    for exercise in exercise_cells(notebook):
        checks.setdefault(exercise.cell, []).append(exercise.id)
    names: set[str] = set()
    for index, cell in enumerate(notebook.cells):
        solves, ids = BEGIN in cell.source, checks.get(index, [])
        if not (solves or ids):
            continue
        nearest = ids or next((checks[later] for later in sorted(checks) if later > index), [])
        grades = bool(ids) or cell.cell_type == "markdown"  # nbgrader: a written answer is graded in its own cell
        name = "-".join(["check" if ids else "answer", *nearest]).replace(".", "-")
        name = name if name not in names else f"{name}-{index}"
        names.add(name)
        cell.metadata["nbgrader"] = {
            "grade": grades,
            "grade_id": name,
            "locked": not solves,
            "schema_version": 3,
            "solution": solves,
            "task": False,
        } | ({"points": max(1, len(ids))} if grades else {})


def _must_parse(source: str, index: int) -> None:
    try:
        ast.parse(python_of(source))
    except SyntaxError as error:
        raise NotebookError(
            f"cell {index}: without its solution the code does not parse ({error.msg}, line {error.lineno}); "
            "keep whole statements inside the region"
        ) from error


def _refuse_leaks(notebook: Any, answers: list[str]) -> None:
    """No removed line may stand in what is left of the metadata."""
    left = json.dumps([notebook.metadata, *(cell.metadata for cell in notebook.cells)], ensure_ascii=False)
    for line in answers:
        text = line.strip()
        if len(text) >= 8 and json.dumps(text, ensure_ascii=False)[1:-1] in left:
            raise NotebookError(f"the solution's line {text!r} also stands in the notebook's metadata; remove it there")
