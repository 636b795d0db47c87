"""Where output goes: below the cell that runs, or as words onto a terminal."""

import sys
from typing import Any


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
            print(content["text/plain"])
        return
    from IPython.display import display

    display(content, raw=True, metadata={"labkit": record} if record else {})
