"""What a reader can change in an explorer: each control has a name, a default, a range, and checks its values.

A control is data. `live` turns it into a widget; a headless run only needs the value; a test drives `probes()`.
"""

import math
from dataclasses import dataclass
from typing import Any

from labkit.core.errors import OptionError, closest
from labkit.core.values import is_whole

ODD_TEXTS = (
    "", " ", "a", "\n\n", "<script>alert(1)</script>", "naïve 日本語 🏳️‍🌈 \u202eright to left", "\x00\x07\x1b[31m",
    "\ud800 lone", "word " * 400, "x" * 2000,
)  # fmt: skip


@dataclass(frozen=True)
class Text:
    """A text box."""

    name: str
    default: str
    label: str = ""
    lines: int = 1
    most: int = 2000
    """Characters that it takes: what a small model reads in about a second on two cores."""
    fits: tuple[str, ...] = ()
    """Other texts that go with the defaults, where not any does, such as one of as many tokens."""

    def clean(self, value: Any) -> str:
        """The text.

        Raises:
            OptionError: it is no text, or too long.
        """
        if not isinstance(value, str):
            raise OptionError(f"{self.name} wants a text, got {value!r}")
        if len(value) > self.most:
            called = self.label or self.name
            raise OptionError(f"{called} has {len(value):,} characters and takes at most {self.most:,}; shorten it")
        return value

    def probes(self) -> tuple[str, ...]:
        """Values that a test drives it to."""
        return (self.default, *self.fits, *ODD_TEXTS)


@dataclass(frozen=True)
class Choice:
    """One of a few options."""

    name: str
    default: str
    options: tuple[str, ...]
    label: str = ""

    def clean(self, value: Any) -> str:
        """The option.

        Raises:
            OptionError: it is not among the options.
        """
        if value not in self.options:
            raise OptionError(f"{self.name} cannot be {value!r}; {closest(str(value), self.options)}")
        return value

    def probes(self) -> tuple[str, ...]:
        """Values that a test drives it to."""
        return self.options


@dataclass(frozen=True)
class Choices:
    """Any number of options, in the order of the options."""

    name: str
    default: tuple[str, ...]
    options: tuple[str, ...]
    label: str = ""

    def clean(self, value: Any) -> tuple[str, ...]:
        """The chosen options, in the order of the options.

        Raises:
            OptionError: one is not among the options.
        """
        chosen = (value,) if isinstance(value, str) else tuple(value)
        for one in chosen:
            if one not in self.options:
                raise OptionError(f"{self.name} cannot hold {one!r}; {closest(str(one), self.options)}")
        return tuple(option for option in self.options if option in chosen)

    def probes(self) -> tuple[tuple[str, ...], ...]:
        """Values that a test drives it to."""
        return (self.default, (), self.options[:1], self.options)


@dataclass(frozen=True)
class Slider:
    """A number between two ends: whole when `step` is an int, spaced by equal factors when `log`."""

    name: str
    default: float
    low: float
    high: float
    step: float = 1
    label: str = ""
    log: bool = False

    def clean(self, value: Any) -> float:
        """The number, an int when `step` is one.

        Raises:
            OptionError: it is no number, or lies beyond the ends.
        """
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise OptionError(f"{self.name} wants a number, got {value!r}")
        slack = 1e-9 * max(abs(self.low), abs(self.high))
        if not self.low - slack <= value <= self.high + slack:
            raise OptionError(f"{self.name} is {value}, but must lie between {self.low} and {self.high}")
        value = min(max(value, self.low), self.high)
        if self.whole and value != int(value):
            raise OptionError(f"{self.name} is {value}, but must be a whole number")
        return int(value) if self.whole else float(f"{value:.10g}")  # a front end adds up steps: 0.9500000000000001

    @property
    def whole(self) -> bool:
        """Whether it gives whole numbers."""
        return isinstance(self.step, int) and not self.log

    def probes(self) -> tuple[float, ...]:
        """Values that a test drives it to."""
        return (self.low, self.default, self.high)


@dataclass(frozen=True)
class Switch:
    """On or off."""

    name: str
    default: bool = False
    label: str = ""

    def clean(self, value: Any) -> bool:
        """The setting.

        Raises:
            OptionError: it is not True or False.
        """
        if not isinstance(value, bool):
            raise OptionError(f"{self.name} is on or off (True or False), got {value!r}")
        return value

    def probes(self) -> tuple[bool, ...]:
        """Values that a test drives it to."""
        return (False, True)


@dataclass(frozen=True)
class Action:
    """A button that counts how often it was pressed; the count is state, so that "once more" can be repeated."""

    name: str
    label: str = ""
    default: int = 0

    def clean(self, value: Any) -> int:
        """The count.

        Raises:
            OptionError: it is no whole number from 0.
        """
        if not is_whole(value) or value < 0:
            raise OptionError(f"{self.name} counts presses (0, 1, 2 …), got {value!r}")
        return value

    def probes(self) -> tuple[int, ...]:
        """Values that a test drives it to."""
        return (0, 1, 1000)


Control = Text | Choice | Choices | Slider | Switch | Action
