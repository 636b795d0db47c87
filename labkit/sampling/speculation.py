"""Speculative decoding: a cheap draft guesses some tokens ahead, the model checks them all in one pass.

Reads   a LanguageModel, a draft, one prompt.
Gives   Speculation: the text, and how many guesses of each round were accepted.
Ignores where the draft comes from.

A guess drawn from the draft's distribution q is accepted with probability min(1, p/q), where p is the model's; at the
first refusal the token is drawn from what p has more than q, and the round ends. If all are accepted, one token more
is drawn from p. The text then follows p exactly, however bad the draft; only the speed depends on it.

Sources: Leviathan, Kalman & Matias 2023; Chen et al. 2023.
Laws (tests/sampling/test_speculation.py): token frequencies follow the model's distribution for good and bad drafts
(chi-square); temperature 0 gives the greedy text; the model as its own draft is always accepted.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from labkit.core.errors import ModelError, OptionError
from labkit.core.results import Samples
from labkit.core.seeds import derive

from .beams import one_prompt
from .drawing import History, pick, shape
from .options import SampleOptions, make_options, whole
from .prompts import Decoder, Prompt, context_length, end_tokens
from .runners import Runner, make_runner


@dataclass(frozen=True)
class Speculation:
    """A text drawn with a draft's help."""

    samples: Samples
    """one text"""
    guessed: tuple[int, ...]
    """(round,) tokens that the draft guessed"""
    accepted: tuple[int, ...]
    """(round,) how many of them stood"""

    @property
    def rate(self) -> float:
        """Accepted guesses over guesses."""
        return sum(self.accepted) / max(sum(self.guessed), 1)

    @property
    def tokens_per_pass(self) -> float:
        """Tokens for each pass through the model; 1 without a draft."""
        return len(self.samples.ids[0]) / len(self.guessed)


class Draft(Protocol):
    """What guesses the next tokens."""

    def guess(self, prompt: Sequence[int], drawn: Sequence[int], ahead: int, rng: Any) -> tuple[list[int], Tensor]:
        """Up to `ahead` tokens, and (guess, vocab) the distribution that each was drawn from."""
        ...


class ModelDraft:
    """A smaller language model guesses, with the same strategies as the model."""

    def __init__(self, lm: Any, **options: Any) -> None:
        self._runner, self._options, self._read = make_runner(lm.model), make_options(**options), []

    def guess(self, prompt: Sequence[int], drawn: Sequence[int], ahead: int, rng: Any) -> tuple[list[int], Tensor]:
        ids, rows = list(drawn), []
        logits = self._catch_up([*prompt, *drawn])
        while len(rows) < ahead:
            if rows:
                logits = self._feed(ids[-1:])
            rows.append(_distribution(logits, prompt, ids, self._options))
            ids.append(_pick(rows[-1], rng))
        return ids[len(drawn) :], torch.stack(rows) if rows else logits.new_empty((0, len(logits)))

    def _catch_up(self, ids: list[int]) -> Tensor:
        """Forget guesses that were refused, read what the model drew instead; (vocab,) logits."""
        same = 0
        while same < min(len(ids) - 1, len(self._read)) and ids[same] == self._read[same]:
            same += 1
        if same == 0:
            self._read = list(ids)
            return self._runner.begin([ids])[0]
        self._runner.crop(len(self._read) - same)
        self._read = self._read[:same]
        return self._feed(ids[same:])

    def _feed(self, ids: list[int]) -> Tensor:
        self._read += ids
        return self._runner.advance(torch.tensor([ids]))[0, -1]


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


def speculate(
    lm: Any, prompt: Any, *, draft: Draft, ahead: int = 4, max_tokens: int = 64, seed: int = 0, **options: Any,
) -> Speculation:  # fmt: skip
    """Draw one text, with a draft that guesses `ahead` tokens at a time.

    Args:
        draft: ModelDraft(small, **the same options), or NgramDraft(vocab).
        ahead: guesses in each round.
        **options: the fields of SampleOptions that shape the distribution; not regex, grammar, overflow.

    The seed gives another text than `sample`'s: the random numbers are used otherwise. The distribution is the same.

    Raises:
        OptionError: an option is out of its range or cannot be had here.
    """
    asked, start = make_options(**options), one_prompt(lm, prompt)
    ahead, max_tokens = whole("ahead", ahead), whole("max_tokens", max_tokens)
    if asked.regex or asked.grammar or asked.overflow == "slide":
        raise OptionError("speculate takes no regex, grammar or overflow='slide'; use sample for these")
    eos = end_tokens(lm) if asked.stop_at_eos else frozenset()
    text = _Text(start, asked, np.random.Generator(np.random.PCG64(derive(seed, "speculate", start.ids))))
    room = context_length(lm.model) - len(start.ids)
    most = min(max_tokens, room)
    runner = make_runner(lm.model)
    first = runner.begin([start.ids])  # (1, vocab)
    while len(text.ids) < most and not (text.ids and text.ids[-1] in eos):
        guesses, chances = draft.guess(start.ids, text.ids, min(ahead, most - len(text.ids) - 1), text.rng)
        rows = _read(runner, first, [*text.ids[-1:], *guesses], not text.ids)  # (guess + 1, vocab)
        new = _check(rows, guesses, chances, text)
        runner.crop(len(guesses) - (len(new) - 1))
        text.rounds.append((len(guesses), len(new) - 1))
        new = _until(new, eos)
        own = rows.float().log_softmax(-1)
        text.logprobs += [float(own[place, token]) for place, token in enumerate(new)]
        text.ids += new
    return text.result(lm, "eos" if text.ids[-1] in eos else "length" if len(text.ids) == max_tokens else "context")


@dataclass
class _Text:
    """A text that grows by rounds."""

    prompt: Prompt
    options: SampleOptions
    rng: Any
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    rounds: list[tuple[int, int]] = field(default_factory=list)
    """(guessed, accepted)"""

    def result(self, lm: Any, ended: str) -> Speculation:
        """What came out."""
        decoder = Decoder(lm.tokenizer)
        samples = Samples(
            prompts=(self.prompt.text,),
            texts=(decoder.text(self.ids, self.prompt.ids),),
            tokens=(tuple(map(decoder.token, self.ids)),),
            ids=(tuple(self.ids),),
            logprobs=(np.array(self.logprobs, dtype=np.float32),),
            ended=(ended,),
        )
        return Speculation(samples, tuple(g for g, _ in self.rounds), tuple(a for _, a in self.rounds))


def _read(runner: Runner, first: Tensor, ids: list[int], begins: bool) -> Tensor:
    """(place, vocab) logits after each of the ids; in the first round, after the prompt too."""
    if not ids:
        return first
    rows = runner.advance(torch.tensor([ids], device=first.device))[0]
    return torch.cat([first, rows]) if begins else rows


def _check(rows: Tensor, guesses: list[int], chances: Tensor, text: _Text) -> list[int]:
    """The guesses that stand, and one token more."""
    new: list[int] = []
    for place, guess in enumerate([*guesses, -1]):
        p = _distribution(rows[place], text.prompt.ids, [*text.ids, *new], text.options)
        if guess < 0:
            return [*new, _pick(p, text.rng)]
        q = chances[place]
        if text.rng.random() * float(q[guess]) >= float(p[guess]):
            more = (p - q).clamp_(min=0)
            return [*new, _pick(more if float(more.sum()) > 0 else p, text.rng)]  # p may equal q to rounding
        new.append(guess)
    raise AssertionError("the last place always returns")


def _pick(weights: Tensor, rng: Any) -> int:
    return int(pick(weights[None], torch.tensor([rng.random()], dtype=torch.float64)))


def _distribution(logits: Tensor, prompt: Sequence[int], drawn: Sequence[int], options: SampleOptions) -> Tensor:
    """(vocab,) what the strategies leave of logits (vocab,)."""
    return shape(logits[None].float(), History([prompt], [drawn]), options).softmax(-1)[0]


def _until(ids: list[int], eos: frozenset[int]) -> list[int]:
    """Up to the first end token, with it."""
    for place, token in enumerate(ids):
        if token in eos:
            return ids[: place + 1]
    return ids
