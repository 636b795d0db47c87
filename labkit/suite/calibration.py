"""How fast this machine is today, so that seconds are judged against it and not against another machine's clock.

A fixed matrix product stands for what models do, a fixed Python loop for the rest. Both are timed as the best of a few
tries: a busy neighbour slows most of them, rarely all.
"""

import time
from collections.abc import Callable
from math import sqrt

from .outcomes import Calibration

REFERENCE_MATMUL_SECONDS = 0.0140
REFERENCE_LOOP_SECONDS = 0.0135
"""What the machine took on which the lessons' minutes were set: two cores of a server processor."""
_TRIES = 7
_SLOWNESS_RANGE = (0.5, 20.0)


def calibrate() -> Calibration:
    """Time both, in about half a second.

    Law: slowness is 1 for the reference seconds and grows with both (tests/suite/test_calibration.py).
    """
    return judge(_best(_matmul), _best(_loop))


def judge(matmul_seconds: float, loop_seconds: float) -> Calibration:
    """The calibration that these times mean: the geometric mean of both ratios to the reference."""
    ratio = sqrt(matmul_seconds / REFERENCE_MATMUL_SECONDS * loop_seconds / REFERENCE_LOOP_SECONDS)
    low, high = _SLOWNESS_RANGE
    return Calibration(matmul_seconds, loop_seconds, min(max(ratio, low), high))


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_TRIES):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def _matmul() -> object:
    import numpy as np
    from threadpoolctl import threadpool_limits

    step = matrix = np.full((512, 512), 1 / 512, dtype=np.float32)  # a product of such matrices stays the same
    with threadpool_limits(1):  # two threads on a busy machine wait for each other
        for _ in range(8):
            matrix = matrix @ step
    return matrix


def _loop() -> int:
    total = 0
    for number in range(300_000):
        total += number * number % 7
    return total
