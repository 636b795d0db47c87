"""Claims: a measured value beside the bound that it must keep, shown in the lesson and recorded for the runner.

    lab.claim("attention/rows_sum_to_one", worst, at_most=1e-3, says="each row of attention sums to 1")
    finding = lab.claims("attention", judged=MODEL == "smollm2-135m")     # of another model it is measured, not judged
    lab.says("The best tokenizer needs {tokenization/best:.1f} tokens for a word.")

A claim never raises because its bound fails: the lesson shows ✘, and the runner, which finds the record in the
output's metadata (`metadata.labkit.claim`), fails the notebook. So a plain papermill run holds the records too.
Ignores where the value came from and who compares it later.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from html import escape
from string import Formatter
from typing import Any

from labkit.core import palette
from labkit.core.errors import OptionError, closest
from labkit.core.output import put

from .records import MEASURED, ClaimRecord, Value, show_value

_MEASURED: dict[str, ClaimRecord] = {}
_MARKDOWN = str.maketrans({mark: "\\" + mark for mark in "\\`*_{}[]()#+-.!|~$"})


def claim(
    name: str,
    value: Any,
    *,
    at_least: Any = None,
    at_most: Any = None,
    within: Any = None,
    equals: Any = None,
    says: str = "",
    tolerance: float | None = None,
    judged: bool = True,
) -> None:
    """Show a measured value beside its bound, and record both.

    Args:
        name: `topic/what`, unique in the notebook.
        value: a number, string or bool; numpy and torch scalars are taken too. A value that is not finite never holds.
        at_least, at_most, within, equals: exactly one bound; `within` is (low, high), ends included.
        says: the statement in words.
        tolerance: how far it may be from the accepted value, in its own unit, where only the bound decides: a ratio of
            times, a p-value, a rounding error. Without one the baseline's seeds tell how far a measure scatters; ints,
            strings and bools must be equal. What rests on a clock needs one (tests/guards/test_clocks.py).
        judged: False = the bound was set for another model or prompt than this run's: the value is shown and recorded
            as measured, and counts neither as holding nor as failing. Without any bound it is a measurement for every
            model.

    Raises:
        OptionError: no bound or several, a bound that does not fit the value, a value that is neither number, string
            nor bool. A bound that is not kept does not raise.

    Law: the record read back from an executed notebook is the one made here (tests/suite/test_claims.py).
    """
    if not isinstance(name, str) or not name.strip():
        raise OptionError(f"a claim needs a name such as 'attention/rows_sum_to_one', got {name!r}")
    given = {"at_least": at_least, "at_most": at_most, "within": within, "equals": equals}
    given = {relation: bound for relation, bound in given.items() if bound is not None}
    if not given and not judged:
        given = {MEASURED: value}
    if len(given) != 1:
        raise OptionError(
            f"claim {name!r} needs exactly one of at_least, at_most, within, equals; got {', '.join(given) or 'none'}"
        )
    if tolerance is not None and not 0 <= tolerance < math.inf:
        raise OptionError(f"claim {name!r}: tolerance is {tolerance}; give a distance of 0 or more")
    ((relation, bound),) = given.items()
    plain, bound = _plain(name, value), _bound(name, relation, bound)
    holds = _holds(name, plain, relation, bound) if judged else None
    record = ClaimRecord(name, _finite(plain), relation, bound, holds, str(says), tolerance)
    _MEASURED[name] = record
    put({"text/html": _claim_html(record), "text/plain": _claim_text(record)}, {"claim": asdict(record)})


def claims(topic: str, *, judged: bool = True) -> Callable[..., None]:
    """A shorter `claim` for one lesson: `finding(name, value, says, at_least=…)`.

    Args:
        topic: what stands before the slash of each name.
        judged: whether this run's model and prompt are those that the bounds were set for, as `claim` takes it. With
            False, a call without a bound is a measurement.

    Law: with `judged=False` nothing holds and nothing fails (tests/suite/test_claims.py).
    """

    def finding(name: str, value: Any, says: str, **bound: Any) -> None:
        claim(f"{topic}/{name}", value, says=says, judged=judged, **bound)

    return finding


def says(template: str) -> None:
    """Show a sentence of Markdown whose figures come from claims made before.

    Args:
        template: the sentence, a claim's value as `{topic/name:.1f}`: what follows the colon is Python's format; braces
            that are not a claim are doubled.

    Raises:
        OptionError: a claim of that name was not made, or its value does not fit the format.
    """
    names: set[str] = set()
    shown = _FromClaims(names, escaped=True).format(template)
    plain = _FromClaims(names, escaped=False).format(template)
    put({"text/markdown": shown, "text/plain": plain}, {"says": sorted(names)})


def measured() -> dict[str, ClaimRecord]:
    """The claims made so far in this process, by name."""
    return dict(_MEASURED)


def collect(cells: list[Any]) -> list[ClaimRecord]:
    """The records in an executed notebook's cells, in order; `cell` is the index in the list given."""
    found = []
    for index, cell in enumerate(cells):
        for output in cell.get("outputs", ()):
            entry = output.get("metadata", {}).get("labkit", {}).get("claim")
            if entry:
                found.append(ClaimRecord(**{**entry, "cell": index}))
    return found


class _FromClaims(Formatter):
    """`str.format` whose fields are names of claims, slashes and dots included."""

    def __init__(self, names: set[str], *, escaped: bool) -> None:
        self.names, self.escaped = names, escaped

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        if field_name not in _MEASURED:
            raise OptionError(f"no claim {field_name!r} was made before; {closest(field_name, list(_MEASURED))}")
        self.names.add(field_name)
        return _MEASURED[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        record = value
        if record.value is None or not format_spec:
            text = show_value(record.value)
        else:
            try:
                text = format(record.value, format_spec)
            except ValueError as error:
                raise OptionError(
                    f"claim {record.name!r} is {record.value!r}; format {format_spec!r}: {error}"
                ) from None
        numeric = isinstance(record.value, int | float)
        return escape(text if numeric else text.translate(_MARKDOWN)) if self.escaped else text


def _plain(name: str, value: Any) -> Any:
    """A Python number, string or bool; scalars of numpy and torch give theirs."""
    if hasattr(value, "item") and getattr(value, "size", 1) != 0:
        with suppress(ValueError, RuntimeError, TypeError):
            value = value.item()
    if not isinstance(value, int | float | str):
        raise OptionError(
            f"claim {name!r}: a value is one number, string or bool, not {type(value).__name__}; "
            "reduce it first, for example with max() or mean()"
        )
    return value


def _bound(name: str, relation: str, bound: Any) -> Any:
    """The bound as plain JSON data; `within` as [low, high]."""
    if relation in ("equals", MEASURED):
        return _finite(_plain(name, bound))
    ends = list(bound) if relation == "within" and isinstance(bound, tuple | list) else [bound]
    ends = [_plain(name, end) for end in ends]
    numbers = all(isinstance(end, int | float) and math.isfinite(end) for end in ends)
    if not numbers or len(ends) != (2 if relation == "within" else 1):
        wanted = "two numbers (low, high)" if relation == "within" else "one number"
        raise OptionError(f"claim {name!r}: {relation} wants {wanted}, got {bound!r}")
    if relation == "within" and ends[0] > ends[1]:
        raise OptionError(f"claim {name!r}: within=({ends[0]}, {ends[1]}) holds for nothing; give (low, high)")
    return ends if relation == "within" else ends[0]


def _holds(name: str, value: Any, relation: str, bound: Any) -> bool:
    if relation == "equals":
        return bool(value == bound)
    if isinstance(value, str | bool):
        raise OptionError(f"claim {name!r}: {relation} compares numbers, but the value is {value!r}; use equals=")
    if not math.isfinite(value):
        return False
    if relation == "within":
        return bound[0] <= value <= bound[1]
    return value >= bound if relation == "at_least" else value <= bound


def _finite(value: Any) -> Value:
    """None for nan and infinities, which JSON does not know."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _claim_text(record: ClaimRecord) -> str:
    value, bound = _shown(record)
    return f"{record.sign} {record.says or record.name}: {value}" + (f" ({bound})" if bound else "")


def _shown(record: ClaimRecord) -> tuple[str, str]:
    """Value and bound in words; yes or no needs no bound where it holds, and what is not judged has none."""
    if record.holds is None:
        return show_value(record.value), MEASURED if record.relation == MEASURED else "measured, not judged"
    if not isinstance(record.value, bool):
        return show_value(record.value), record.bound_text
    return "yes" if record.value else "no", "" if record.holds else f"must be {'no' if record.value else 'yes'}"


def _claim_html(record: ClaimRecord) -> str:
    colours = {True: palette.GOOD, False: palette.BAD, None: palette.FAINT}
    colour, label = colours[record.holds], {True: "holds", False: "does not hold", None: "measured"}[record.holds]
    value, bound = _shown(record)
    style = f"margin-left:auto;color:{palette.FAINT};background:none;font-size:85%"
    name = f'<code style="{style}">{escape(record.name)}</code>'
    return (
        f'<div class="labkit-claim" style="display:flex;flex-wrap:wrap;gap:.15em .7em;align-items:baseline;'
        f"max-width:60em;margin:.2em 0;padding:.3em .7em;border:1px solid {palette.LINE};"
        f'border-left:4px solid {colour};border-radius:3px;color:{palette.TEXT}">'
        f'<b style="color:{colour}" role="img" aria-label="{label}">{record.sign}</b>'
        f"<span>{escape(record.says or record.name)}</span>"
        f'<span style="white-space:nowrap"><b>{escape(value)}</b> '
        f'<span style="color:{palette.FAINT}">{escape(bound)}</span></span>'
        f"{name if record.says else ''}</div>"
    )
