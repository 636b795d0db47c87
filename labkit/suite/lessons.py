"""Lessons as files: what a notebook says about itself, read without running it.

Reads   a notebook's metadata (`metadata.labkit`: minutes, memory_gb, assets, before, shows) and its cells.
Gives   a Lesson: title, budget, assets, prerequisites, exercises, what it shows, how long it reads.
Ignores how it is executed and what it measures.
"""

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.core.errors import NotebookError, closest
from labkit.core.results import Table

from .notebooks import python_of, read_notebook, title

WORD = re.compile(r"\w[\w'’-]*")
NEEDS_LESSONS = re.compile(r"\bbefore:\s*([^·|\n]*)")


@dataclass(frozen=True)
class ExerciseCell:
    """A cell that judges an answer: `lab.check(id, answer)`."""

    id: str
    cell: int
    """The cell's index."""
    answer: str
    """The source of what is judged."""


@dataclass(frozen=True)
class Lesson:
    """What a notebook says about itself."""

    path: Path
    title: str
    """The first heading, as a rule `02 · What does attention look at?`."""
    minutes: dict[str, float]
    """Profile (`fast`, `full`) → minutes it may take; empty = no budget."""
    memory_gb: float | None
    """10⁹ bytes it may hold at once."""
    assets: tuple[str, ...]
    """Members of the cache that it needs."""
    before: tuple[str, ...]
    """Numbers of the lessons to read first."""
    exercises: tuple[ExerciseCell, ...]
    shows: str = ""
    """In half a sentence, what a reader will see."""
    cells: int = 0
    words: int = 0
    """Of its Markdown."""

    @property
    def topic(self) -> str:
        """`02_attention`."""
        return self.path.stem

    @property
    def number(self) -> str:
        """`02`, or the whole name where it does not start with a number."""
        return self.topic.partition("_")[0]


def read_lesson(path: Path) -> Lesson:
    """What the notebook at `path` says about itself.

    Raises:
        NotebookError: it is not a notebook, or its `metadata.labkit` has a value of the wrong kind.
    """
    notebook = read_notebook(path)
    about = notebook.metadata.get("labkit", {})
    minutes = about.get("minutes", {})
    minutes = minutes if isinstance(minutes, dict) else {"fast": minutes, "full": minutes}
    try:
        return Lesson(
            path=path,
            title=title(notebook) or path.stem,
            minutes={str(profile): float(value) for profile, value in minutes.items()},
            memory_gb=None if about.get("memory_gb") is None else float(about["memory_gb"]),
            assets=tuple(str(name) for name in about.get("assets", ())),
            before=_before(about, notebook),
            exercises=exercise_cells(notebook),
            shows=str(about.get("shows", "")),
            cells=len(notebook.cells),
            words=sum(len(WORD.findall(cell.source)) for cell in notebook.cells if cell.cell_type == "markdown"),
        )
    except (TypeError, ValueError) as error:
        raise NotebookError(
            f"{path}: metadata.labkit is not usable ({error}); "
            "want minutes {fast, full}, memory_gb, assets, before, shows"
        ) from error


def find_lessons(names: Sequence[str | Path] = (), *, folder: Path | None = None) -> list[Path]:
    """The notebooks that `names` mean: paths, topics (`02_attention`) or numbers (`02`); none = all of the folder.

    Raises:
        NotebookError: a name means no notebook.
    """
    folder = folder or _notebook_folder()
    known = sorted(path for path in folder.glob("*.ipynb") if not path.name.startswith("."))
    if not names:
        if not known:
            raise NotebookError(f"no notebook in {folder.absolute()}; go to the lab's folder, or name notebooks")
        return known
    return [_find_one(str(name), known) for name in names]


def lesson_table(lessons: Sequence[Lesson]) -> Table:
    """The lessons side by side, units in the names; an empty text where a lesson says nothing."""
    return Table.of(
        [
            {
                "lesson": lesson.topic,
                "title": re.sub(r"^\d+\s*·\s*", "", lesson.title),
                "minutes": lesson.minutes.get("full", ""),
                "fast": lesson.minutes.get("fast", ""),
                "memory, GB": "" if lesson.memory_gb is None else lesson.memory_gb,
                "before": ", ".join(lesson.before),
                "cells": lesson.cells,
                "words": lesson.words,
                "exercises": len(lesson.exercises),
                "assets": ", ".join(lesson.assets),
            }
            for lesson in lessons
        ]
    )


def exercise_cells(notebook: Any) -> tuple[ExerciseCell, ...]:
    """Every `lab.check("NN.M", answer)` of the notebook, in order."""
    found = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            found += [ExerciseCell(id, index, answer) for id, answer in _checks(cell.source)]
    return tuple(found)


def _checks(source: str) -> Iterable[tuple[str, str]]:
    """(id, source of the answer) of each check in a cell."""
    try:
        tree = ast.parse(python_of(source))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "check"):
            continue
        named_lab = isinstance(node.func.value, ast.Name) and node.func.value.id in ("lab", "labkit")
        if named_lab and len(node.args) == 2 and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value), ast.unparse(node.args[1])


def _before(about: dict[str, Any], notebook: Any) -> tuple[str, ...]:
    """Prerequisites: from the metadata, else from the line `before: 01, 02` under the title."""
    if "before" in about:
        named = about["before"]
        return tuple(str(name) for name in ([named] if isinstance(named, str) else named))
    head = "\n".join(cell.source for cell in notebook.cells[:2] if cell.cell_type == "markdown")
    found = NEEDS_LESSONS.search(head)
    return tuple(re.findall(r"\b\d\d\b", found.group(1))) if found else ()


def _notebook_folder() -> Path:
    """`notebooks`, or the current folder where that does not exist; relative, as a user would write it."""
    return Path("notebooks") if Path("notebooks").is_dir() else Path()


def _find_one(name: str, known: list[Path]) -> Path:
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path
    matches = [other for other in known if name in (other.stem, other.name, other.stem.partition("_")[0])]
    if len(matches) != 1:
        raise NotebookError(f"no notebook {name!r}; {closest(name, [other.stem for other in known])}")
    return matches[0]
