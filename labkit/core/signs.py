"""How a character that cannot be seen is written: the same sign for a space in every table, figure and label.

`·` would do for a space in an editor; here it parts the items of a line already, and some languages write with it.
"""

import re

SPACE, LINE_END, TAB = "␣", "↵", "⇥"
SIGNS = {" ": SPACE, "\n": LINE_END, "\t": TAB, "\r": "␍", "\u00a0": "⍽"}
"""character → its sign"""
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_SPACES = str.maketrans({" ": SPACE, "\u00a0": SIGNS["\u00a0"]})


def printable(text: object, *, keep: str = "") -> str:
    """The text with what cannot be seen made visible: a line end as ↵, a tab as ⇥, other control characters as ␀ … ␡,
    what only steers the text and lone surrogates as ⟨d800⟩. Spaces stay, and the joiners that scripts and emoji need.

    `keep`: characters left as they are, such as a newline.
    """

    def sign(found: re.Match[str]) -> str:
        character = found[0]
        if character in keep:
            return character
        code = ord(character)
        return SIGNS.get(character) or (chr(0x2400 + code) if code < 32 else "␡" if code == 127 else f"⟨{code:04x}⟩")

    return _UNSEEN.sub(sign, str(text))


def seen(text: str) -> str:
    """The same, and a sign for each space too: `␣Paris`."""
    return printable(text).translate(_SPACES)


def edged(label: str) -> str:
    """A label whose outer spaces are seen, and no others: `␣New York`."""
    inner = label.strip(" ")
    before = len(label) - len(label.lstrip(" "))
    return SPACE * before + inner + SPACE * (len(label) - before - len(inner))
