"""Exercises: an answer is judged by its properties, and the verdict teaches.

Reads   an answer (a number, a text, an array, a function ...) and a check written for it.
Gives   a Verdict: passed, wrong or not answered yet, with one message.
Ignores what the exercise is about; the checks live in `labkit/lessons/lesson_NN.py`, one module a lesson.

A check is a function of the answer. Each property is one `require(condition, message)`; the first that does not hold
is shown. What the check returns is shown when all hold: say what was verified. Beside it stand at least three plausible
wrong answers, each with the reason that it must hear.

    @exercise("02.1", "A causal mask", wrong=[(np.eye, "a query sees all earlier keys"), ...])
    def causal_mask(answer):
        mask = array(call(answer, 5), shape=(5, 5))
        require(not np.triu(mask, 1).any(), "position 1 sees position 2, which comes later; keys must be ≤ the query")
        require(mask.sum() == 15, f"{mask.sum():.0f} pairs may see each other; there should be 15")
        return "no position sees a later one"

A reason is part of what the check itself says, or a hint: an answer that gives the same as a listed wrong one, wherever
the check looks, hears its reason after the check's message. So a check need not compare with each known mistake.

Judging never raises: a mistake inside the student's own function is shown with the input that caused it.
"""

import html
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.output import put
from labkit.core.palette import BAD, FAINT, GOOD, MUTED, TEXT

from .lessons import exercise_cells
from .outcomes import UNREACHED, Problem

Check = Callable[[Any], str]
Wrong = Sequence[tuple[Any, str]]
"""(a wrong answer, the reason that it must hear)"""


@dataclass(frozen=True)
class Exercise:
    """One registered exercise."""

    id: str
    """`02.1`: the lesson's number and the exercise's."""
    title: str
    check: Check
    wrong: Wrong = ()


@dataclass(frozen=True)
class Verdict:
    """What a check found; true only where the answer passed, so `assert lab.check(...)` works in a grader."""

    id: str
    title: str
    state: str
    """`passed`, `wrong` or `open` (not answered yet)."""
    message: str

    def __bool__(self) -> bool:
        return self.state == "passed"

    def _ipython_display_(self) -> None:
        """Nothing: `check` has shown it already, and the last line of a cell must not show it twice."""


class NotRightError(Exception):
    """A property that does not hold; its text is the message for the student."""


class NotAnsweredError(Exception):
    """The stub still stands where the answer belongs."""


_EXERCISES: dict[str, Exercise] = {}
_GIVEN: ContextVar[list[Any]] = ContextVar("what the answer has given in `call` so far")


def exercise(id: str, title: str, *, wrong: Wrong = ()) -> Callable[[Check], Check]:
    """Register the check of exercise `id` (`NN.M`), and plausible wrong answers to it.

    Raises:
        OptionError: another check has the same id.
    """

    def register(check: Check) -> Check:
        old = _EXERCISES.get(id)
        if old and (old.check.__module__, old.check.__qualname__) != (check.__module__, check.__qualname__):
            raise OptionError(f"exercise {id} has a check already, {old.title!r}; give {title!r} another number")
        _EXERCISES[id] = Exercise(id, title, check, wrong)
        return check

    return register


def registered() -> dict[str, Exercise]:
    """Every exercise registered so far, by id."""
    return dict(_EXERCISES)


def require(condition: Any, message: str) -> None:
    """One property of a right answer; `message` says what the answer does and what to look at."""
    if not condition:
        raise NotRightError(message)


def call(answer: Any, *given: Any) -> Any:
    """`answer(*given)`; a mistake inside it becomes a message that shows the input."""
    require(callable(answer), f"expected a function, got {_short(answer)}; pass the function itself, without ( )")
    asked = ", ".join(_short(value) for value in given)
    try:
        value = answer(*given)
    except (NotImplementedError, NotAnsweredError):
        raise NotAnsweredError from None
    except Exception as error:
        raise NotRightError(f"with the input {asked} your function stops: {type(error).__name__}: {error}") from error
    if value is None and not _is_stub(answer):
        raise NotRightError(f"with the input {asked} your function gives nothing (None); does it end with a return?")
    if value is None or value is Ellipsis:
        raise NotAnsweredError
    _GIVEN.get([]).append(_comparable(value))
    return value


def _is_stub(answer: Any) -> bool:
    """Whether a function's body is `...` or `pass` alone."""
    code = getattr(answer, "__code__", None)
    return code is not None and len(code.co_code) <= len((lambda: None).__code__.co_code)


def array(value: Any, *, shape: tuple[int, ...] | None = None, what: str = "the answer") -> np.ndarray:
    """`value` (list, numpy, torch) as floats of the shape asked for, all of them numbers."""
    if hasattr(value, "detach"):  # a torch tensor, without importing torch
        value = value.detach().cpu().double().numpy()
    try:
        numbers = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise NotRightError(f"{what} should hold numbers, but it is {_short(value)}") from None
    require(shape is None or numbers.shape == shape, f"{what} should have shape {shape}, but it has {numbers.shape}")
    require(not np.isnan(numbers).any(), f"{what} holds nan; look for a division by 0, or −inf minus −inf")
    return numbers


def number(value: Any, *, what: str = "the answer") -> float:
    """`value` as one float."""
    if hasattr(value, "item"):  # numpy's and torch's scalars, and arrays of one number; of more, `item` refuses
        with suppress(ValueError, RuntimeError):
            value = value.item()
    require(isinstance(value, (int, float)) and not isinstance(value, bool),
            f"{what} should be one number, but it is {_short(value)}")  # fmt: skip
    return float(array(value, what=what))


def judge(id: str, answer: Any) -> Verdict:
    """The verdict on an answer; never raises.

    Law: each lesson's solution passes and each of its wrong answers hears its own reason
    (tests/lessons/test_answers.py).
    """
    found = _EXERCISES.get(id)
    if found is None:
        known = ", ".join(sorted(_EXERCISES)) or "none"
        return Verdict(str(id), "unknown exercise", "wrong", f"no exercise {id}; known ones: {known}")
    state, message, given = _checked(found.check, answer)
    if state == "wrong" and given:
        message += _hint(found, given, message)
    return Verdict(id, found.title, state, message)


def _checked(check: Check, answer: Any) -> tuple[str, str, list[Any]]:
    """(state, message, what the answer gave each time that the check called it)."""
    given: list[Any] = []
    token = _GIVEN.set(given)
    try:
        if answer is None or answer is Ellipsis:
            raise NotAnsweredError
        return "passed", str(check(answer)), given
    except NotAnsweredError:
        return "open", "not answered yet: replace the ... in the cell above, run it, then run this cell", given
    except NotRightError as reason:
        return "wrong", str(reason), given
    except KeyboardInterrupt:
        return "open", "interrupted before the answer was judged; run this cell again", given
    except Exception as error:
        why = f"this answer could not be judged ({type(error).__name__}: {error}); is it what was asked for?"
        return "wrong", why, given
    finally:
        _GIVEN.reset(token)


def _hint(exercise: Exercise, given: list[Any], message: str) -> str:
    """The reason of the listed wrong answer that gives the same wherever the check looks; "" if `message` says it."""
    for wrong, reason in exercise.wrong:
        if callable(wrong) and _alike(_checked(exercise.check, wrong)[2], given):
            return "" if reason in message else f". Hint: {reason}"
    return ""


def _comparable(value: Any) -> Any:
    """`value` as an array that stays as it is, or as text where it is none."""
    try:
        return array(value).copy()
    except NotRightError:
        return _text(value)


def _alike(ours: list[Any], theirs: list[Any]) -> bool:
    """Whether both hold the same values, to rounding."""

    def same(one: Any, other: Any) -> bool:
        if isinstance(one, str) or isinstance(other, str):
            return type(one) is type(other) and one == other
        return one.shape == other.shape and np.allclose(one, other)

    return len(ours) == len(theirs) and all(map(same, ours, theirs))


def present(verdict: Verdict) -> None:
    """Show a verdict; the executed notebook keeps its state in `metadata.labkit.check` of the output."""
    sign, colour = {"passed": ("✔", GOOD), "open": ("○", MUTED)}.get(verdict.state, ("✘", BAD))
    page = (
        f'<div class="labkit-check" style="border-left:4px solid {colour};padding:.3em .8em;color:{TEXT}">'
        f'<span style="color:{colour};font-weight:700">{sign}</span> '
        f"<b>{html.escape(verdict.id)}</b> {html.escape(verdict.title)}"
        f'<div style="color:{FAINT if verdict.state == "open" else TEXT}">{html.escape(verdict.message)}</div></div>'
    )
    twin = f"{sign} {verdict.id} {verdict.title}: {verdict.message}"
    record = {"check": {"id": verdict.id, "state": verdict.state, "message": verdict.message}}
    put({"text/html": page, "text/plain": twin}, record)


def states_of(notebook: Any) -> dict[str, str]:
    """Exercise → the state that an executed notebook's output keeps, `not reached` where there is none."""
    states = {asked.id: UNREACHED for asked in exercise_cells(notebook)}
    return states | {entry["id"]: entry["state"] for _, entry in _checks_in(notebook) if entry["id"] in states}


def problems_of(notebook: Any) -> list[Problem]:
    """One Problem of kind `exercise` for each check of an executed lesson that its own solution does not pass.

    A student copy, which has no solutions, may leave its exercises open.
    """
    solved = any("BEGIN SOLUTION" in "".join(cell["source"]) for cell in notebook["cells"])
    return [
        Problem("exercise", f"exercise {entry['id']}: {entry['message']}", index)
        for index, entry in _checks_in(notebook)
        if entry["state"] == "wrong" or (solved and entry["state"] == "open")
    ]


def _checks_in(notebook: Any) -> Iterator[tuple[int, dict[str, str]]]:
    """(index of the cell, what `present` kept) of each verdict in an executed notebook."""
    for index, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", ()):
            entry = output.get("metadata", {}).get("labkit", {}).get("check")
            if entry:
                yield index, entry


def _short(value: Any) -> str:
    """`value` in at most 60 characters, for a message."""
    text = " ".join(_text(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _text(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        return f"an object of type {type(value).__name__}"
