"""Checks: what makes an answer to a lesson's exercise right, one module a lesson (`lesson_02.py` for `02.1` ...).

    lab.check("02.1", causal_mask)      shows ✔, ✘ or ○ with a message; true only where the answer passed

How one is written: labkit/suite/exercises.py. A check may use any room on the floors below as its oracle; it loads
torch only where it must, and takes well under a second. Its wrong answers are in tests/checks/wrong_NN.py.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from labkit.suite.exercises import Verdict, judge, present


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


def load(id: str) -> None:
    """Import the checks of the lesson that `id` names, if it has any."""
    module = f"{__name__}.lesson_{str(id).partition('.')[0]}"
    if str(id)[:2].isdigit() and find_spec(module):
        import_module(module)
