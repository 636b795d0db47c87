"""Drafts: what guesses the next tokens, so that a model has only to check them.

Reads   a model that speaks the same tokens, or only the text so far.
Gives   guesses, and the distribution that each was drawn from, on the processor: there the guesses are judged.
Ignores whether the guesses stand.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import log
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from labkit.core.errors import ModelError, OptionError
from labkit.text.datasets import Batch

from .drawing import History, pick, shape
from .options import SampleOptions, make_options, whole
from .runners import make_runner


class Draft(Protocol):
    """What guesses the next tokens."""

    def guess(self, prompt: Sequence[int], drawn: Sequence[int], ahead: int, rng: Any) -> tuple[list[int], Tensor]:
        """Up to `ahead` tokens, and (guess, vocab) the distribution that each was drawn from."""
        ...


@dataclass(frozen=True)
class Shortlist:
    """The tokens that a small draft knows, numbered from 0; its last number stands for all others.

    A vocabulary cut to the tokens that come often is cheap to train and to ask. What the draft gives the others is
    shared out evenly among them, so its distribution is one over the model's whole vocabulary.

    Source: Zhao et al. 2025, "FR-Spec".
    Laws (tests/sampling/test_drafts.py): `widen` sums to 1; with every token on the list nothing changes.
    """

    ids: np.ndarray
    """(known,) the model's ids, rising"""
    vocab: int
    """of the model"""

    @classmethod
    def of(cls, tokens: Any, *, most: int, vocab: int) -> "Shortlist":
        """The `most` tokens that come most often among `tokens` (token,), ids of the model.

        Raises:
            OptionError: `most` leaves no token to know, or none for the others.
        """
        if not 1 <= whole("most", most) < vocab:
            raise OptionError(f"most={most} of {vocab:,} tokens; use 1 to {vocab - 1:,}")
        counts = np.bincount(np.asarray(tokens, np.int64), minlength=vocab)
        return cls(np.sort(np.argsort(-counts, kind="stable")[:most]), vocab)

    @property
    def size(self) -> int:
        """The draft's vocabulary: what it knows, and one number for the rest."""
        return len(self.ids) + 1

    def narrow(self, ids: Any) -> np.ndarray:
        """The model's ids in the draft's numbers; any shape."""
        return self._numbers[np.asarray(ids, np.int64)]

    def narrowed(self, source: Any) -> "Narrowed":
        """A dataset's batches in the draft's numbers, to train it on."""
        return Narrowed(source, self)

    def widen(self, logits: Tensor) -> Tensor:
        """(vocab,) log-probabilities of the model's tokens, from the draft's logits (size,)."""
        own = logits.float().log_softmax(-1)
        out = (own[-1] - log(self.vocab - len(self.ids))).repeat(self.vocab)
        out[torch.as_tensor(self.ids, device=own.device)] = own[:-1]
        return out

    @cached_property
    def _numbers(self) -> np.ndarray:
        numbers = np.full(self.vocab, len(self.ids), np.int64)
        numbers[self.ids] = np.arange(len(self.ids))
        return numbers


@dataclass(frozen=True)
class Narrowed:
    """A dataset whose batches are in a shortlist's numbers."""

    source: Any
    shortlist: Shortlist

    def batch(self, *asked: Any, **which: Any) -> Batch:
        """As the source's own."""
        return Batch(self.shortlist.narrow(self.source.batch(*asked, **which).ids))


class ModelDraft:
    """A smaller language model guesses, with the same strategies as the model.

    Args:
        lm: a LanguageModel, or a model of transformers alone.
        shortlist: the tokens that it knows, where they are fewer than the model's.
        **options: those of `speculate`.
    """

    def __init__(self, lm: Any, *, shortlist: Shortlist | None = None, **options: Any) -> None:
        model = lm.model if hasattr(lm, "tokenizer") else lm
        self._runner, self._options, self._shortlist = make_runner(model), make_options(**options), shortlist
        self._read: list[int] = []

    def guess(self, prompt: Sequence[int], drawn: Sequence[int], ahead: int, rng: Any) -> tuple[list[int], Tensor]:
        ids, rows = list(drawn), []
        logits = self._catch_up([*prompt, *drawn])
        while len(rows) < ahead:
            if rows:
                logits = self._feed(ids[-1:])
            rows.append(distribution(logits, prompt, ids, self._options))
            ids.append(pick_one(rows[-1], rng))
        return ids[len(drawn) :], torch.stack(rows) if rows else torch.empty((0, len(logits)))

    def chances(self, prompt: Sequence[int], drawn: Sequence[int]) -> Tensor:
        """(drawn, vocab) the distribution that it would have guessed each token of a finished text from."""
        self._read = []  # the runner forgets what it read
        rows = [self._runner.begin([self._own(list(prompt))])]
        if len(drawn) > 1:
            rows.append(self._runner.advance(torch.tensor([self._own(list(drawn[:-1]))]))[0])
        wide = map(self._wide, torch.cat(rows).cpu())
        return torch.stack([distribution(w, prompt, drawn[:at], self._options) for at, w in enumerate(wide)])

    def _catch_up(self, ids: list[int]) -> Tensor:
        """Forget guesses that were refused, read what the model drew instead; (vocab,) logits."""
        same = 0
        while same < min(len(ids) - 1, len(self._read)) and ids[same] == self._read[same]:
            same += 1
        if same == 0:
            self._read = list(ids)
            return self._wide(self._runner.begin([self._own(ids)])[0].cpu())
        self._runner.crop(len(self._read) - same)
        self._read = self._read[:same]
        return self._feed(ids[same:])

    def _feed(self, ids: list[int]) -> Tensor:
        self._read += ids
        return self._wide(self._runner.advance(torch.tensor([self._own(ids)]), keep=1)[0, -1].cpu())

    def _own(self, ids: list[int]) -> list[int]:
        return self._shortlist.narrow(ids).tolist() if self._shortlist else ids

    def _wide(self, logits: Tensor) -> Tensor:
        return self._shortlist.widen(logits) if self._shortlist else logits


class NgramDraft:
    """Guesses that the text goes on as it did when its last tokens stood there before; costs nothing.

    Source: Saxena 2023, "Prompt lookup decoding".
    """

    def __init__(self, vocab: int, longest: int = 3) -> None:
        self._vocab, self._longest = vocab, longest

    def guess(self, prompt: Sequence[int], drawn: Sequence[int], ahead: int, rng: Any) -> tuple[list[int], Tensor]:
        ids = [*prompt, *drawn]
        tokens = self._lookup(ids)[:ahead]
        sure = torch.zeros(len(tokens), self._vocab)
        sure[range(len(tokens)), tokens] = 1.0
        return tokens, sure

    def _lookup(self, ids: list[int]) -> list[int]:
        """What followed the newest earlier place of the longest run that ends the text."""
        for size in range(min(self._longest, len(ids) - 1), 0, -1):
            ending = ids[-size:]
            for start in range(len(ids) - size - 1, -1, -1):
                if ids[start : start + size] == ending:
                    return ids[start + size :]
        return []


def first_layers(lm: Any, count: int) -> Any:
    """A draft that is the model's own first layers under its own last norm and head; it shares their weights.

    Raises:
        ModelError: the model is no plain Llama.
        OptionError: there are not so many layers.
    """
    from transformers import LlamaForCausalLM

    if type(lm.model) is not LlamaForCausalLM:
        raise ModelError(f"{type(lm.model).__name__} cannot be cut by layers here; use a LlamaForCausalLM")
    layers = lm.model.config.num_hidden_layers
    if not 1 <= whole("count", count) <= layers:
        raise OptionError(f"count={count}, but the model has {layers} layers; use 1 to {layers}")
    config = copy.deepcopy(lm.model.config)
    config.num_hidden_layers = count
    with torch.device("meta"):
        model = LlamaForCausalLM(config).eval()
    model.model.embed_tokens, model.model.norm = lm.model.model.embed_tokens, lm.model.model.norm
    model.model.rotary_emb, model.lm_head = lm.model.model.rotary_emb, lm.model.lm_head
    model.model.layers = lm.model.model.layers[:count]
    return replace(lm, name=f"{lm.name}, first {count} layers", model=model, **_card(lm, model, count))


def _card(lm: Any, model: Any, count: int) -> dict[str, Any]:
    """The facts that change with the layers, where a model has a card."""
    if not hasattr(lm, "card"):
        return {}
    sizes = [(p.numel(), p.nbytes) for p in model.parameters()]
    parameters, held = map(sum, zip(*sizes, strict=True))
    return {"card": replace(lm.card, layers=count, parameters=parameters, memory_gb=held / 1e9)}


def pick_one(weights: Tensor, rng: Any) -> int:
    """A token drawn by weights (vocab,)."""
    return int(pick(weights[None], torch.tensor([rng.random()], dtype=torch.float64)))


def distribution(logits: Tensor, prompt: Sequence[int], drawn: Sequence[int], options: SampleOptions) -> Tensor:
    """(vocab,) what the strategies leave of logits (vocab,)."""
    return shape(logits[None].float(), History([prompt], [drawn]), options).softmax(-1)[0]
