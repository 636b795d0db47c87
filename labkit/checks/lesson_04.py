"""Checks of lesson 04: shifted targets, a learning-rate schedule, an estimate of the final loss."""

import numpy as np

from labkit.suite.exercises import array, call, exercise, number, require


@exercise("04.1", "Shift the targets")
def shift(answer):
    """`answer(tokens)` → (what the model reads, what it must say), one shorter than the tokens each."""
    tokens = np.array([7, 3, 9, 9, 1])
    both = call(answer, tokens)
    require(
        isinstance(both, (tuple, list)) and len(both) == 2,
        "two rows are wanted, inputs and targets: return tokens[…], tokens[…]",
    )
    require(
        len(both[0]) == len(both[1]), f"{len(both[0])} inputs but {len(both[1])} targets; each input has one answer"
    )
    require(
        len(both[0]) == 4,
        f"5 tokens gave {len(both[0])} exercises, not 4: the last token has no answer here, and the first is none",
    )
    inputs, targets = (
        array(part, shape=(4,), what=what) for part, what in zip(both, ("the inputs", "the targets"), strict=True)
    )
    require(not np.array_equal(inputs, targets), "the target is the input itself; it must be the token after it")
    require(
        not (np.array_equal(inputs, tokens[1:]) and np.array_equal(targets, tokens[:-1])),
        "this predicts backwards: inputs are all tokens but the last, targets all but the first",
    )
    require(
        np.array_equal(inputs, tokens[:-1]) and np.array_equal(targets, tokens[1:]),
        "inputs are all tokens but the last, targets all but the first, both in their order",
    )
    return "each target is the token after its input"


@exercise("04.2", "The learning-rate schedule")
def schedule(answer):
    """`answer(step, total, warmup, decay)` → the factor: up along a line, level, down along a line."""

    def at(step):
        return number(call(answer, step, 100, 10, 40), what=f"the factor at step {step} of 100")

    require(at(30) > 0, "the factor in the middle is 0; there it is 1")
    require(
        abs(at(30) - 1) < 1e-9, f"at step 30 of 100, after the warm-up and before the decay, it is 1, not {at(30):g}"
    )
    require(at(0) < 0.5, "it starts at full height: over the first `warmup` steps it rises from 0 to 1")
    require(abs(at(5) - 0.5) < 1e-9, f"half-way up the warm-up (step 5 of 10) it is 0.5, not {at(5):g}")
    require(at(100) < 0.5, f"at the last step it is {at(100):g}; over the last `decay` steps it falls to 0")
    require(
        abs(at(80) - 0.5) < 1e-9,
        f"half-way down (step 80: 20 of the last 40 are left) it is 0.5, not {at(80):g}; the fall is a line",
    )
    require(abs(at(100)) < 1e-9, f"it ends at 0, not at {at(100):g}")
    steps = [at(step) for step in range(101)]
    require(min(steps) >= 0 and max(steps) <= 1 + 1e-9, "it never leaves 0 to 1: take the smallest of the three lines")
    return "up along a line, level, down along a line to 0"


@exercise("04.3", "Where will it end?")
def final_loss(answer):
    """`answer(at, losses, later)` → the loss expected at a later step of a curve a + b / √step."""
    at = np.arange(50, 450, 10.0)
    for a, b in ((1.2, 8.0), (0.5, 20.0)):
        losses = a + b / np.sqrt(at)
        right, last = a + b / np.sqrt(10_000), losses[-1]
        found = number(call(answer, at, losses, 10_000), what="the loss at step 10,000")
        require(abs(found - last) > 1e-6, f"{found:.3f} is the last loss measured; the curve goes on falling after it")
        require(
            found > 0,
            f"{found:.3g} is below zero: a straight line over the steps falls forever; fit it over 1 / √step",
        )
        require(
            abs(found - a) > 1e-6, f"{found:.3f} is the loss after infinitely many steps; add what is left at `later`"
        )
        require(
            abs(found - right) < 0.01 * right,
            f"a curve {a} + {b:g} / √step is at {right:.3f} in step 10,000, not at {found:.3f}",
        )
    for seed in range(3):
        noisy = 1.2 + 8 / np.sqrt(at) + np.random.default_rng(seed).normal(0, 0.03, len(at))
        found = number(call(answer, at, noisy, 10_000), what="the loss of a noisy curve")
        require(
            abs(found - 1.28) < 0.08, f"a noisy curve gives {found:.3f} instead of about 1.28; use all of its points"
        )
    return "the estimate is right for curves of this form, with and without noise"
