"""A class: many copies of a lesson, each run apart from the others, and who solved what.

    labkit run class/*/04_training.ipynb        one row a copy, named by its folder, one column an exercise

A copy is somebody else's program. It has the minutes and the memory of the lab's own lesson, whatever its metadata
says, and no variables but harmless ones. Ignores how an answer is judged, which is `exercises`'.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from labkit.core.errors import NotebookError
from labkit.core.paths import atomic_file, shipped
from labkit.core.results import Table

from .lessons import read_lesson
from .outcomes import UNREACHED, Outcome
from .planning import DEFAULT_MINUTES, Job

CLASS_FILE = "class.csv"
SIGNS = {"passed": "✔", "wrong": "✘", "open": "○", UNREACHED: "–"}


def is_class(notebooks: Sequence[Path]) -> bool:
    """Whether several notebooks of one name are to be run: copies of a lesson."""
    return max(Counter(path.name.casefold() for path in notebooks).values(), default=0) > 1


def copies(jobs: Sequence[Job]) -> list[Job]:
    """The same jobs as a class's, each named by its folder; one more for each neighbour's folder without the lesson.

    Raises:
        NotebookError: two copies lie in folders of one name.
    """
    made = [_copy(job) for job in jobs]
    twice = [name for name, count in Counter((job.copy, job.notebook.name) for job in made).items() if count > 1]
    if twice:
        folder, lesson = twice[0]
        raise NotebookError(f"two folders {folder!r} hold {lesson}; a copy is named by its folder: rename one")
    return sorted([*made, *_missing(made)], key=lambda job: (job.copy, job.notebook.name))


def class_table(outcomes: Sequence[Outcome]) -> Table:
    """One row a copy, one column an exercise: ✔ passed, ✘ wrong, ○ not answered, – not reached."""
    columns, rows = _rows(outcomes)
    shown = [tuple(SIGNS.get(entry, entry) for entry in row) for row in rows]
    notes = ("✔ passed · ✘ wrong · ○ not answered yet · – not reached",)
    return Table(tuple(columns), tuple(shown), f"A class of {len(rows)}", notes=notes)


def write_class(outcomes: Sequence[Outcome], folder: Path) -> Path:
    """The same as `class.csv`, its states in words; the path."""
    columns, rows = _rows(outcomes)
    with atomic_file(folder / CLASS_FILE) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return folder / CLASS_FILE


def _copy(job: Job) -> Job:
    name = job.source.parent.name
    own = shipped("notebooks") / job.notebook.name
    job = replace(job, copy=name, subfolder=name, compared=False)
    if not own.is_file():
        return replace(job, minutes=min(job.minutes, DEFAULT_MINUTES))
    lesson = read_lesson(own)
    return replace(job, minutes=lesson.minutes.get(job.profile, DEFAULT_MINUTES), memory_gb=lesson.memory_gb)


def _missing(jobs: Sequence[Job]) -> list[Job]:
    """A job that fails for each folder beside the copies' in which a lesson of the class is not."""
    found = []
    for room, lesson in sorted({(job.notebook.parent.parent, job.notebook.name) for job in jobs}):
        for folder in sorted(path for path in room.iterdir() if path.is_dir() and path.name[0] not in "._"):
            if not (folder / lesson).exists():
                found.append(Job(folder / lesson, copy=folder.name, problem=f"there is no {lesson} in this folder"))
    return found


def _rows(outcomes: Sequence[Outcome]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Columns, and a row of words for each copy."""
    ids = sorted({id for outcome in outcomes for id in outcome.exercises})
    several = len({outcome.topic for outcome in outcomes}) > 1
    rows = []
    for copy in dict.fromkeys(outcome.copy for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.copy == copy]
        states = {id: state for outcome in own for id, state in outcome.exercises.items()}
        told = [
            (f"{outcome.topic}: " if several else "") + problem.message
            for outcome in own
            for problem in outcome.problems
            if problem.kind != "exercise"
        ]
        count = f"{sum(state == 'passed' for state in states.values())} of {len(ids)}"
        rows.append((copy, *(states.get(id, UNREACHED) for id in ids), count, told[0] if told else ""))
    return ["copy", *ids, "passed", "what went wrong"], rows
