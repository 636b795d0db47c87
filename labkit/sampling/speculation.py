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

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labkit.core.errors import OptionError
from labkit.core.results import Samples
from labkit.core.seeds import derive
from labkit.models.language_model import context_length

from .beams import one_prompt
from .drafts import Draft, distribution, pick_one
from .options import SampleOptions, make_options, whole
from .prompts import Decoder, Prompt, end_tokens
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
    def acceptance(self) -> float:
        """Accepted guesses over those looked at, which those after a refusal are not; nan where none was.

        It estimates the mean of sum(min(p, q)).
        """
        looked_at = sum(min(a + 1, g) for g, a in zip(self.guessed, self.accepted, strict=True))
        return sum(self.accepted) / looked_at if looked_at else float("nan")

    @property
    def tokens_per_pass(self) -> float:
        """Tokens for each pass through the model; 1 without a draft."""
        return len(self.samples.ids[0]) / len(self.guessed)


def speculate(
    lm: Any, prompt: Any, *, draft: Draft, ahead: int = 4, max_tokens: int = 64, seed: int = 0, **options: Any,
) -> Speculation:  # fmt: skip
    """Draw one text, with a draft that guesses `ahead` tokens at a time.

    Args:
        draft: ModelDraft(small, **the same options), or NgramDraft(vocab).
        ahead: guesses in each round.
        **options: the fields of SampleOptions that shape the distribution, and stop_at_eos.

    The seed gives another text than `sample`'s: the random numbers are used otherwise. The distribution is the same.

    Raises:
        OptionError: an option is out of its range or cannot be had here.
    """
    asked, start = make_options(**options), one_prompt(lm, prompt)
    ahead, max_tokens = whole("ahead", ahead), whole("max_tokens", max_tokens)
    if asked.ruled or asked.prefix or asked.overflow == "slide":
        raise OptionError("speculate takes no regex, grammar, schema, prefix or overflow='slide'; use sample for these")
    eos = end_tokens(lm) if asked.stop_at_eos else frozenset()
    text = _Text(start, asked, np.random.Generator(np.random.PCG64(derive(seed, "speculate", start.ids))))
    room = context_length(lm.model) - len(start.ids)
    most = min(max_tokens, room)
    runner = make_runner(lm.model)
    first = runner.begin([start.ids])  # (1, vocab)
    while len(text.ids) < most and not (text.ids and text.ids[-1] in eos):
        guesses, chances = draft.guess(start.ids, text.ids, min(ahead, most - len(text.ids) - 1), text.rng)
        rows = _read(runner, first, [*text.ids[-1:], *guesses], not text.ids).float().cpu()  # (guess + 1, vocab)
        new = _check(rows, guesses, chances, text)
        runner.crop(len(guesses) - (len(new) - 1))
        text.rounds.append((len(guesses), len(new) - 1))
        new = _until(new, eos)
        own = rows.log_softmax(-1)
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
    rows = runner.advance(torch.tensor([ids]))[0]
    return torch.cat([first, rows]) if begins else rows


def _check(rows: Tensor, guesses: list[int], chances: Tensor, text: _Text) -> list[int]:
    """The guesses that stand, and one token more."""
    new: list[int] = []
    for place, guess in enumerate(guesses):
        p = distribution(rows[place], text.prompt.ids, [*text.ids, *new], text.options)
        new.append(settle(guess, p, chances[place], text.rng))
        if new[-1] != guess:
            return new
    return [*new, pick_one(distribution(rows[-1], text.prompt.ids, [*text.ids, *new], text.options), text.rng)]


def settle(guess: int, p: Tensor, q: Tensor, rng: Any) -> int:
    """The token that comes of one guess: the guess, or one of those that the draft guesses too rarely.

    Args:
        guess: drawn from q.
        p: (vocab,) the model's distribution.
        q: (vocab,) the draft's.
        rng: a numpy Generator.

    Laws: the token follows p, and is the guess with probability sum(min(p, q)) (tests/sampling/test_speculation.py).
    """
    if rng.random() * float(q[guess]) < float(p[guess]):
        return guess
    more = (p - q).clamp_(min=0)
    return pick_one(more if float(more.sum()) > 0 else p, rng)  # p may equal q to rounding


def _until(ids: list[int], eos: frozenset[int]) -> list[int]:
    """Up to the first end token, with it."""
    for place, token in enumerate(ids):
        if token in eos:
            return ids[: place + 1]
    return ids
