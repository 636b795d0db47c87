"""Where output goes: below the cell that runs, or as words onto a terminal."""

import re
import sys
from typing import Any, TextIO

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""What a terminal obeys instead of showing it, and halves of surrogate pairs; a tab and a line's end stay."""


def harmless(text: str) -> str:
    """The text without colours, and with a sign for each character that a terminal would obey.

    Law: no escape reaches a terminal (tests/roof/test_terminals.py).
    """
    return _CONTROL.sub("\ufffd", _COLOUR.sub("", text))


def write_what_can_be_written(*streams: TextIO) -> None:
    """From now on a character that a stream's encoding lacks becomes a question mark, not the end of the command."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]


def in_notebook() -> bool:
    """Whether this Python runs cells: a kernel, or IPython's own shell."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def put(content: dict[str, Any], record: dict[str, Any] | None = None) -> None:
    """Show one output.

    Args:
        content: mime type → what is shown; `text/plain` says the same in words, and is printed where there is no cell.
        record: kept in the output's metadata under `labkit`, for whoever reads the executed notebook.
    """
    if not in_notebook():
        if content["text/plain"]:
            encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
            print(harmless(content["text/plain"]).encode(encoding, "replace").decode(encoding))
        return
    from IPython.display import display

    display(content, raw=True, metadata={"labkit": record} if record else {})
