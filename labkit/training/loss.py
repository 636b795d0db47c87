"""The loss of next-token prediction, and a look at held-out text.

Reads   batches: ids (batch, context + 1), and a mask (batch, context) where only some targets count.
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
from torch import nn
from torch.nn import functional as F

from ..core.errors import TrainingError
from . import fused

IGNORED = -100
"""The target of a position that does not count."""
AT_ONCE = 2048
"""Tokens scored in one pass of an evaluation, so that looking needs no more memory than training."""
Forward = Callable[[Any, torch.Tensor, torch.dtype], torch.Tensor]
"""(model, ids (batch, context), number type) -> logits (batch × context, vocab)"""


@dataclass(frozen=True)
class Loss:
    """How well a model predicts a text."""

    nats_per_token: float
    """Mean of -log p(next token)."""
    bits_per_byte: float | None
    """The same per byte of text, in bits, so that tokenizers can be compared; None where tokens are not text."""
    tokens: int
    """How many predictions were scored."""
    by_position: np.ndarray
    """(context,) nats per token at each position; nan where none was scored."""


def inputs_and_targets(ids: torch.Tensor, mask: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """What the model reads and what it must say: the same text, shifted by one.

    Args:
        ids: (batch, context + 1).
        mask: (batch, context) bool, True where the target counts; None = everywhere.
    """
    inputs, targets = ids[:, :-1], ids[:, 1:]  # (batch, context) both
    if mask is not None:
        targets = targets.masked_fill(~mask, IGNORED)
    return inputs, targets


def scores_of(model: nn.Module, ids: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The logits of the model itself, with its products in `dtype`: (batch × context, vocab)."""
    with torch.autocast(ids.device.type, dtype, enabled=dtype != torch.float32):
        return model(input_ids=ids, use_cache=False).logits.flatten(0, 1)


def forward_of(model: nn.Module, *, compiled: bool = False) -> Forward:
    """The fastest way to this model's logits; compiled ones pay on long runs, after half a minute of compiling."""
    way = fused.logits if fused.fits(model) else scores_of
    return torch.compile(way, dynamic=False) if compiled else way


def nats(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, *, dtype: torch.dtype = torch.float32,
         forward: Forward | None = None) -> torch.Tensor:  # fmt: skip
    """-log p(target) at each position: (batch × context,), 0 where the target does not count.

    Args:
        dtype: number type of the matrix products; the loss itself is float32.
        forward: from `forward_of`; None = the fastest one that needs no compiling.
    """
    scores = (forward or forward_of(model))(model, inputs, dtype)  # (batch × context, vocab)
    return F.cross_entropy(scores.float(), targets.flatten(), ignore_index=IGNORED, reduction="none")


def on_device(batch: Any, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets of a Batch as tensors where the model is."""
    ids = torch.from_numpy(np.asarray(batch.ids)).to(device)
    mask = None if batch.mask is None else torch.from_numpy(np.asarray(batch.mask)).to(device)
    return inputs_and_targets(ids, mask)


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


def evaluate(model: nn.Module, data: Any, *, split: str = "validation", batches: int = 4, batch: int = 64,
             context: int | None = None, dtype: torch.dtype = torch.float32) -> Loss:  # fmt: skip
    """The loss on `batches` fixed batches of one split, the same ones at every call.

    Args:
        data: anything with `.batch(index, batch=, context=, seed=, split=)`, such as `labkit.text.dataset(...)`.
        context: tokens per sequence; None = what the model was built for.
        dtype: number type of the matrix products.

    Raises:
        TrainingError: no target counts in these batches.

    Law: a model that gives every token the same probability has log(vocab) nats (tests/training/test_loss.py).
    """
    context, device = context_of(model, context), next(model.parameters()).device
    total, count, rows = np.zeros(context), np.zeros(context), max(1, AT_ONCE // context)
    with evaluation(model):
        for index in range(batches):
            inputs, targets = on_device(data.batch(index, batch=batch, context=context, seed=0, split=split), device)
            for some, their in zip(inputs.split(rows), targets.split(rows), strict=True):
                lost = nats(model, some, their, dtype=dtype).view(some.shape)  # (rows, context)
                total += lost.double().sum(0).cpu().numpy()
            count += (targets != IGNORED).sum(0).cpu().numpy()
    if not count.sum():
        raise TrainingError(f"no target counts in {batches} batches of the {split} split; give more batches")
    mean = total.sum() / count.sum()
    with np.errstate(invalid="ignore"):
        by_position = np.where(count > 0, total / count, np.nan)
    size = getattr(data, "bytes_per_token", None)
    return Loss(mean, mean / log(2) / size(split) if size else None, int(count.sum()), by_position)
