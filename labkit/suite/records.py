"""Claims as they are kept: a measured value, its bound, and what was accepted for it.

Ignores who measured it and who compares it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Value = float | int | str | bool | None
ROUNDING = 0.01
"""A change of so small a share means nothing."""
MEASURED = "measured"
"""The relation of a value that has no bound."""


@dataclass(frozen=True)
class ClaimRecord:
    """One measured statement and the bound that it must keep."""

    name: str
    """`topic/what`, unique in its notebook."""
    value: Value
    """None where the measured number is not finite."""
    relation: str
    """`at_least`, `at_most`, `within` or `equals`; `measured` where there is no bound."""
    bound: Any
    """A number; for `within` a list [low, high]; for `equals` a number, string or bool."""
    holds: bool | None
    """None = measured, not judged: there is no bound, or it was set for another model or prompt than this run's."""
    says: str = ""
    """The statement in words."""
    tolerance: float | None = None
    """How far the lesson says it may move, in its own unit; None = as far as the baseline's seeds scatter."""
    cell: int = -1
    """The cell's index in the notebook; -1 where it is not known."""
    accepted: Value = None
    """The baseline's value, once compared; None = the baseline does not have one."""
    least: float | None = None
    most: float | None = None
    """The range of the baseline's seeds."""

    @property
    def sign(self) -> str:
        """✔ holds, ✘ does not, ○ was only measured."""
        return {True: "✔", False: "✘", None: "○"}[self.holds]

    @property
    def bound_text(self) -> str:
        """`≥ 0.7`, `≤ 3`, `in [0.7, 0.85]`, `= 12`, `measured`."""
        if self.relation == MEASURED:
            return MEASURED
        if self.relation == "within":
            return f"in [{show_value(self.bound[0])}, {show_value(self.bound[1])}]"
        return f"{ {'at_least': '≥', 'at_most': '≤', 'equals': '='}[self.relation] } {show_value(self.bound)}"

    @property
    def moved(self) -> float | None:
        """Distance from the accepted value, in its unit; None where there is no number to compare with."""
        if not is_number(self.value) or not is_number(self.accepted):
            return None
        return abs(self.value - self.accepted)  # pyright: ignore

    @property
    def allowed(self) -> float | None:
        """The distance that is no drift; None = it must be equal.

        What the lesson says, else for measures the range of the baseline's seeds, at least a hundredth of the value.
        """
        if self.tolerance is not None or not isinstance(self.value, float) or not is_number(self.accepted):
            return self.tolerance
        scatter = 0.0 if self.least is None or self.most is None else self.most - self.least
        return max(scatter, ROUNDING * abs(self.accepted))  # pyright: ignore

    @property
    def change(self) -> str:
        """How far it moved, in its unit; `changed`, or `–` where nothing can be said."""
        return show_value(self.moved) if self.moved is not None else "changed" if self.drifted else "–"

    @property
    def limit(self) -> str:
        """What it may move by: measures by their tolerance, counts and texts not at all."""
        return "must be equal" if self.allowed is None else f"tolerance {show_value(self.allowed)}"

    @property
    def drifted(self) -> bool:
        """Whether it left the tolerance around its accepted value.

        A measure that stays below a hundredth of its `at_most` is rounding noise (an error of 3e-7 where 1e-3 is
        allowed), which differs between machines: it does not drift.
        """
        if self.accepted is None:
            return False
        if self.moved is None or self.allowed is None:
            return type(self.value) is not type(self.accepted) or self.value != self.accepted
        noise = abs(self.bound) * ROUNDING if self.relation == "at_most" else 0.0
        if isinstance(self.value, float) and max(abs(self.value), abs(self.accepted)) < noise:  # pyright: ignore
            return False
        return self.moved > self.allowed


def counted(claims: Sequence[ClaimRecord]) -> str:
    """`25 of 26 hold`, `all 14 hold, 12 measured`: what was not judged is counted apart; empty for no claims."""
    held, failed, measured = (sum(claim.holds is state for claim in claims) for state in (True, False, None))
    judged = f"{held} of {held + failed} hold" if failed else f"all {held} hold" if held else ""
    return ", ".join(part for part in (judged, f"{measured} measured" if measured else "") if part)


def show_value(value: Any) -> str:
    """A value as the lesson and the reports print it: counts exactly, measures to four figures."""
    if value is None:
        return "not a number"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def is_number(value: Any) -> bool:
    """A count or a measure; bools are neither."""
    return isinstance(value, int | float) and not isinstance(value, bool)
