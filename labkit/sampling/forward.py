"""Runners through a model's own forward: any causal model of transformers.

Reads   a causal model of transformers.
Gives   logits (batch, vocab) of the token that comes next.
Ignores what a faster way could leave out.

`CachedRunner` uses the model's own cache; `PlainRunner` has none and runs the whole text each time: slow, and the
oracle of all others.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def pad_left(rows: Sequence[Sequence[int]], device: Any) -> tuple[Tensor, Tensor]:
    """(batch, seq) ids that end together, and (batch, seq) 1 where a token is real."""
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(r)) + list(r) for r in rows], device=device)
    mask = torch.tensor([[0] * (longest - len(r)) + [1] * len(r) for r in rows], device=device)
    return ids, mask


class CachedRunner:
    """Any causal model of transformers, through its own forward and cache."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._mask = torch.empty(0)
        self._past: Any = None

    @torch.inference_mode()
    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        ids, self._mask = pad_left(prompts, self._model.device)
        self._past = None
        return self._run(ids, keep=1)[:, -1]

    @torch.inference_mode()
    def advance(self, tokens: Tensor, keep: int = 0) -> Tensor:
        tokens = tokens.to(self._mask.device)
        self._mask = torch.cat([self._mask, torch.ones_like(tokens, dtype=self._mask.dtype)], dim=1)
        return self._run(tokens, keep)

    def select(self, rows: Sequence[int]) -> None:
        index = torch.tensor(rows, device=self._mask.device)
        self._mask = self._mask[index]
        self._past.batch_select_indices(index)

    def crop(self, new: int) -> None:
        if new:
            self._mask = self._mask[:, :-new]
            self._past.crop(-new)

    def _run(self, ids: Tensor, keep: int) -> Tensor:
        positions = (self._mask.cumsum(-1) - 1).clamp_(min=0)[:, -ids.shape[1] :]
        out = self._model(input_ids=ids, attention_mask=self._mask, position_ids=positions,
                          past_key_values=self._past, use_cache=True, logits_to_keep=keep)  # fmt: skip
        self._past = out.past_key_values
        return out.logits


class PlainRunner:
    """Any causal model of transformers without a cache: each row alone, whole, at each step."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._rows: list[list[int]] = []

    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        self._rows = [list(p) for p in prompts]
        return self._run(1)[:, -1]

    def advance(self, tokens: Tensor, keep: int = 0) -> Tensor:
        for row, new in zip(self._rows, tokens.tolist(), strict=True):
            row.extend(new)
        return self._run(keep or tokens.shape[1])

    def select(self, rows: Sequence[int]) -> None:
        self._rows = [list(self._rows[r]) for r in rows]

    def crop(self, new: int) -> None:
        self._rows = [row[: len(row) - new] for row in self._rows]

    @torch.inference_mode()
    def _run(self, keep: int) -> Tensor:
        ids = [torch.tensor([row], device=self._model.device) for row in self._rows]
        return torch.cat([self._model(input_ids=row).logits[:, -keep:] for row in ids])
