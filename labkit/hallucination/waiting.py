"""Waiting: one line that says how far long work is, and is gone when it ends.

Reads   the parts of some work, as they come.
Gives   the same parts.
Ignores what they are.

In a notebook the line is redrawn in place, on a terminal too; elsewhere nobody reads along, and nothing is written.
Work that ends within `PATIENCE` seconds shows nothing.

Law: what comes out is what went in (tests/hallucination/test_waiting.py).
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Any, TypeVar

from labkit.core.output import in_notebook

T = TypeVar("T")
PATIENCE = 1.5
"""Seconds until the first line."""
REDRAW = 0.5
"""Seconds between two lines."""


def watched(
    parts: Iterable[T], total: int, what: str, unit: str = "questions", size: Callable[[T], int] = lambda part: 1
) -> Iterator[T]:
    """The parts one after another, and meanwhile how many of `total` are done and how long the rest may take.

    Args:
        total: units in all.
        what: is being done: `smollm2-135m answers`.
        size: units in one part.
    """
    began = drawn = monotonic()
    done, line = 0, None
    try:
        for part in parts:
            yield part
            done, now = done + size(part), monotonic()
            if now - began < PATIENCE or now - drawn < REDRAW or done >= total:
                continue
            drawn = now
            line = line or _line()
            line(f"{what}: {done:,} of {total:,} {unit}{_left(now - began, done / total)}")
    finally:
        if line:
            line("")


def _left(seconds: float, share: float) -> str:
    """How long the rest takes at this pace; nothing before a tenth is done, since the first parts tell too little."""
    if share < 0.1:
        return ""
    left = round(seconds * (1 - share) / share)
    return f" · {left // 60}:{left % 60:02} left"


def _line() -> Callable[[str], None]:
    """What writes a text over the one before; an empty one takes it away."""
    if in_notebook():
        return _below_the_cell()
    if sys.stderr.isatty():
        return lambda text: print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    return lambda text: None


def _below_the_cell() -> Callable[[str], None]:
    from IPython.display import display

    from labkit.views import theme
    from labkit.views.text import for_html

    handle: Any = None

    def write(text: str) -> None:
        nonlocal handle
        shown = theme.wrap(f'<div class="lk-note" role="status">{for_html(text)}</div>') if text else ""
        content = {"text/html": shown, "text/plain": text}
        if handle is None:
            handle = display(content, raw=True, display_id=True)
        else:
            handle.update(content, raw=True)

    return write
