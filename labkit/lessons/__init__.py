"""Lessons: what belongs to one lesson alone, one module a lesson, found by its number (`lesson_02.py`).

    lab.check("02.1", causal_mask)      shows ✔, ✘ or ○ with a message; true only where the answer passed
    lab.explore("attention", lm)        a live panel; in a headless run the picture of its first state

A module holds the lesson's exercises, each check after the plausible wrong answers to it (labkit/suite/exercises.py);
its explorers (labkit/explorers/panel.py), where one of more than 120 lines stands in labkit/explorers/; and its
mutations (labkit/lessons/mutations.py). A check may use any room as its oracle; it loads torch only where it must, and
takes well under a second.
"""

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

from labkit.suite.exercises import Verdict, judge, present

_MODULE = "lesson_"


def numbers() -> tuple[str, ...]:
    """The numbers of the lessons that have a module."""
    return tuple(sorted(m.name.removeprefix(_MODULE) for m in iter_modules(__path__) if m.name.startswith(_MODULE)))


def load(id: str) -> None:
    """Import the module of the lesson that `id` (`02` or `02.1`) names, if it has one."""
    module = f"{__name__}.{_MODULE}{str(id).partition('.')[0]}"
    if str(id)[:2].isdigit() and find_spec(module):
        import_module(module)


def check(id: str, answer: Any) -> Verdict:
    """Judge an answer by its properties and show the verdict; never raises.

    Args:
        id: `NN.M`, the lesson's number and the exercise's.
        answer: what the exercise asks for; None or ... counts as not answered yet.

    Returns:
        Verdict: true only where the answer passed.
    """
    load(id)
    verdict = judge(id, answer)
    present(verdict)
    return verdict
