"""Likelihood: how probable a model finds given continuations.

    found = score(lm, "The capital of France is", [" Paris", " Rome"])
    found.total, found.mean, found.tokens            # (continuation,) nats, nats a token, tokens
    found.logprobs[0]                                # (token,) of the first one
    pairs = list(product(prompts, labels))           # each label after each prompt
    score(lm, *zip(*pairs)).total.reshape(len(prompts), -1)

Reads   a LanguageModel, prompts, continuations.
Gives   Scored.
Ignores which continuation is right.

Prompt and continuation are read as one text, as the model would meet it. The continuation's tokens are those from the
first in which this text differs from the prompt alone. Mostly that is the border. Where a token reaches across it
("is " + "Paris" is written " is", " Paris"), that token counts as a whole to the continuation, and `merged` says so:
compare such a number only with numbers that merged alike, or move the space into the continuation.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import numpy as np

from labkit.core.errors import ModelError, OptionError, ShapeError, TextError

from .language_model import LanguageModel, require_finite, require_model
from .prediction import read_ids

BATCH = 32
TOKENS = 8192
"""Tokens of one pass at most, beginnings that are shared counted once."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Log-probabilities of continuations, in the order in which they were given."""

    prompts: tuple[str, ...]
    """(continuation,)"""
    continuations: tuple[str, ...]
    logprobs: tuple[np.ndarray, ...] = field(repr=False)
    """(continuation,)(token,) nats"""
    ids: tuple[tuple[int, ...], ...] = field(repr=False)
    """(continuation,)(token,)"""
    merged: np.ndarray
    """(continuation,) bool: a token reaches across the border, and counts to the continuation"""

    @property
    def total(self) -> np.ndarray:
        """(continuation,) log-probability of the whole, nats."""
        return np.array([row.sum() for row in self.logprobs])

    @property
    def tokens(self) -> np.ndarray:
        """(continuation,) how many tokens it is."""
        return np.array([len(row) for row in self.logprobs])

    @property
    def mean(self) -> np.ndarray:
        """(continuation,) nats a token."""
        return self.total / self.tokens


def score(
    lm: LanguageModel, prompts: str | Sequence[str], continuations: Sequence[str], *, batch: int = BATCH
) -> Scored:
    """Log-probabilities of many continuations; what texts share at their beginning is computed once.

    Args:
        prompts: one for all continuations, or one for each; an empty one is the start token.
        continuations: with the space that they begin with, as they stand in a text: " Paris".
        batch: texts in one pass at most.

    Raises:
        ShapeError: not one prompt for each continuation.
        OptionError: no continuation, or batch below 1.
        TextError: an empty continuation, one that adds no token, or a text longer than the model's context.
        ModelError: the model does not continue texts, or gave numbers that are not finite.

    Laws (tests/models/test_likelihood.py): equals one plain pass over each text alone, on models of many kinds;
    neither neighbours nor padding change a number.
    """
    require_model(lm)
    if lm.card.kind != "decoder-only":
        raise ModelError(
            f"{lm.name!r} is {lm.card.kind} and continues no text; use a decoder-only one of lab.catalog()"
        )
    if isinstance(continuations, str) or not continuations or batch < 1:
        raise OptionError(f"continuations={continuations!r}, batch={batch}: give a list of one or more, and 1 or more")
    prompts = [prompts] * len(continuations) if isinstance(prompts, str) else list(prompts)
    if len(prompts) != len(continuations):
        count = f"{len(prompts)} prompts were given for {len(continuations)} continuations"
        raise ShapeError(f"{count}; give one for each, or one for all")
    texts = [read_pair(lm, *pair) for pair in zip(prompts, continuations, strict=True)]
    found: dict[int, np.ndarray] = {}
    beginning = _Beginning(lm.model)
    for part in _parts(texts, batch):
        found.update(zip(part, _logprobs(lm, beginning, [texts[n] for n in part]), strict=True))
    return Scored(
        tuple(prompts), tuple(continuations), tuple(found[n] for n in range(len(texts))),
        tuple(text.ids[text.border :] for text in texts), np.array([text.merged for text in texts]),
    )  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """A prompt and its continuation as one text."""

    ids: tuple[int, ...]
    border: int
    """number of the continuation's first token; at least 1, since nothing predicts token 0"""
    merged: bool


def read_pair(lm: LanguageModel, prompt: str, continuation: str) -> Pair:
    """Both as one text, and where the continuation begins."""
    if not continuation:
        raise TextError(f"the continuation of {prompt[-40:]!r} is empty; give one or more characters, such as ' yes'")
    alone, whole = (read_ids(lm.tokenizer, text) for text in (prompt, prompt + continuation))
    border = in_common(alone, whole)
    if border == len(whole):
        raise TextError(f"{continuation!r} adds no token to {prompt[-40:]!r}; write characters of the vocabulary")
    merged = bool(prompt) and border < len(alone)
    if border == 0:  # nothing stands before it
        start = read_ids(lm.tokenizer, "")
        whole, border = [*start, *whole], len(start)
    if lm.card.context and len(whole) > lm.card.context:
        raise TextError(
            f"a text of {len(whole):,} tokens does not fit the {lm.card.context:,} of {lm.name}; shorten it"
        )
    return Pair(tuple(whole), border, merged)


def in_common(*rows: Sequence[int]) -> int:
    """How many ids all rows begin with in common."""
    first, last = min(map(tuple, rows)), max(map(tuple, rows))  # what these two share, all between them share too
    return next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))


def _parts(texts: Sequence[Pair], batch: int) -> Iterator[list[int]]:
    """Numbers of texts for one pass; texts that begin alike stand together."""
    order = sorted(range(len(texts)), key=lambda n: texts[n].ids)
    part: list[int] = []
    for n in order:
        shared = in_common(texts[part[0]].ids, texts[n].ids) if part else 0
        longest = max(len(texts[m].ids) for m in [*part, n]) - shared
        if part and (len(part) == batch or longest * (len(part) + 1) > TOKENS):
            yield part
            part = []
        part.append(n)
    yield part


class _Beginning:
    """The cache of what the last texts began with."""

    def __init__(self, model: Any) -> None:
        self.model, self.ids = model, ()
        self.cache: Any = None
        self.caches = bool(getattr(model.config, "use_cache", False))

    def rows(self, ids: tuple[int, ...], count: int) -> Any:
        """The cache after these ids, once for each row; None where the model keeps none."""
        import torch

        if not ids or not self.caches:
            return None
        past: Any = self.cache
        kept = in_common(self.ids, ids)
        if kept < len(self.ids):  # part of it only
            plain = all(type(layer).__name__ == "DynamicLayer" for layer in past.layers)
            kept = kept if plain else 0
            if kept:
                past.crop(kept - len(self.ids))
        if kept < len(ids):
            given = torch.tensor([ids[kept:]], device=self.model.device)
            more = {"past_key_values": past} if kept else {}
            out = self.model(input_ids=given, use_cache=True, **more, **_last(self.model, 1))
            past = getattr(out, "past_key_values", None)
        self.caches, self.ids, self.cache = hasattr(past, "batch_repeat_interleave"), ids, past
        if not self.caches:
            return None
        cache = copy.deepcopy(past)
        cache.batch_repeat_interleave(count)
        return cache


def _last(model: Any, count: int) -> dict[str, int]:
    """What makes a model compute the logits of its last tokens alone, where it can: they are most of the memory."""
    return {"logits_to_keep": count} if "logits_to_keep" in signature(model.forward).parameters else {}


def _logprobs(lm: LanguageModel, beginning: _Beginning, texts: Sequence[Pair]) -> list[np.ndarray]:
    """(text,)(token,) of the continuations; padding follows each text, where nothing looks."""
    import torch

    with torch.inference_mode():
        first = min(text.border for text in texts)
        shared = min(in_common(texts[0].ids, texts[-1].ids), first - 1)  # they are sorted: the ends suffice
        cache = beginning.rows(texts[0].ids[:shared], len(texts))
        shared = shared if cache is not None else 0
        most = max(len(text.ids) for text in texts)
        rows = [[*text.ids[shared:], *[text.ids[-1]] * (most - len(text.ids))] for text in texts]
        more = {"past_key_values": cache, "use_cache": True} if cache is not None else {}
        needed = most - first + 1
        out = lm.model(input_ids=torch.tensor(rows, device=lm.model.device), **more, **_last(lm.model, needed))
        logits = out.logits[:, -needed:]  # (text, token, vocab)
        found = []
        for row, text in enumerate(texts):
            ids = torch.tensor(text.ids[text.border :], device=logits.device)
            at = logits[row, text.border - first : len(text.ids) - first].float().log_softmax(-1)
            found.append(at.gather(-1, ids[:, None])[:, 0].cpu().numpy())
    require_finite(np.concatenate(found), lm.name)
    return found
