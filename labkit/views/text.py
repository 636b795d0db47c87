"""Text and numbers made fit to be drawn: escaped, printable, rounded to what a reader can use.

Ignores what the texts mean. Everything that `views` draws passes through `for_html` or `for_plotly`, so a
`<script>` in a prompt, a token or a title is shown, never run.
"""

import html
import math
import re
import textwrap
import unicodedata
from typing import Any

import numpy as np

from labkit.core.signs import SIGNS

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def printable(text: object, *, keep: str = "") -> str:
    """The text with what cannot be seen made visible: line ends and tabs as everywhere in the lab (↵, ⇥), other control
    characters as ␀ … ␡, lone surrogates as ⟨d800⟩.

    `keep`: control characters left as they are, such as a newline.
    """

    def visible(found: re.Match[str]) -> str:
        character = found[0]
        if character in keep:
            return character
        if character in SIGNS:
            return SIGNS[character]
        code = ord(character)
        return chr(0x2400 + code) if code < 32 else "\u2421" if code == 127 else f"⟨{code:04x}⟩"

    return _CONTROL.sub(visible, _SURROGATE.sub(lambda found: f"⟨{ord(found[0]):04x}⟩", str(text)))


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
