"""Lesson 04: shifted targets, a learning-rate schedule, an estimate of the final loss; gauges of sections 5 and 6."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

from labkit.explorers.checkpoints import checkpoints
from labkit.explorers.panel import explorer
from labkit.explorers.training import training
from labkit.suite.exercises import array, call, exercise, number, require

from .mutations import mutation


@exercise(
    "04.1",
    "Shift the targets",
    wrong=[
        (lambda tokens: (tokens, tokens), "5 tokens gave 5 exercises"),
        (lambda tokens: (tokens[:-1], tokens[:-1]), "the target is the input itself"),
        (lambda tokens: (tokens[1:], tokens[:-1]), "predicts backwards"),
        (lambda tokens: (tokens[:-1], tokens), "4 inputs but 5 targets"),
        (lambda tokens: tokens[1:], "two rows are wanted"),
        (lambda tokens: (tokens[:-1], np.roll(tokens, 1)[:-1]), "all but the first, both in their order"),
    ],
)
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


def no_warmup(step, total, warmup, decay):
    return min(1, (total - step) / decay)


def no_decay(step, total, warmup, decay):
    return min(1, step / warmup)


def down_at_once(step, total, warmup, decay):
    return min(step / warmup, (total - step) / (total - warmup))


def cosine(step, total, warmup, decay):
    left = max(0, (total - step) / decay)
    return min(1, step / warmup, (1 - np.cos(np.pi * left / 2)) if left < 1 else 1)


def product(step, total, warmup, decay):
    return step / warmup if step < warmup else 1 if step < total - decay else 0


@exercise(
    "04.2",
    "The learning-rate schedule",
    wrong=[
        (no_warmup, "it starts at full height"),
        (no_decay, "over the last `decay` steps it falls to 0"),
        (down_at_once, "before the decay, it is 1"),
        (cosine, "the fall is a line"),
        (product, "the fall is a line"),
    ],
)
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


def last_one(at, losses, later):
    return losses[-1]


def straight(at, losses, later):
    slope, height = np.polyfit(at, losses, 1)
    return height + slope * later


def forever(at, losses, later):
    return np.polyfit(1 / np.sqrt(at), losses, 1)[1]


def in_logarithms(at, losses, later):
    slope, height = np.polyfit(np.log(at), np.log(losses), 1)
    return np.exp(height + slope * np.log(later))


def two_points(at, losses, later):
    x = 1 / np.sqrt(at)
    slope = (losses[1] - losses[0]) / (x[1] - x[0])
    return losses[0] + slope * (1 / np.sqrt(later) - x[0])


@exercise(
    "04.3",
    "Where will it end?",
    wrong=[
        (last_one, "that is the last loss measured; the curve goes on falling after it"),
        (straight, "below zero"),
        (forever, "that is the loss after infinitely many steps; add what is left at `later`"),
        (in_logarithms, "is at"),
        (two_points, "use all of its points"),
    ],
)
def final_loss(answer):
    """`answer(at, losses, later)` → the loss expected at a later step of a curve a + b / √step."""
    at = np.arange(50, 450, 10.0)
    for a, b in ((1.2, 8.0), (0.5, 20.0)):
        losses = a + b / np.sqrt(at)
        right = a + b / np.sqrt(10_000)
        found = number(call(answer, at, losses, 10_000), what="the loss at step 10,000")
        require(
            found > 0,
            f"{found:.3g} is below zero: a straight line over the steps falls forever; fit it over 1 / √step",
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


def best_induction(model: Any, ids: np.ndarray) -> float:
    """The strongest head's induction score, mean over examples; ids (example, token).

    Law: that of the same weights measured head by head (tests/lessons/test_lesson_04.py).
    """
    import torch

    from labkit.interpretability.heads import induction
    from labkit.models.language_model import with_shared_tensors

    twin = with_shared_tensors(model).eval()  # the same weights, with attention that can be looked at
    with torch.no_grad():
        layers = twin(input_ids=torch.as_tensor(ids), output_attentions=True).attentions
    seen = torch.stack(layers, 1).float().numpy()  # (example, layer, head, query, key)
    return float(np.mean([induction(pattern, row) for pattern, row in zip(seen, ids, strict=True)], 0).max())


@contextmanager
def gates_apart() -> Iterator[None]:
    """Within, Muon turns each of an LSTM's four gates alone, which lie stacked in one matrix.

    Law: every gate's step has singular values near 1 (tests/lessons/test_lesson_04.py).
    """
    from labkit.training import muon

    together = muon.orthogonal

    def apart(stack: Any, group: dict[str, Any]) -> Any:
        gates = stack.unflatten(1, (4, -1)).flatten(0, 1)  # (matrix x gate, row, column)
        return together(gates, group).view_as(stack) / 2  # a matrix four times as high is moved twice as far

    with patch.object(muon, "orthogonal", apart):
        yield


explorer(checkpoints)
explorer(training)


@mutation("training/knows_nothing", "text.batches:Batch.rows")
def targets_that_are_not_shifted(real, self):
    rows = real(self)
    return replace(rows, targets=rows.inputs["input_ids"])


@mutation("training/by_heart", "text.datasets:TokenData.tokens")
def held_out_text_that_is_trained_on(real, self, split="train"):
    return real(self, "train")


@mutation("training/cutoff_after", "text.corpora:Corpus.between")
def a_corpus_without_an_end(real, self, since=None, until=None):
    return real(self, since)
