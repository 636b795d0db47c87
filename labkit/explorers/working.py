"""While a panel works: how far it is, the kernel's interrupt, the kernel's status.

Between cells a kernel says that it is idle and ignores interrupts; a panel draws there, so it minds both itself.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Progress:
    """How far a drawing is; a `draw` yields it between its results."""

    done: int
    total: int
    what: str = "step"

    def __str__(self) -> str:
        return f"{self.what} {self.done:,} of {self.total:,}"


class Interrupts:
    """While entered, SIGINT raises KeyboardInterrupt in what is computed, and calls `stop` between two parts of it."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop, self._computing, self._before = stop, False, None

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        if signal.getsignal(signal.SIGINT) == self._heard:  # an asynchronous cell that ended meanwhile set its own back
            signal.signal(signal.SIGINT, self._before)

    def computing(self, work: Callable[[], Any]) -> Any:
        """What `work()` gives; an interrupt is raised in it, and never gets as far as the kernel's loop."""
        try:
            self._computing = True
            try:
                return work()
            finally:
                self._computing = False
        except KeyboardInterrupt:
            self._stop()

    def _heard(self, *_: object) -> None:
        if self._computing:
            raise KeyboardInterrupt
        self._stop()


@contextmanager
def busy() -> Iterator[None]:
    """The kernel says that it is busy, again and again: each message that it reads meanwhile ends with "idle"."""
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(0.3):
            tell_status("busy")

    tell_status("busy")
    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def tell_status(status: str) -> None:
    """Tell every front end that the kernel is `busy` or `idle`; nothing where there is no kernel."""
    from IPython import get_ipython

    kernel: Any = getattr(get_ipython(), "kernel", None)
    if kernel is not None and getattr(kernel, "iopub_socket", None):
        kernel.session.send(kernel.iopub_socket, "status", {"execution_state": status})
