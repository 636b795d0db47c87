"""What a person sees while something long runs: a bar on a terminal, a line now and then elsewhere.

Goes to stderr, so that a command's own output stays clean; in a notebook to stdout, where lines are not red.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeVar

from labkit.core.paths import FRESH

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 5.0
PATIENCE = 1.5
"""Seconds that work may take without a bar."""


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


def watched(
    parts: Iterable[T], total: int, what: str, unit: str = "questions", size: Callable[[T], int] = lambda part: 1
) -> Iterator[T]:
    """The parts one after another, and meanwhile a bar of how many of `total` units are done, which goes at the end.

    Where nobody reads along, on no terminal and in no notebook or in a run that checks lessons, nothing is written.

    Args:
        size: units in one part.

    Law: what comes out is what went in (tests/assets/test_progress.py).
    """
    from tqdm import tqdm

    unseen = bool(os.environ.get(FRESH)) or not ("ipykernel" in sys.modules or _stream().isatty())
    with tqdm(desc=what, total=total, unit=f" {unit}", file=_stream(), delay=PATIENCE, leave=False, disable=unseen,
              mininterval=0.5) as bar:  # fmt: skip
        for part in parts:
            yield part
            bar.update(size(part))
