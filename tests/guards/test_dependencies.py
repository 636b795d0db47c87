"""Every package that labkit imports is one that it declares: none is there only because another one needs it."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED_OTHERWISE = {"sklearn": "scikit-learn"}
"""What is imported → the package that holds it, where their names differ by more than - and _."""


def undeclared(root: Path) -> list[str]:
    """Modules that `labkit` imports and pyproject.toml does not declare, extras included."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    lines = [
        *project["dependencies"],
        *(x for extra in project.get("optional-dependencies", {}).values() for x in extra),
    ]
    known = {re.split(r"[^\w-]", line)[0].replace("-", "_").lower() for line in lines}
    found = set()
    for path in (root / "labkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"labkit"}
            found |= {top for top in tops if NAMED_OTHERWISE.get(top, top).replace("-", "_").lower() not in known}
    return sorted(found)


def test_every_import_is_declared():
    assert undeclared(ROOT) == []


@pytest.mark.parametrize("line, missing", [("import numpy.linalg", ["numpy"]), ("from yaml import load", ["yaml"]),
                                           ("import os\nfrom . import x\nimport tiny_one", [])])  # fmt: skip
def test_the_guard_sees_an_import_that_is_not_declared(tmp_path, line, missing):
    (tmp_path / "labkit").mkdir()
    (tmp_path / "labkit" / "a.py").write_text(f"def f():\n    {line.replace(chr(10), chr(10) + '    ')}\n")
    (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = [\"tiny-one>=1; python_version > '3'\"]\n")
    assert undeclared(tmp_path) == missing
