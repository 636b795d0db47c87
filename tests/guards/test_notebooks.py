"""What every committed notebook is: without outputs, runnable by anyone, with typed parameters and its budget."""

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from papermill import inspect_notebook

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def faults(path: Path) -> list[str]:
    """What is missing or too much in one notebook."""
    book = nbformat.read(path, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    source = "\n".join(cell.source for cell in code)
    kernel = book.metadata.get("kernelspec", {})
    found = []
    if any(cell.outputs or cell.execution_count for cell in code):
        found.append("outputs are stored")
    if kernel.get("name") != "python3" or not kernel.get("display_name"):
        found.append("no kernelspec: JupyterLab would ask, papermill would refuse")
    if "lab.claim(" not in source and "lab.claims(" not in source:
        found.append("claims nothing")
    if f'lab.begin("{path.stem}"' not in source:
        found.append(f'does not start with lab.begin("{path.stem}")')
    parameters = {name: p["inferred_type_name"] for name, p in inspect_notebook(path).items()}
    if not {"SEED", "FAST", "DEVICE"} <= set(parameters):
        found.append(f"parameters SEED, FAST and DEVICE are missing; papermill sees {sorted(parameters)}")
    if "lab.use_device(DEVICE)" not in source:
        found.append("does not call lab.use_device(DEVICE)")
    found += [f"parameter {name} has no type" for name, kind in parameters.items() if kind in ("", "None")]
    budget = book.metadata.get("labkit", {})
    found += [
        f"metadata.labkit has no {key}" for key in ("minutes", "memory_gb", "assets", "shows") if key not in budget
    ]
    return found


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_committed_clean_and_declares_itself(path):
    assert faults(path) == []


def test_there_are_lessons():
    assert [path.name[:2] for path in LESSONS][:2] == ["00", "01"]
    assert len({path.name[:2] for path in LESSONS}) == len(LESSONS)


def test_the_guard_sees_a_notebook_that_declares_nothing(tmp_path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    book.cells[0].outputs = [nbformat.v4.new_output("stream", text="1")]
    nbformat.write(book, tmp_path / "99_bad.ipynb")
    found = faults(tmp_path / "99_bad.ipynb")
    for fault in ("outputs", "kernelspec", "claims", "begin", "SEED", "minutes", "memory_gb", "assets", "shows"):
        assert any(fault in line for line in found), fault


def strangers(source: str) -> list[str]:
    """The names that a cell imports from labkit, and that are not there."""
    imports = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom) and n.module]
    names = [(n.module, a.name) for n in imports if n.module.split(".")[0] == "labkit" for a in n.names]
    return [f"{m}.{n}" for m, n in names if not hasattr(import_module(m), n) and not find_spec(f"{m}.{n}")]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_what_a_lesson_imports_is_there(path):
    code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [name for source in code if "labkit" in source for name in strangers(source)] == []


def test_the_guard_sees_a_name_that_is_gone():
    assert strangers("from labkit.views import text, gone\nfrom labkit import suite") == ["labkit.views.gone"]
