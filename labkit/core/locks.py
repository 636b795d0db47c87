"""One process at a time: two notebooks that need the same file make it once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def alone(lock: Path, doing: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file `lock`; the system releases it when a process dies, however it dies.

    Args:
        doing: what the other process does, such as `fetching d3.js`, told after half a second of waiting.
        tell: says it to the user.

    Law: the second waits for the first and says so (tests/core/test_locks.py).
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock)
    try:
        held.acquire(timeout=0.5)
    except Timeout:
        tell(f"another process is {doing}; waiting for it")
        held.acquire()
    try:
        yield
    finally:
        held.release()


@contextmanager
def only(lock: Path, refusal: Exception) -> Iterator[None]:
    """The same for whoever shall not wait: where another process, or another loop of this one, holds it, `refusal`."""
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise refusal from None
    try:
        yield
    finally:
        held.release()
