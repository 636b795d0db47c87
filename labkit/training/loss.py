"""The way to a model's logits, the fastest there is; and a look at held-out text.

Reads   batches by number; an Objective.
Gives   nats per token, bits per byte.
Ignores where the text comes from and what the model is inside.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..core.errors import TrainingError
from ..text.batches import IGNORED, Rows
from . import fused
from .objectives import TOKENS, Objective

ROWS = 64
"""Sequences in a batch of an evaluation."""
AT_ONCE = 2048
"""Tokens scored in one pass of an evaluation, so that looking needs no more memory than training."""
Forward = Callable[[Any, dict[str, Tensor], torch.dtype], Tensor]
"""(model, its inputs by name, number type) -> logits (row, position, vocab), or (row × position, vocab)"""


@dataclass(frozen=True)
class Loss:
    """How well a model predicts a text."""

    nats_per_token: float
    """Mean of -log p(next token)."""
    bits_per_byte: float | None
    """The same per byte of text, in bits, so that tokenizers can be compared; None where tokens are not text.
    A byte that the vocabulary lacks is charged with 8 bits, or knowing less would pay."""
    tokens: int
    """How many predictions were scored."""
    by_position: np.ndarray
    """(context,) nats per token at each position; nan where none was scored."""
    error: float = float("nan")
    """Standard error of `nats_per_token` over sequences, nats; nan of one sequence."""


def scores_of(model: nn.Module, inputs: dict[str, Tensor], dtype: torch.dtype) -> Tensor:
    """The logits of the model itself, with its products in `dtype`: (row, position, vocab)."""
    with torch.autocast(inputs["input_ids"].device.type, dtype, enabled=dtype != torch.float32):
        return model(**inputs, use_cache=False).logits


def forward_of(model: nn.Module, *, compiled: bool = False) -> Forward:
    """The fastest way to this model's logits; compiled ones pay on long runs, after half a minute of compiling."""
    quick = fused.fits(model)

    def way(model: Any, inputs: dict[str, Tensor], dtype: torch.dtype) -> Tensor:
        if quick and inputs.keys() == {"input_ids"}:
            return fused.logits(model, inputs["input_ids"], dtype)
        return scores_of(model, inputs, dtype)

    return torch.compile(way, dynamic=False) if compiled else way


def on_device(batch: Any, device: torch.device) -> Rows:
    """A Batch or Rows as tensors where the model is."""
    return batch.rows().each(lambda one: torch.from_numpy(np.asarray(one)).to(device))


def context_of(model: Any, context: int | None) -> int:
    """Tokens per sequence: as asked, else what the model was built for."""
    return context or getattr(model.config, "max_position_embeddings", None) or 64


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Dropout off, no gradients; the model's mode comes back after."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def evaluate(model: nn.Module, data: Any, *, split: str = "validation", batches: int = 4,
             context: int | None = None, dtype: torch.dtype = torch.float32,
             loss: Objective = TOKENS) -> Loss:  # fmt: skip
    """The loss on `batches` fixed batches of ROWS sequences of one split, the same ones at every call.

    Args:
        data: anything with `.batch(index, batch=, context=, seed=, split=)`, such as `labkit.text.dataset(...)`.
        context: tokens per sequence; None = what the model was built for.
        dtype: number type of the matrix products.
        loss: what is measured; `nats_per_token` is its mean, also where it has one term a row.

    Raises:
        TrainingError: no target counts in these batches.

    Law: a model that gives every token the same probability has log(vocab) nats (tests/training/test_loss.py).
    """
    context, device = context_of(model, context), next(model.parameters()).device
    total, count, forward = np.zeros(0), np.zeros(0), forward_of(model)
    each: list[np.ndarray] = []
    with evaluation(model):
        for index in range(batches):
            rows = on_device(data.batch(index, batch=ROWS, context=context, seed=0, split=split), device)
            for some in pieces(rows, max(1, AT_ONCE // context)):
                lost = loss.terms(lambda inputs: forward(model, inputs, dtype), some)
                asked = (some.targets.view(len(some), -1) != IGNORED).sum(1).clamp(min=1)
                each.append((lost.view(len(some), -1).sum(1) / asked).cpu().double().numpy())
                total = _added(total, lost.view(len(some), -1).cpu().double().sum(0).numpy())
                by_token = (some.targets != IGNORED).sum(0) if lost.numel() == some.targets.numel() else None
                count = _added(count, (loss.count(some)[None] if by_token is None else by_token).cpu().numpy())
    if not count.sum():
        raise TrainingError(f"no target counts in {batches} batches of the {split} split; give more batches")
    mean = total.sum() / count.sum()
    with np.errstate(invalid="ignore"):
        by_position = np.where(count > 0, total / count, np.nan)
    of_rows = np.concatenate(each)
    error = float(of_rows.std(ddof=1) / len(of_rows) ** 0.5) if len(of_rows) > 1 else float("nan")
    return Loss(mean, bits_per_byte(mean, data, split), int(count.sum()), by_position, error)


def bits_per_byte(nats_per_token: float, data: Any, split: str = "validation") -> float | None:
    """A mean loss per byte of text; None where tokens are not text.

    Law: a vocabulary that lacks most words gains nothing by it (tests/text/test_datasets.py).
    """
    size, lost = getattr(data, "bytes_per_token", None), getattr(data, "lost_share", None)
    if not size or not size(split):
        return None
    return nats_per_token / log(2) / size(split) + 8 * (lost(split) if lost else 0)


def pieces(rows: Rows, most: int) -> Iterator[Rows]:
    """The rows, at most so many at once."""
    for first in range(0, len(rows), most):
        yield rows.each(lambda one, first=first: one[first : first + most])


def _added(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Sums by position, the shorter filled up with 0: batches of examples differ in width."""
    shorter, longer = sorted((one, other), key=len)
    return longer + np.pad(shorter, (0, len(longer) - len(shorter)))
