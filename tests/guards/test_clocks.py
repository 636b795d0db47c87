"""No clock decides whether a run left its baseline: a claim that rests on seconds says how far it may move.

A ratio of times scatters with whatever else the machine does. Without `tolerance` its room would be the scatter of the
five quiet runs that were accepted, and the next busy hour would be a drift.
"""

import ast
from pathlib import Path

import nbformat
import pytest

LESSONS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
CLOCKS = {"repeat", "timeit", "perf_counter", "process_time", "monotonic", "seconds"}
"""Of timeit, time and a record of training."""


def timed_claims(source: str) -> list[str]:
    """Claims whose value follows from a clock's and that have no tolerance, as they stand in the source."""
    timed, found = set(CLOCKS), []
    for node in ast.parse(source).body:
        found += _follow(node, timed)
    return found


def _follow(node: ast.stmt, timed: set[str]) -> list[str]:
    """One statement: what it writes becomes timed if it reads what is timed, and is free again if it does not."""
    if isinstance(node, ast.For | ast.While | ast.If | ast.With | ast.Try):
        inner = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)]
        return [line for part in inner for line in _follow(part, timed)]
    if isinstance(node, ast.FunctionDef):
        timed.update({node.name} if _reads(node, timed) else ())
        return []
    grown = node.value if isinstance(node, ast.Expr) else None
    if isinstance(grown, ast.Call) and isinstance(grown.func, ast.Attribute) and _reads(grown, timed):
        timed.update(_names(grown.func.value) if grown.func.attr in ("append", "extend", "update") else ())
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        written = {name for target in targets for name in _names(target)} - CLOCKS
        if node.value is not None and _reads(node.value, timed):
            timed |= written
        elif not isinstance(node, ast.AugAssign):
            timed -= written
    return [
        ast.unparse(call)
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("lab.claim", "finding", "measure")
        if _reads(call, timed) and all(keyword.arg != "tolerance" for keyword in call.keywords)
    ]


def _reads(node: ast.AST, timed: set[str]) -> bool:
    """Whether a clock or what came from one stands in it; `np.repeat` is none, a comprehension's own names neither."""
    own = {name for part in ast.walk(node) if isinstance(part, ast.comprehension) for name in _names(part.target)}
    return any(
        (isinstance(part, ast.Name) and part.id in timed - own)
        or (isinstance(part, ast.Attribute) and part.attr in CLOCKS and part.attr != "repeat")
        for part in ast.walk(node)
    )


def _names(target: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_what_rests_on_a_clock_says_how_far_it_may_move(path):
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert timed_claims("\n".join(cells)) == []


@pytest.mark.parametrize(
    "lines, seen",
    [
        ("began = time.perf_counter()\ntook = time.perf_counter() - began\nfinding('a', took / 2, 'x', at_most=1)", 1),
        ("t = min(repeat(f))\nrows = []\nfor x in y:\n    rows.append({'t': t})\nmeasure('a', rows[0]['t'])", 1),
        ("def rate(n):\n    return n / timeit(f)\nlab.claim('a/b', rate(8), at_least=2)", 1),
        ("each = run.seconds / 8\nmeasure('a', each, 'x', tolerance=5)", 0),
        ("t = min(repeat(f, number=1))\nt = 3\nmeasure('a', t, 'x')", 0),
        ("row = timeit(f)\nmeasure('a', [row['n'] for row in rows], 'x')", 0),
        ("of = np.repeat([0, 1], 8)\nmeasure('a', of.mean(), 'x')", 0),
    ],
)
def test_the_guard_follows_seconds_through_names_loops_and_functions(lines, seen):
    assert len(timed_claims(lines)) == seen
