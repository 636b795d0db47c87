"""Runners: a model that is fed tokens and gives logits, and remembers what it was fed.

Reads   a causal model of transformers.
Gives   logits (batch, vocab) of the token that comes next.
Ignores how that token is chosen.

`CachedRunner` serves any causal model through its own forward and its own cache; `PlainRunner` has no cache and
runs the whole text each time: slow, and the oracle; `labkit.sampling.llama` is the fast one for the Llama layout.
Law: all of them give the same logits to 1e-4 (tests/sampling/test_runners.py).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from labkit.core.errors import ModelError


class Runner(Protocol):
    """What the loop needs of a model."""

    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """Forget all, read the prompts; (batch, vocab) logits after each."""
        ...

    def advance(self, tokens: Tensor) -> Tensor:
        """Feed (batch, new) tokens; (batch, new, vocab) logits after each."""
        ...

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows of the batch, in this order; a row named twice is doubled."""
        ...

    def crop(self, new: int) -> None:
        """Forget the newest `new` tokens of every row."""
        ...


def make_runner(model: Any, *, cache: bool = True) -> Runner:
    """The fastest runner that gives this model's logits.

    Raises:
        ModelError: the model does not predict the next token.
    """
    if getattr(model.config, "is_encoder_decoder", False) or not hasattr(model, "get_output_embeddings"):
        raise ModelError(f"{type(model).__name__} does not continue a text; load a causal language model")
    if not cache:
        return PlainRunner(model)
    if not getattr(model.config, "use_cache", True) or not getattr(model, "_supports_cache_class", True):
        return PlainRunner(model)
    from .llama import LlamaRunner, fits

    return LlamaRunner(model) if fits(model) else CachedRunner(model)


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
    def advance(self, tokens: Tensor) -> Tensor:
        self._mask = torch.cat([self._mask, torch.ones_like(tokens, dtype=self._mask.dtype)], dim=1)
        return self._run(tokens, keep=0)

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

    def advance(self, tokens: Tensor) -> Tensor:
        for row, new in zip(self._rows, tokens.tolist(), strict=True):
            row.extend(new)
        return self._run(tokens.shape[1])

    def select(self, rows: Sequence[int]) -> None:
        self._rows = [list(self._rows[r]) for r in rows]

    def crop(self, new: int) -> None:
        self._rows = [row[: len(row) - new] for row in self._rows]

    @torch.inference_mode()
    def _run(self, keep: int) -> Tensor:
        ids = [torch.tensor([row], device=self._model.device) for row in self._rows]
        return torch.cat([self._model(input_ids=row).logits[:, -keep:] for row in ids])
