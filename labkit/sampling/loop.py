"""The loop: draw a token for each text, feed it back, until every text has ended.

Reads   a LanguageModel, prompts, options.
Gives   the texts that grew, step after step; `sample` gathers them, `stream` turns them into pieces of text.
Ignores what the strategies do and how the model computes.

Each text has its own random numbers, from the seed, its prompt and its number among the texts of that prompt. So it
comes out the same alone, in a batch, and with other prompts beside it. Texts that are alike so far are one row of the
model until they part, and a text that has ended leaves: a sure model computes one row for ten texts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from labkit.core.errors import OptionError
from labkit.core.seeds import derive
from labkit.models.language_model import context_length
from labkit.models.prediction import read_ids

from .constraints import Constraint, make_constraint
from .drawing import History, draw
from .options import SampleOptions
from .prompts import Decoder, Prompt, end_tokens
from .runners import Runner, make_runner, read_together


@dataclass
class Text:
    """A text that grows."""

    number: int
    """among all texts asked for"""
    prompt: Prompt
    uniforms: Any = None
    """a generator that gives one number in [0, 1) for each token; None = the most likely token each time"""
    stop: tuple[str, ...] = ()
    """strings that end it"""
    forced: tuple[int, ...] = ()
    """ids that it must begin with"""
    constraint: Constraint | None = None
    ids: list[int] = field(default_factory=list)
    costs: list[tuple[float, ...]] = field(default_factory=list)
    """(token, 4) nats: log-probability under the model, under what was drawn from; entropy; margin of the best two"""
    ended: str = ""
    """empty while it grows, else `eos`, `stop`, `length`, `context` or `complete`"""
    start: int = 0
    """the first token still in the context, once it slides"""

    @property
    def window(self) -> list[int]:
        """The ids that the model sees."""
        return [*self.prompt.ids, *self.ids][self.start :]

    @property
    def next_forced(self) -> int | None:
        """The token that must come now."""
        return self.forced[len(self.ids)] if len(self.ids) < len(self.forced) else None

    def take(self, token: int, costs: tuple[float, ...]) -> None:
        """It grows by one token."""
        self.ids.append(token)
        self.costs.append(costs)
        if self.constraint:
            self.constraint.accept(token)


@dataclass(frozen=True)
class Ending:
    """When a text ends, beside its own stop strings."""

    max_tokens: int
    eos: frozenset[int]
    context: int
    slide: bool

    def reason(self, text: Text, decoder: Decoder) -> str:
        """Why this text ended with its newest token; empty when it goes on."""
        drawn = text.ids[len(text.forced) :]
        if drawn and drawn[-1] in self.eos:
            return "eos"
        if text.constraint and text.constraint.complete:
            return "complete"
        if text.stop and drawn:
            tail = drawn[-max(len(s.encode()) for s in text.stop) - 2 :]  # each token holds a byte or more
            if any(s in decoder.text(tail) for s in text.stop):
                return "stop"
        if len(text.ids) >= self.max_tokens:
            return "length"
        return "context" if len(text.window) >= self.context and not self.slide else ""


def uniforms(seed: int, prompt: Sequence[int], copy: int) -> np.random.Generator:
    """The random numbers of one text: the `copy`-th of all texts of this prompt."""
    return np.random.Generator(np.random.PCG64(derive(seed, "sample", tuple(prompt), copy)))


def plant(
    lm: Any, prompts: Sequence[Prompt], n: int, *, seed: int, stop: tuple[str, ...], options: SampleOptions
) -> list[Text]:
    """n empty texts for each prompt, with their random numbers."""
    context, seen, texts = context_length(lm.model), {}, []
    forced = read_ids(lm.tokenizer, options.prefix, add_special_tokens=False) if options.prefix else []
    for prompt in prompts:
        if len(prompt.ids) + len(forced) >= context and options.overflow == "stop":
            raise OptionError(
                f"the prompt has {len(prompt.ids) + len(forced)} tokens and the context of {lm.name} holds {context}; "
                "shorten it to leave room for an answer, or give overflow='slide' to read its end alone"
            )
        for _ in range(n):
            copy = seen[prompt.ids] = seen.get(prompt.ids, -1) + 1
            chance, constraint = uniforms(seed, prompt.ids, copy), make_constraint(lm, options)
            texts.append(Text(len(texts), prompt, chance, stop, tuple(forced), constraint))
    return texts


def grow(
    lm: Any, texts: Sequence[Text], ending: Ending, options: SampleOptions, shared: int | None = None
) -> Iterator[list[Text]]:
    """Let the texts grow together until all have ended; those that took one more token, each time.

    Args:
        shared: ids with which all prompts begin, read once, as in `read_together`.

    Laws (tests/sampling/test_sample.py): a text is the same alone, in a batch and beside others; texts that are alike
    are computed once.
    """
    runner, decoder = make_runner(lm.model, cache=options.cache), Decoder(lm.tokenizer)
    live = list(texts)
    rows, logits = _begin(runner, live, ending.context, shared)
    while True:
        chances = [text.uniforms and text.uniforms.random() for text in live]
        at = None if rows == list(range(len(live))) else rows
        drawn = draw(logits, chances, _history(live, rows, logits.shape), options, at)
        costs = zip(drawn.logprobs, drawn.truncated, drawn.entropies, drawn.margins, strict=True)
        for text, token, cost in zip(live, drawn.tokens.tolist(), costs, strict=True):
            text.take(token, cost)
            text.ended = ending.reason(text, decoder)
        yield live
        on = [i for i, text in enumerate(live) if not text.ended]
        if not on:
            return
        ways: dict[tuple[int, int], int] = {}  # (row, token) -> its new row
        parted = [ways.setdefault((rows[i], live[i].ids[-1]), len(ways)) for i in on]
        live, parents = [live[i] for i in on], [row for row, _ in ways]
        if any(len(t.window) >= ending.context for t in live):
            rows, logits = _begin(runner, live, ending.context)
            continue
        if parents != list(range(len(logits))):
            runner.select(parents)
        rows, newest = parted, torch.tensor([[token] for _, token in ways])
        logits = runner.advance(newest)[:, -1]


def _begin(
    runner: Runner, live: Sequence[Text], context: int, shared: int | None = None
) -> tuple[list[int], torch.Tensor]:
    """(text,) each one's row, and (row, vocab) logits; texts that are alike are one row."""
    alike: dict[tuple, int] = {}
    rows = []
    for text in live:
        if len(text.window) >= context:
            text.start += len(text.window) - max(context // 2, 1)
        rows.append(alike.setdefault((text.prompt.ids, *text.ids, text.stop, text.forced), len(alike)))
    return rows, read_together(runner, [live[rows.index(row)].window for row in alike.values()], shared)


def _history(live: Sequence[Text], rows: Sequence[int], shape: torch.Size) -> History:
    """What each row said, what may follow and what must."""
    first = [live[rows.index(row)] for row in range(shape[0])]
    masks = [text.constraint.allowed(shape[1]) for text in first if text.constraint]
    allowed = torch.stack(masks) if masks else None
    return History([t.prompt.ids for t in first], [t.ids for t in first], allowed, [t.next_forced for t in first])


def endings(lm: Any, max_tokens: int, options: SampleOptions) -> Ending:
    """What ends a text."""
    eos = end_tokens(lm) if options.stop_at_eos else frozenset()
    return Ending(max_tokens, eos, context_length(lm.model), options.overflow == "slide")
