"""Runners: a model that is fed tokens and gives logits, and remembers what it was fed.

Reads   a causal model of transformers.
Gives   logits (batch, vocab) of the token that comes next.
Ignores how that token is chosen.

The one place where a way through the model is chosen: `forward` serves any causal model, `llama` is the fast one for
the Llama layout, `PrefixCache` keeps what was read from one call to the next.
Law: all of them give the same logits to 1e-4 (tests/sampling/test_runners.py).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from labkit.core.errors import ModelError, OptionError
from labkit.models import require_model
from labkit.models.likelihood import in_common

from .forward import CachedRunner, PlainRunner
from .llama import LlamaRunner, fits

SHARED = 8
"""Tokens from which it pays to read a common beginning apart."""


class Runner(Protocol):
    """What the loop needs of a model."""

    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """Forget all, read the prompts; (batch, vocab) logits after each."""
        ...

    def advance(self, tokens: Tensor, keep: int = 0) -> Tensor:
        """Feed (batch, new) tokens; (batch, keep, vocab) logits after the last `keep` of them, 0 = after each."""
        ...

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows of the batch, in this order; a row named twice is doubled."""
        ...

    def crop(self, new: int) -> None:
        """Forget the newest `new` tokens of every row."""
        ...


def make_runner(model: Any, *, cache: Any = True) -> Runner:
    """The fastest runner that gives this model's logits.

    Args:
        cache: False = without a cache; a PrefixCache = that one.

    Raises:
        ModelError: the model does not predict the next token.
        OptionError: the PrefixCache is another model's.
    """
    if getattr(model.config, "is_encoder_decoder", False) or not model.can_generate():
        name = type(model).__name__
        raise ModelError(f"{name} does not continue a text; load a causal language model, such as a ...ForCausalLM")
    if isinstance(cache, PrefixCache):
        return cache.of(model)
    kept = getattr(model, "_supports_cache_class", True) and not getattr(model, "_is_stateful", False)
    if not cache or not getattr(model.config, "use_cache", True) or not kept:  # the state of a Mamba cannot be cut
        return PlainRunner(model)
    return LlamaRunner(model) if fits(model) else CachedRunner(model)


def read_together(runner: Runner, rows: Sequence[Sequence[int]], shared: int | None = None) -> Tensor:
    """(row, vocab) logits after each row; what rows of one length begin with in common is read once.

    Args:
        shared: how much of it; None = all. Another number rounds otherwise.
    """
    keep = int(shared is None)  # what a caller divides is read as it always was, to the last bit
    shared = min(in_common(*rows) if shared is None else shared, len(rows[0]) - 1)
    if len(rows) == 1 or shared < SHARED or len(set(map(len, rows))) > 1:
        return runner.begin(rows)
    runner.begin([rows[0][:shared]])
    runner.select([0] * len(rows))
    return runner.advance(torch.tensor([list(row[shared:]) for row in rows]), keep=keep)[:, -1]


class PrefixCache:
    """Keys and values kept from one call to the next: where a text begins as an earlier one did, only the rest is read.

        kept = PrefixCache(lm)
        answer = sample(lm, messages, cache=kept)       # reads all
        messages += [..., {"role": "user", "content": "And why?"}]
        answer = sample(lm, messages, cache=kept)       # reads the question

    A change of the model's weights, or a hook on one of its modules, is seen, and then all is read again.

    Raises:
        ModelError: `lm` is no LanguageModel, or does not continue texts.

    Laws (tests/sampling/test_control.py): the texts are those without it, turn after turn; a change of the weights is
    seen; it reads what is new and no more.
    """

    def __init__(self, lm: Any) -> None:
        require_model(lm)
        self._model, self._runner, self._state = lm.model, make_runner(lm.model), _state(lm.model)
        self._rows: list[list[int]] = []
        self.read = 0
        """tokens that had to be read of the newest prompt"""

    def of(self, model: Any) -> "PrefixCache":
        """This cache, if it is one of this model.

        Raises:
            OptionError: it is another's.
        """
        if model is not self._model:
            raise OptionError("this PrefixCache was made of another model; make one of this: PrefixCache(lm)")
        return self

    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """As a Runner; of one prompt only what no kept row begins with is read."""
        now = _state(self._model)
        if now != self._state:
            self._runner, self._state, self._rows = make_runner(self._model), now, []
        same = [in_common(row, prompts[0][:-1]) for row in self._rows]
        kept, best = (max(same), same.index(max(same))) if same else (0, 0)
        rest, forget = prompts[0][kept:], len(self._rows[best]) - kept if same else 0
        if len(prompts) > 1 or not kept or not self._goes_back_to(best, forget):
            self._rows, self.read = [list(prompt) for prompt in prompts], sum(map(len, prompts))
            return self._runner.begin(prompts)
        self._rows, self.read = [list(prompts[0])], len(rest)
        return self._runner.advance(torch.tensor([list(rest)]), keep=1)[:, -1]

    def _goes_back_to(self, row: int, forget: int) -> bool:
        """Whether the model's cache could be brought back to a beginning of this row; not all can forget."""
        try:
            self._runner.select([row])
            self._runner.crop(forget)
        except (ValueError, NotImplementedError, AttributeError):
            return False
        return True

    def advance(self, tokens: Tensor, keep: int = 0) -> Tensor:
        """As a Runner."""
        for row, new in zip(self._rows, tokens.tolist(), strict=True):
            row.extend(new)
        return self._runner.advance(tokens, keep)

    def select(self, rows: Sequence[int]) -> None:
        """As a Runner."""
        self._rows = [list(self._rows[row]) for row in rows]
        self._runner.select(rows)

    def crop(self, new: int) -> None:
        """As a Runner."""
        self._rows = [row[: len(row) - new] for row in self._rows]
        self._runner.crop(new)


def _state(model: Any) -> tuple:
    """What changes when a model computes something else: its parameters, some of their numbers, its hooks."""
    weights = list(model.parameters())
    some = [w.detach().reshape(-1)[:: max(1, w.numel() // 64)].float().sum() for w in weights]
    hooks = [key for m in model.modules() for key in (*m._forward_hooks, *m._forward_pre_hooks)]
    return tuple((id(w), w._version) for w in weights), tuple(hooks), tuple(torch.stack(some).tolist())
