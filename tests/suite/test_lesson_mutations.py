"""The guards can fail: labkit is broken on purpose, one function at a time, and a claim of a lesson must notice.

Each mutation (labkit/lessons/mutations.py) runs the part of its lesson that the claim needs, in a kernel whose labkit
is broken; the same part with labkit as it is must keep the claim.
"""

import ast
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from labkit import lessons
from labkit.lessons import mutations
from labkit.suite import runner
from labkit.suite.notebooks import python_of
from labkit.suite.planning import plan_run
from tests.lessons.slices import names_of, slice_of

ROOT = Path(__file__).resolve().parents[2]
BOOKS = {path.stem[:2]: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
for number in BOOKS:
    lessons.load(number)
MUTATIONS = mutations.MUTATIONS
STARTUP = """from labkit.lessons import load, mutations
load({lesson!r})
mutations.install(mutations.MUTATIONS[{name!r}])"""


@pytest.mark.long
@pytest.mark.notebooks
@pytest.mark.weights
@pytest.mark.divided("lesson")
@pytest.mark.parametrize("lesson", BOOKS)
def test_a_claim_of_a_lesson_notices(tmp_path, lesson):
    """Each mutation runs the part of its lesson that the claim needs; each claim also holds without it."""
    book, plan = nbformat.read(BOOKS[lesson], as_version=4), []
    ours = {name: one for name, one in MUTATIONS.items() if one.lesson == lesson}
    topics = {one.claim: (one.claim, "") for one in ours.values()}  # two mutations may break one claim
    topics |= {name: (one.claim, STARTUP.format(lesson=lesson, name=name)) for name, one in ours.items()}
    for topic, (claim, startup) in topics.items():
        nbformat.write(slice_for(book, claim), path := tmp_path / f"{_topic(topic)}.ipynb")
        plan += [replace(one, startup=startup) for one in plan_run([path], parameters={"FAST": True})]
    outcomes = {one.topic: one for one in runner.run(plan, folder=runner.new_folder(tmp_path / "run")).outcomes}
    for name, one in ours.items():
        sound, mutated = outcomes[_topic(one.claim)], outcomes[_topic(name)]
        assert {record.name: record.holds for record in sound.claims}.get(one.claim) is True, (name, sound.problems)
        held = {record.name: record.holds for record in mutated.claims}
        assert not held.get(one.claim, True), (name, held, mutated.problems)


def _topic(name):
    return name.replace("/", "-").replace(" ", "_")


@pytest.mark.parametrize("lesson", BOOKS)
def test_a_lesson_has_two_mutations_or_more(lesson):
    assert sum(one.lesson == lesson for one in MUTATIONS.values()) >= 2


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_a_mutation_replaces_and_the_claim_that_it_breaks_are_there(name):
    """Said here in a moment, not after the long test."""
    owner, attribute = mutations.owner_of(MUTATIONS[name].where)
    assert callable(vars(owner)[attribute])
    assert slice_for(nbformat.read(BOOKS[MUTATIONS[name].lesson], as_version=4), MUTATIONS[name].claim).cells


def test_a_mutation_reaches_whoever_holds_what_it_replaces(monkeypatch):
    def double(x):
        return 2 * x

    there, here = ModuleType("labkit.there"), ModuleType("labkit.here")
    there.double, here.twice, here.TABLE = double, double, {"double": double, "half": 0.5}
    for module in (there, here):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    mutations.install(mutations.Mutation("a/claim", "there:double", lambda real, x: real(x) + 1))
    assert there.double(3) == here.twice(3) == here.TABLE["double"](3) == 7
    assert here.TABLE["half"] == 0.5 and double(3) == 6


def slice_for(notebook, claim):
    """A notebook with the first cell that makes `claim` (`topic/what`) and the cells that it depends on."""
    found = [cell.source for cell in notebook.cells if cell.cell_type == "code" and _claims(cell.source, claim)]
    assert found, f"no cell makes the claim {claim}: renew the mutation"
    return slice_of(notebook, lambda source: source == found[0])


def _claims(source, claim):
    """Whether the cell makes the claim, under its whole name or (through a function of the lesson's) its last part."""
    calls = (node for node in ast.walk(ast.parse(python_of(source))) if isinstance(node, ast.Call) and node.args)
    names = {claim, claim.rpartition("/")[2]}
    return any(isinstance(call.args[0], ast.Constant) and call.args[0].value in names for call in calls)


def test_a_cell_needs_what_it_reads_before_it_writes_it():
    """The slices rest on this."""
    loop = "for i in range(n):\n    rows = [x + i for x in data]\n    total += rows[0]"
    given, needed = names_of(f"import numpy as np\n{loop}\ny = y + rows[-1]")
    assert {"np", "i", "rows", "total", "y"} <= given and "x" not in given
    assert needed - {"range"} == {"n", "data", "total", "y"}
    given, needed = names_of("def f(a, b=c):\n    d = a + e\n    return f(d)")
    assert given == {"f"} and needed == {"c", "e"}


def test_a_slice_holds_the_cells_that_change_what_it_reads():
    cells = [
        "drawn, rows = {0: 1}, []",
        "drawn[1] = 2",
        "other = 3",
        "rows.append(4)",
        "model.a.b = 5",
        "x = drawn[1] + rows[0]",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    kept = [cell.source for cell in slice_of(book, lambda source: source == cells[-1]).cells]
    assert kept == [cells[0], cells[1], cells[3], cells[5]]
