"""Text and numbers made fit to be drawn: escaped, printable, rounded to what a reader can use.

Ignores what the texts mean. Everything that `views` draws passes through `for_html` or `for_plotly`, so a
`<script>` in a prompt, a token or a title is shown, never run.
"""

import html
import math
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labkit.core.signs import printable


def for_html(text: object, *, keep: str = "\n") -> str:
    """Safe between tags and inside quoted attributes."""
    return html.escape(printable(text, keep=keep), quote=True)


def for_plotly(text: object, *, wrap: int = 0) -> str:
    """Safe in any plotly text: plotly reads some tags, entities, and LaTeX between dollar signs.

    `wrap`: break lines after about this many characters; 0 = never. Nothing is cut off.
    """
    shown = printable(text)
    lines = _wrapped(shown, wrap) if wrap and len(shown) > wrap else [shown]
    return "<br>".join(html.escape(line, quote=False).replace("$", "&#36;") for line in lines)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=True, drop_whitespace=False) or [text]


def width(text: str) -> int:
    """How many columns a text takes in a monospaced sense: 2 for a wide East Asian character, 0 for an accent."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in printable(text)
    )


def number(value: Any) -> str:
    """A number as a reader wants it: 1,234 · 0.775 · 1.2 × 10⁻⁵ · – for nan. Other values as text."""
    if value is None:
        return "–"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    return _amount(float(value)) if isinstance(value, (int, float, np.number)) else str(value)


def _amount(amount: float) -> str:
    if math.isnan(amount):
        return "–"
    if math.isinf(amount):
        return "∞" if amount > 0 else "−∞"
    if amount == int(amount) and abs(amount) < 1e15:
        return f"{int(amount):,}".replace("-", "−")
    if not 1e-4 <= abs(amount) < 1e7:
        digits, _, power = f"{amount:.1e}".partition("e")
        return f"{digits} × 10{_raised(int(power))}".replace("-", "−")
    decimals = max(0, 2 - math.floor(math.log10(abs(amount))))
    return f"{amount:,.{decimals}f}".replace("-", "−")


def _raised(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def with_unit(quantity: str, unit: str) -> str:
    """`surprise, bits`; the quantity alone where there is no unit."""
    return f"{quantity}, {unit}" if unit else quantity


WORDS = 60
"""As many tokens or labels are spelled out in a sentence."""


def extremes(values: Any, name: Callable[[int], str]) -> str:
    """`largest ' Paris' 0.775, smallest ' Lyon' 0.0008.`; `name` gives what the n-th value belongs to."""
    flat = np.asarray(values, dtype=float).ravel()
    if not np.isfinite(flat).any():
        return "no value is known."
    finite = np.where(np.isfinite(flat), flat, np.nan)
    ends = ((word, int(find(finite))) for word, find in (("largest", np.nanargmax), ("smallest", np.nanargmin)))
    return ", ".join(f"{word} {printable(name(at))!r} {number(flat[at])}" for word, at in ends) + "."


def some(items: Sequence[str], joint: str) -> str:
    """The first `WORDS` of some texts, and how many more there are."""
    more = f" … {number(len(items) - WORDS)} more" if len(items) > WORDS else ""
    return joint.join(printable(item) for item in items[:WORDS]) + more


def titled(title: str, rest: str) -> str:
    """`title: rest`, or the rest alone."""
    return f"{title}: {rest}" if title else rest
