"""Parameters: what the notebook declares is what may be given, in its type."""

from pathlib import Path

import nbformat
import pytest

from labkit.core.errors import NotebookError
from labkit.suite.baselines import accept
from labkit.suite.outcomes import Outcome
from labkit.suite.parameters import declared, from_pairs, typed
from labkit.suite.planning import plan_run

CELL = """MODEL: str = "smollm2-135m"
SEED: int = 0
FAST: bool = False
RATE: float = 0.5
plain = 3
words = ["a", "b"]
ITEMS: list = [1, 2]
TABLE: dict = {"a": 1}
LIMIT: int | None = None
NAME: str | None = None
ANY = None
later: int
"""


@pytest.fixture(scope="module")
def notebook():
    cell = nbformat.v4.new_code_cell(CELL)
    cell.metadata.tags = ["parameters"]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("other = 1"), cell])


def test_the_tagged_cell_declares_names_types_and_defaults(notebook):
    found = {name: (one.type, one.default) for name, one in declared(notebook).items()}
    assert found == {
        "MODEL": ("str", "smollm2-135m"), "SEED": ("int", 0), "FAST": ("bool", False), "RATE": ("float", 0.5),
        "plain": ("int", 3), "words": ("list", ["a", "b"]), "ITEMS": ("list", [1, 2]), "TABLE": ("dict", {"a": 1}),
        "LIMIT": ("int | None", None), "NAME": ("str | None", None), "ANY": ("", None),
    }  # fmt: skip


def test_papermill_sees_the_same_parameters(notebook, tmp_path):
    from papermill import inspect_notebook

    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "a.ipynb")
    of_two_types = {"LIMIT", "NAME"}  # which papermill does not read
    assert set(inspect_notebook(tmp_path / "a.ipynb")) == set(declared(notebook)) - of_two_types


@pytest.mark.parametrize(
    "name, text, value",
    [("SEED", "3", 3), ("RATE", "1e-3", 0.001), ("RATE", "2", 2.0), ("FAST", "yes", True), ("FAST", "False", False),
     ("MODEL", "12", "12"), ("MODEL", "", ""), ("plain", "-1", -1), ("words", "['c']", ["c"]), ("SEED", 3, 3),
     ("ITEMS", "[]", []), ("TABLE", "{'b': [None, 0.5]}", {"b": [None, 0.5]}), ("LIMIT", "3", 3),
     ("LIMIT", "None", None), ("NAME", "12", "12"), ("NAME", "None", None), ("NAME", None, None),
     ("ANY", "[1]", [1]), ("ANY", "x y", "x y"), ("TABLE", {"b": 1}, {"b": 1})],
)  # fmt: skip
def test_a_value_gets_the_declared_type(notebook, name, text, value):
    result = typed(notebook, Path("a.ipynb"), {name: text})[name]
    assert result == value and type(result) is type(value)


@pytest.mark.parametrize(
    "name, text", [("SEED", "x"), ("SEED", "1.5"), ("FAST", "maybe"), ("RATE", "fast"), ("SEED", True)]
)
def test_a_value_of_another_type_is_refused_with_an_example(notebook, name, text):
    with pytest.raises(NotebookError, match=rf"parameter {name} is a .* for example"):
        typed(notebook, Path("a.ipynb"), {name: text})


@pytest.mark.parametrize(
    "name, text, wanted",
    [
        ("RATE", "nan", "float"), ("RATE", "-inf", "float"), ("RATE", "1e400", "float"),
        ("RATE", float("nan"), "float"),
        ("ITEMS", "hello", "list"), ("ITEMS", "{'a': 1}", "list"), ("ITEMS", "(1, 2)", "list"), ("ITEMS", "[1", "list"),
        ("ITEMS", "[1e999]", "list"), ("ITEMS", "[(1, 2)]", "list"), ("ITEMS", [{1}], "list"), ("ITEMS", "3", "list"),
        ("TABLE", "{3: 1}", "dict"), ("TABLE", "[]", "dict"), ("TABLE", "{'a': b'x'}", "dict"),
        ("LIMIT", "hello", "int"), ("LIMIT", "1.5", "int"), ("LIMIT", "[1]", "int"),
        ("ANY", "b'x'", "list"), ("ANY", "{1, 2}", "list"), ("ANY", "1+2j", "list"), ("ANY", "...", "list"),
        ("ANY", "(1, 2)", "list"), ("ANY", "{3: 1}", "list"), ("ANY", "1e400", "list"), ("ANY", object(), "list"),
        ("MODEL", "a\udcff", "str"), ("ITEMS", "[" * 500 + "]" * 500, "list"),
    ],
)  # fmt: skip
def test_a_value_that_would_not_arrive_as_it_was_given_is_refused(notebook, name, text, wanted):
    with pytest.raises(NotebookError, match=rf"parameter {name} .*\b{wanted}\b.* for example"):
        typed(notebook, Path("a.ipynb"), {name: text})


def test_an_unknown_parameter_is_refused_with_the_closest(notebook):
    with pytest.raises(NotebookError, match="did you mean 'MODEL'"):
        typed(notebook, Path("a.ipynb"), {"MODLE": "x"})


@pytest.mark.parametrize("pairs", [["SEED"], ["1=2"], ["=3"], ["A=1", "A=2"]])
def test_a_pair_that_sets_nothing_is_refused(pairs):
    with pytest.raises(NotebookError):
        from_pairs(pairs)


def test_a_value_may_hold_any_text():
    assert from_pairs(["A=b = c", "B="]) == {"A": "b = c", "B": ""}


def test_one_notebook_without_the_parameter_stops_the_run_before_it_starts(tmp_path, make_notebook):
    with_seed = make_notebook(tmp_path / "a.ipynb", "SEED: int = 0")
    without = make_notebook(tmp_path / "b.ipynb", "1")
    with pytest.raises(NotebookError, match=r"b\.ipynb has no parameter 'SEED'"):
        plan_run([with_seed, without], parameters={"SEED": "1"})
    with pytest.raises(NotebookError, match="does not exist"):
        plan_run([tmp_path / "c.ipynb"], parameters={})


def test_the_heaviest_notebook_comes_first(tmp_path, make_notebook):
    light = make_notebook(tmp_path / "a.ipynb", "1", minutes=1)
    heavy = make_notebook(tmp_path / "b.ipynb", "1", minutes={"fast": 2, "full": 3})
    assert [one.notebook for one in plan_run([light, heavy], parameters={})] == [heavy, light]
    accept([Outcome(str(light), seconds=500)], light)  # recorded seconds count more than promised minutes
    assert [one.notebook for one in plan_run([light, heavy], parameters={})] == [light, heavy]


def test_seeds_make_one_run_each_and_exclude_a_seed_of_one_s_own(tmp_path, make_notebook):
    path = make_notebook(tmp_path / "a.ipynb", "SEED: int = 0\nFAST: bool = False")
    plan = plan_run([path], parameters={}, seeds=3, fast=True)
    assert [(one.parameters, one.subfolder, one.profile) for one in plan] == [
        ({"FAST": True, "SEED": seed}, f"seed-{seed}", "fast") for seed in range(3)
    ]
    with pytest.raises(NotebookError, match="--seeds"):
        plan_run([path], parameters={"SEED": "1"}, seeds=3)


def test_only_the_notebook_s_own_parameters_are_compared_and_accepted(tmp_path, make_notebook):
    path = make_notebook(tmp_path / "a.ipynb", "SEED: int = 0\nFAST: bool = False")
    (tmp_path / "baselines").mkdir()
    assert plan_run([path], parameters={"SEED": "0"})[0].compared
    assert not plan_run([path], parameters={"SEED": "1"})[0].compared
    make_notebook(tmp_path / "b.ipynb", "SEED: int = 0\nN: int = 3")
    with pytest.raises(NotebookError, match="own parameters"):
        plan_run([tmp_path / "b.ipynb"], parameters={"N": "4"}, accept=True)
