"""The loop: draw a token for each text, feed it back, until every text has ended.

Reads   a LanguageModel, prompts, options.
Gives   Step after Step; `sample` gathers them, `stream` turns them into pieces of text.
Ignores what the strategies do and how the model computes.

Each text has its own random numbers, from the seed, its prompt and its number among the texts of that prompt. So it
comes out the same alone, in a batch, and with other prompts beside it. A text that has ended leaves the batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from labkit.core.errors import OptionError
from labkit.core.seeds import derive

from .constraints import Constraint, make_constraint
from .drawing import History, draw
from .options import SampleOptions
from .prompts import Decoder, Prompt, context_length, end_tokens
from .runners import Runner, make_runner


@dataclass(frozen=True)
class Step:
    """One token for each text that was still growing."""

    texts: tuple[int, ...]
    """(live,) each one's number among all texts asked for"""
    ids: tuple[int, ...]
    """(live,)"""
    logprobs: np.ndarray
    """(live,) nats, under the model's own distribution"""
    truncated: np.ndarray
    """(live,) nats, under the distribution drawn from"""
    entropies: np.ndarray
    """(live,) nats, of the model's own distribution"""
    ended: tuple[str, ...]
    """(live,) empty while it grows, else `eos`, `stop`, `length`, `context` or `complete`"""


@dataclass
class Text:
    """A text that grows."""

    number: int
    prompt: Prompt
    uniforms: Any
    """yields one number in [0, 1) for each token"""
    ids: list[int] = field(default_factory=list)
    start: int = 0
    """the first token still in the context, once it slides"""
    constraint: Constraint | None = None

    @property
    def window(self) -> list[int]:
        """The ids that the model sees."""
        return [*self.prompt.ids, *self.ids][self.start :]


@dataclass(frozen=True)
class Ending:
    """When a text ends."""

    max_tokens: int
    stop: tuple[str, ...]
    eos: frozenset[int]
    context: int
    slide: bool

    def reason(self, text: Text, decoder: Decoder) -> str:
        """Why this text ended with its newest token; empty when it goes on."""
        if text.ids[-1] in self.eos:
            return "eos"
        if text.constraint and text.constraint.complete:
            return "complete"
        if self.stop:
            tail = text.ids[-max(len(s.encode()) for s in self.stop) - 2 :]  # each token holds a byte or more
            if any(s in decoder.text(tail) for s in self.stop):
                return "stop"
        if len(text.ids) >= self.max_tokens:
            return "length"
        return "context" if len(text.window) >= self.context and not self.slide else ""


def uniforms(seed: int, prompt: Sequence[int], copy: int) -> np.random.Generator:
    """The random numbers of one text: the `copy`-th of all texts of this prompt."""
    return np.random.Generator(np.random.PCG64(derive(seed, "sample", tuple(prompt), copy)))


def plant(lm: Any, prompts: Sequence[Prompt], n: int, seed: int, options: SampleOptions) -> list[Text]:
    """n empty texts for each prompt, with their random numbers."""
    context, seen, texts = context_length(lm.model), {}, []
    for prompt in prompts:
        if len(prompt.ids) >= context and options.overflow == "stop":
            raise OptionError(
                f"the prompt has {len(prompt.ids)} tokens and the context of {lm.name} holds {context}; shorten it "
                "to leave room for an answer, or give overflow='slide' to read its end alone"
            )
        for _ in range(n):
            copy = seen[prompt.ids] = seen.get(prompt.ids, -1) + 1
            texts.append(Text(len(texts), prompt, uniforms(seed, prompt.ids, copy)))
            texts[-1].constraint = make_constraint(lm, options)
    return texts


def grow(lm: Any, texts: Sequence[Text], ending: Ending, options: SampleOptions) -> Iterator[Step]:
    """Let the texts grow together until all have ended; one Step for each token."""
    runner, decoder = make_runner(lm.model, cache=options.cache), Decoder(lm.tokenizer)
    live = list(texts)
    logits = _begin(runner, live, ending.context)
    while True:
        history = History([t.prompt.ids for t in live], [t.ids for t in live], _allowed(live, logits.shape[-1]))
        chances = torch.tensor([t.uniforms.random() for t in live], dtype=torch.float64, device=logits.device)
        drawn = draw(logits, chances, history, options)
        ids = drawn.tokens.tolist()
        for text, token in zip(live, ids, strict=True):
            text.ids.append(token)
            if text.constraint:
                text.constraint.accept(token)
        ended = tuple(ending.reason(text, decoder) for text in live)
        yield Step(tuple(t.number for t in live), tuple(ids), drawn.logprobs.cpu().numpy(),
                   drawn.truncated.cpu().numpy(), drawn.entropies.cpu().numpy(), ended)  # fmt: skip
        on = [i for i, why in enumerate(ended) if not why]
        if not on:
            return
        live = [live[i] for i in on]
        if any(len(t.window) >= ending.context for t in live):
            logits = _begin(runner, live, ending.context)
            continue
        if len(on) < len(ended):
            runner.select(on)
        logits = runner.advance(drawn.tokens[on, None])[:, -1]


def _begin(runner: Runner, live: Sequence[Text], context: int) -> torch.Tensor:
    """Read each text's window, each different one once; (live, vocab) logits."""
    for text in live:
        if len(text.window) >= context:
            text.start += len(text.window) - max(context // 2, 1)
    windows = [tuple(t.window) for t in live]
    once = list(dict.fromkeys(windows))
    logits = runner.begin(once)
    rows = [once.index(w) for w in windows]
    if rows != list(range(len(once))):
        runner.select(rows)
    return logits[rows]


def _allowed(live: Sequence[Text], vocab: int) -> torch.Tensor | None:
    """(live, vocab) what the constraints let follow; None where there are none."""
    masks = [t.constraint.allowed(vocab) for t in live if t.constraint]
    return torch.stack(masks) if masks else None


def endings(lm: Any, max_tokens: int, stop: Sequence[str], options: SampleOptions) -> Ending:
    """What ends a text."""
    eos = end_tokens(lm) if options.stop_at_eos else frozenset()
    return Ending(max_tokens, tuple(stop), eos, context_length(lm.model), options.overflow == "slide")
