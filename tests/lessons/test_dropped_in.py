"""A lesson is its notebook, its module and its baselines: dropped into a lab without lessons, nothing else is touched.

The lab is a copy of this one without any lesson; what a user and the tests do with a lesson is done to the new one.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
NAME = "97_dropped_in"
MODULE = '''
"""Lesson 97: numbers."""

import numpy as np

from labkit.core.results import Bars
from labkit.explorers.controls import Slider
from labkit.explorers.panel import Explorer, explorer
from labkit.suite.exercises import exercise, number, require

from .mutations import mutation

WRONG = [(-1, "must be positive"), (7, "too large"), (2, "must be odd")]


def three(answer):
    value = number(answer)
    require(value > 0, "it must be positive")
    require(value < 6, "it is too large")
    require(value % 2, "it must be odd")
    return "it is three"


for place in (1, 2, 3):
    exercise(f"97.{place}", "Three", wrong=WRONG)(three)


@explorer
def dropped() -> Explorer:
    """Bars, so many."""
    controls = (Slider("many", 3, 1, 9, label="Bars"),)
    return Explorer("Bars", controls, lambda many: [Bars(tuple("abcdefghi"[:many]), np.arange(1.0, many + 1))])


@mutation("dropped/seed", "core.seeds:derive")
def always_zero(real, *given):
    return 0


@mutation("dropped/seed", "core.seeds:derive")
def one_more(real, *given):
    return real(*given) + 1
'''
SOLUTION = "answer = ...\n### BEGIN SOLUTION\nanswer = 3\n### END SOLUTION"
CELLS = (
    'import labkit as lab\n\nlab.begin("{name}")',
    'SEED: int = 0\nFAST: bool = False\nDEVICE: str = "auto"\nVIEW: str = ""',
    "from labkit.core.seeds import derive\n\nlab.use_device(DEVICE)\n"
    "lab.claim('dropped/seed', derive(0, 'a') % 1000, equals={seed})",
    "lab.explore('dropped', view=VIEW)",
    *(part for place in (1, 2, 3) for part in (SOLUTION, f'lab.check("97.{place}", answer)')),
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The folder of a lab with one lesson, whose three files are all that differs from a lab with none."""
    from labkit.core.seeds import derive

    folder = tmp_path_factory.mktemp("lab")
    for name in ("labkit", "tests", ".ci", "README.md", "Makefile", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    for module in (folder / "labkit" / "lessons").glob("lesson_*.py"):
        module.unlink()
    (folder / "notebooks" / "baselines").mkdir(parents=True)
    seed = derive(0, "a") % 1000
    cells = [new_markdown_cell("# 97 · Dropped in\nA promise.\n\nneeds: CPU"), new_markdown_cell("## 1 · Numbers")]
    cells += [new_code_cell(source.format(name=NAME, seed=seed)) for source in CELLS]
    cells[3].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    about = {"minutes": {"fast": 1, "full": 1}, "memory_gb": 2, "assets": [], "before": [], "shows": "three files"}
    book = new_notebook(cells=cells, metadata={"kernelspec": kernel, "labkit": about})
    nbformat.write(book, folder / "notebooks" / f"{NAME}.ipynb")
    (folder / "labkit" / "lessons" / "lesson_97.py").write_text(MODULE.strip() + "\n")
    accepted = {"claims": {"dropped/seed": {"value": seed}}, "seconds": 60, "peak_memory": 10**9}
    baselines = folder / "notebooks" / "baselines" / f"{NAME}.json"
    baselines.write_text(json.dumps({"profiles": {"fast": accepted}}))
    return folder


def told(lab: Path, *command: object) -> str:
    """What a Python program says in the lab's folder; it must end well."""
    own = {"PYTHONPATH": str(lab), "COLUMNS": "160", "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "LABKIT_E"))}
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, check=False, cwd=lab, env=kept | own
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_it_is_listed_and_stands_in_the_readme(lab):
    (lesson,) = json.loads(told(lab, "-m", "labkit.cli", "list", "--json"))
    assert (lesson["lesson"], lesson["title"], lesson["exercises"]) == (NAME, "Dropped in", 3)
    told(lab, ".ci/readme.py", lab)
    readme = (lab / "README.md").read_text()
    assert f"| 97 | [Dropped in](notebooks/{NAME}.ipynb) | three files |" in readme
    assert "00_start_here.ipynb)" not in readme.split("## The lessons")[1] and "00 start here ·" in readme


def test_it_is_run_compared_and_shown_in_the_gallery(lab):
    said = told(lab, "-m", "labkit.cli", "run", "--fast", "-o", "out", "--gallery", "site")
    assert "all 1 hold" in said and "1 of 1 notebooks passed" in said
    assert (lab / "site" / f"{NAME}.html").is_file() and f"{NAME}.html" in (lab / "site" / "index.html").read_text()


def test_it_is_handed_out_without_solutions(lab):
    told(lab, "-m", "labkit.cli", "student", "-o", "handout")
    handed = (lab / "handout" / f"{NAME}.ipynb").read_text()
    assert "answer = 3" not in handed and "97.3" in handed


def test_its_exercises_explorer_mutations_and_notebook_are_checked(lab):
    files = ("lessons/test_answers.py", "guards/test_notebooks.py", "explorers/test_kinds.py")
    told(lab, "-m", "pytest", "-q", *(lab / "tests" / file for file in files), "-k", "97 or dropped")
    mutations = lab / "tests" / "suite" / "test_lesson_mutations.py"
    listed = told(lab, "-m", "pytest", "-q", "-m", "", "--collect-only", mutations)
    assert "notices[97]" in listed and "breaks_are_there[97 always_zero]" in listed
    told(lab, "-m", "pytest", "-q", mutations, "-k", "97")


@pytest.mark.browser
def test_it_is_photographed(lab):
    told(lab, "-m", "pytest", "-q", lab / "tests" / "browser" / "test_lessons.py", "-k", "97")
    assert list((lab / "runs" / "screens").glob(f"{NAME}-*"))
