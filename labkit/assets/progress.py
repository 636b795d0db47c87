"""What a person sees while something long runs: a bar on a terminal, a line now and then elsewhere.

Goes to stderr, so that a command's own output stays clean; in a notebook to stdout, where lines are not red.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

SECONDS_BETWEEN_LINES = 5.0


def note(text: str) -> None:
    """One line, at once."""
    print(text, file=_stream(), flush=True)


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how many bytes of `total` are done so far."""
    if _stream().isatty():
        with _bar(label, total) as update:
            yield update
    else:
        note(f"{label} ({total / 1e6:.1f} MB)")
        yield _lines(label, total)


@contextmanager
def _bar(label: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=Console(file=_stream())) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.update(task, completed=done)


def _lines(label: str, total: int) -> Callable[[int], None]:
    last = time.monotonic()

    def update(done: int) -> None:
        nonlocal last
        if time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            note(f"{label}: {done / 1e6:.0f} of {total / 1e6:.0f} MB")

    return update


def _stream() -> TextIO:
    return sys.stdout if "ipykernel" in sys.modules else sys.stderr
