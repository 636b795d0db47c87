"""What an argument must be before anything is computed from it."""

from typing import Any

from .errors import TextError


def is_whole(value: Any) -> bool:
    """Whether it is a whole number of Python's own, which can be stored and hashed; True, 2.0 and numpy's are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def checked_text(text: Any) -> str:
    """The text itself.

    Raises:
        TextError: it is no string, or holds half of a surrogate pair, which no encoding of Unicode allows.
    """
    if not isinstance(text, str):
        raise TextError(f"a text must be a str, but got {type(text).__name__}; decode bytes with .decode('utf-8')")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        at = error.start
        raise TextError(
            f"character {at} of the text is U+{ord(text[at]):04X}, half of a surrogate pair, which is no character; "
            "repair it with text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
        ) from None
    return text
