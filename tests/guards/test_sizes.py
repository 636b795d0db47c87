"""Measures of size: files, functions, parameters, depth of folders, notebook cells. Exceptions carry a reason."""

import ast
import json
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES, FUNCTION_LINES, PARAMETERS, DEPTH = 300, 45, 7, 2
CELL_MEDIAN, CELL_MAX = 6, 20
DRAWERS = {"utils", "util", "helpers", "misc", "common"}

ALLOWED: dict[str, str] = {
    "labkit/suite/claims.py:claim": "one keyword for each kind of bound",
    "labkit/cli.py:run": "one parameter for each option of the command",
}
"""`path` or `path:function` → why it may be larger."""


def oversized_code(root: Path, folder: str) -> list[str]:
    """What is too large in the Python files of one folder below `root`."""
    faults = []
    for path in sorted((root / folder).rglob("*.py")):
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        if (lines := text.count("\n")) > FILE_LINES:
            faults.append((name, f"{lines} lines"))
        if path.stem in DRAWERS:
            faults.append((name, "a drawer, not a room"))
        if len(path.relative_to(root).parts) - 1 > DEPTH:
            faults.append((name, f"more than {DEPTH} folders deep"))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                faults += [(f"{name}:{node.name}", fault) for fault in oversized_function(node)]
    return [f"{where}: {fault}" for where, fault in faults if where not in ALLOWED]


def oversized_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node):  # a long docstring is no long function
        first = node.body[0]
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    arguments = node.args
    count = len(
        [a for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if a.arg not in ("self", "cls")]
    )
    return [f"{lines} lines"] * (lines > FUNCTION_LINES) + [f"{count} parameters"] * (count > PARAMETERS)


def oversized_cells(path: Path) -> list[str]:
    cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    sizes = [len([line for line in "".join(c["source"]).splitlines() if line.strip()]) for c in cells]
    faults = [f"{path.name}: code cell {i} has {size} lines" for i, size in enumerate(sizes) if size > CELL_MAX]
    if sizes and median(sizes) > CELL_MEDIAN:
        faults.append(f"{path.name}: the median code cell has {median(sizes)} lines")
    return faults


@pytest.mark.parametrize("folder", ["labkit", "tests", ".ci"])
def test_code_keeps_its_measures(folder):
    assert oversized_code(ROOT, folder) == []


def test_notebook_cells_keep_their_measures():
    assert [fault for path in sorted((ROOT / "notebooks").glob("*.ipynb")) for fault in oversized_cells(path)] == []


def test_every_exception_still_exists():
    for where in ALLOWED:
        assert (ROOT / where.split(":")[0]).exists(), where


@pytest.mark.parametrize(
    "name, text, fault",
    [
        ("labkit/a.py", "\n" * 301, "301 lines"),
        ("labkit/a.py", "def f():\n" + "    x = 1\n" * 46, "47 lines"),
        ("labkit/a.py", "def f(a, b, c, d, e, *, f, g, h): ...", "8 parameters"),
        ("labkit/utils.py", "", "a drawer"),
        ("labkit/a/b/c.py", "", "folders deep"),
    ],
)
def test_the_guard_sees_what_is_too_large(tmp_path, name, text, fault):
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(text)
    faults = oversized_code(tmp_path, "labkit")
    assert len(faults) == 1
    assert fault in faults[0]


def test_the_guard_sees_a_long_cell(tmp_path):
    cells = [{"cell_type": "code", "source": "x = 1\n" * 21}]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    assert len(oversized_cells(tmp_path / "n.ipynb")) == 2
