"""One place names number types short of float32; every other file asks it, or runs where a processor has no unit."""

import ast
from pathlib import Path

import pytest

LABKIT = Path(__file__).resolve().parents[2] / "labkit"
HOME = LABKIT / "core" / "devices.py"
SHORT = {"bfloat16", "float16", "half"}


def named(source: str) -> list[int]:
    """Lines that name a short type: an attribute (`torch.bfloat16`, `x.half()`) or the text itself."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        name = node.attr if isinstance(node, ast.Attribute) else node.value if isinstance(node, ast.Constant) else ""
        if isinstance(name, str) and name in SHORT:
            lines.append(node.lineno)
    return lines


def test_no_other_file_of_labkit_names_one():
    found = {str(path.relative_to(LABKIT)): named(path.read_text("utf-8")) for path in LABKIT.rglob("*.py")}
    found.pop(str(HOME.relative_to(LABKIT)))
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line, seen",
    [("x.bfloat16()", 1), ("t = torch.half", 1), ("f(dtype='float16')", 1), ("'float32'", 0), ("half = 1", 0)],
)
def test_the_guard_can_fail(line, seen):
    assert len(named(line)) == seen
