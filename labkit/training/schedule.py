"""The learning rate over a run: up along a line, level, down along a line to 0 (warm-up, stable, decay).

`progress` runs from 0 to 1 and counts steps or time, whichever ends the run sooner, so that a run of one minute comes
down as gently as a run of a thousand steps.

A run that ends at a loss knows no such end: there the rate falls with what is left to go, `approach`.

Sources: Hu et al. 2024, "MiniCPM" (the WSD schedule); Polyak 1987, "Introduction to optimization" (steps as long as the
distance to the loss that is aimed at).
"""


def factor(progress: float, *, warmup: float, decay: float) -> float:
    """What the peak learning rate is multiplied by.

    Args:
        progress: share of the run that is done when this step begins, 0 to 1.
        warmup: share of the run in which the factor rises from near 0 to 1.
        decay: share of the run, at its end, in which it falls to 0.

    Law: 1 in the middle, 0 at the end, continuous between (tests/training/test_schedule.py).
    """
    up = progress / warmup if warmup > 0 else 1.0
    down = (1 - progress) / decay if decay > 0 else 1.0
    return max(0.0, min(up, 1.0, down))


def progress(step: int, seconds: float, *, steps: int | None, minutes: float | None) -> float:
    """Share of the run that is done; 0.5 where nothing says when it ends (the level part)."""
    shares = []
    if steps is not None:
        shares.append((step + 0.5) / steps)
    if minutes is not None:
        shares.append(seconds / (60 * minutes))
    return min(1.0, max(shares)) if shares else 0.5


LANDING = 0.15
"""Within this share of the loss that is aimed at, the rate falls ..."""
SLOWEST = 0.1
"""... but not below this, so that the last bit is not the longest."""


def approach(loss: float | None, goal: float | None) -> float:
    """What the peak learning rate is multiplied by, from how far the validation loss still is from its goal.

    Law: 1 far away and where there is no goal; never 0 (tests/training/test_schedule.py).
    """
    if loss is None or goal is None:
        return 1.0
    return min(1.0, max(SLOWEST, (loss / goal - 1) / LANDING))
