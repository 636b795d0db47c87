"""How fast this machine is right now, so that seconds are judged against it and not against another machine's clock.

Three pieces of work stand for a lesson: small products with Python between them, one large product, and reading
memory. Each is timed as the best of a few tries: a busy neighbour slows most of them, rarely all. A notebook is
calibrated before and after, by the process that executes it, which on a cluster is the worker.

The reference seconds are those of two cores of an AMD EPYC (Zen 4: AVX-512 with bfloat16, no AMX), one thread,
nothing else running.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log
from threading import Lock
from typing import Any

REFERENCE = {"small": 0.0054, "large": 0.0212, "memory": 0.0043}
AGREE = 1.25
"""Two calibrations that differ by more than this factor are of a machine whose speed changed."""
_TRIES = 7
_SLOWNESS_RANGE = (0.5, 20.0)
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True)
class Calibration:
    """How fast a machine was at one moment."""

    small: float = 0.0
    """Seconds of small products with Python between them."""
    large: float = 0.0
    """Seconds of one large product."""
    memory: float = 0.0
    """Seconds of reading an array that no cache holds."""
    slowness: float = 1.0
    """Seconds here for one second of the reference machine; budgets are multiplied by it."""


NOMINAL = Calibration()
"""The reference machine."""


def calibrate() -> Calibration:
    """Time all three, in about half a second; threads of one process wait for each other.

    Law: slowness is 1 for the reference seconds and grows with each (tests/suite/test_calibration.py).
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    with _ONE_AT_A_TIME, threadpool_limits(1):  # two threads on a busy machine wait for each other
        return judge(*(_best(piece) for piece in (_small(np), _large(np), _memory(np))))


def judge(small: float, large: float, memory: float) -> Calibration:
    """The calibration that these seconds mean: the geometric mean of their ratios to the reference's."""
    ratios = (took / least for took, least in zip((small, large, memory), REFERENCE.values(), strict=True))
    low, high = _SLOWNESS_RANGE
    return Calibration(small, large, memory, min(max(exp(sum(map(log, ratios)) / 3), low), high))


def disagreement(before: Calibration, after: Calibration) -> str:
    """`this machine became 1.6 x slower while it ran`; empty where both agree.

    Law: says so exactly where they differ by more than a quarter (tests/suite/test_calibration.py).
    """
    factor = after.slowness / before.slowness
    if 1 / AGREE <= factor <= AGREE:
        return ""
    return f"this machine became {max(factor, 1 / factor):.1f} x {'slower' if factor > 1 else 'faster'} while it ran"


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_TRIES):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def _small(np: Any) -> Callable[[], object]:
    step = np.full((48, 48), 1 / 48, dtype=np.float32)  # a product of such matrices stays the same

    def work() -> object:
        matrix, total = step, 0
        for turn in range(1500):
            matrix = matrix @ step
            for number in range(12):
                total += number * turn % 7
        return matrix

    return work


def _large(np: Any) -> Callable[[], object]:
    matrix = np.full((1024, 1024), 1 / 1024, dtype=np.float32)
    return lambda: matrix @ matrix


def _memory(np: Any) -> Callable[[], object]:
    array = np.ones(16_000_000)  # 128 MB
    return array.sum
