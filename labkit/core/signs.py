"""How a character that cannot be seen is written: the same sign for a space in every table, figure and label.

`·` would do for a space in an editor; here it parts the items of a line already, and some languages write with it.
"""

SPACE, LINE_END, TAB = "␣", "↵", "⇥"
SIGNS = {" ": SPACE, "\n": LINE_END, "\t": TAB, "\r": "␍", "\u00a0": "⍽"}
"""character → its sign"""
_TABLE = str.maketrans(SIGNS)


def seen(text: str) -> str:
    """The text with a sign for each character of `SIGNS`: `␣Paris`."""
    return text.translate(_TABLE)


def edged(label: str) -> str:
    """A label whose outer spaces are seen, and no others: `␣New York`."""
    inner = label.strip(" ")
    before = len(label) - len(label.lstrip(" "))
    return SPACE * before + inner + SPACE * (len(label) - before - len(inner))
