"""Continuing: the greedy answer and all samples of many questions, what is alike among them computed once.

Reads   a LanguageModel, prompts, how many samples.
Gives   the texts that grew, question by question.
Ignores what the questions mean.

Questions whose prompts have the same beginning and length grow together, so `labkit.sampling` reads the beginning once
for all of them, and computes one row for the samples of a question until they part.

Law: the samples are those of `labkit.sampling.sample` with the same seed (tests/hallucination/test_asking.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from labkit.core.errors import OptionError
from labkit.models.language_model import context_length
from labkit.models.likelihood import in_common
from labkit.sampling.loop import Text, endings, grow, uniforms
from labkit.sampling.options import SampleOptions
from labkit.sampling.prompts import Prompt, read_prompts
from labkit.sampling.runners import make_runner, read_together

TEXTS = 192
"""Texts that grow together at most: bounds the memory of the cache."""
READ = 32
"""Prompts that are read together at most."""


@dataclass(frozen=True)
class Ask:
    """One prompt, and how to continue it."""

    ids: tuple[int, ...]
    shared: int
    """how many of the ids begin the prompts of other questions too"""
    stop: str

    @classmethod
    def of(cls, tokenizer: Any, prompt: str, prefix: str, stop: str = "\n") -> "Ask":
        """A prompt that begins with a prefix which others have too.

        Raises:
            TextError: the tokenizer gives it no token.
        """
        ids = read_prompts(tokenizer, prompt)[0].ids
        return cls(ids, in_common(ids, tokenizer(prefix)["input_ids"]) if prefix else 0, stop)


@dataclass(frozen=True)
class Draws:
    """How many samples, and how they are drawn."""

    samples: int
    temperature: float
    max_tokens: int
    seed: int


def continuations(lm: Any, asks: Sequence[Ask], draws: Draws) -> Iterator[tuple[int, list[Text]]]:
    """(question, the greedy answer and the samples after it) as soon as all answers of a question have ended.

    Raises:
        OptionError: a prompt leaves no room in the context.
        ModelError: the model gave numbers that are not finite.
    """
    options = SampleOptions(temperature=draws.temperature)
    ending = endings(lm, draws.max_tokens, options)
    for group in _groups(lm, asks, max(1, TEXTS // (draws.samples + 1)), draws.max_tokens):
        texts = {number: _planted(asks[number], draws) for number in group}
        every = [text for row in texts.values() for text in row]
        for _ in grow(lm, every, ending, options, shared=asks[group[0]].shared):
            pass
        yield from texts.items()


def read_ends(lm: Any, asks: Sequence[Ask]) -> Iterator[tuple[list[int], Tensor]]:
    """(numbers, logits (question, vocab) after each prompt), group by group.

    Raises:
        OptionError: a prompt leaves no room in the context.
    """
    runner = make_runner(lm.model)
    for group in _groups(lm, asks, READ, 1):
        yield group, read_together(runner, [asks[number].ids for number in group], asks[group[0]].shared)


def _planted(ask: Ask, draws: Draws) -> list[Text]:
    """The greedy answer, which draws nothing, and the samples, before their first token."""
    chances = [None, *(uniforms(draws.seed, ask.ids, copy) for copy in range(draws.samples))]
    return [Text(n, Prompt("", ask.ids), chance, (ask.stop,)) for n, chance in enumerate(chances)]


def _groups(lm: Any, asks: Sequence[Ask], most: int, more: int) -> list[list[int]]:
    """Numbers of at most so many prompts that have the same beginning and the same length, and room for more tokens."""
    context, longest = context_length(lm.model), max(len(ask.ids) for ask in asks)
    if longest + more > context:
        raise OptionError(
            f"a question's prompt has {longest} tokens, and with {more} of answer that is more than the context of "
            f"{lm.name}, {context}; shorten the question, lower max_tokens, or take a model with a longer context"
        )
    found: dict[tuple, list[int]] = {}
    for number, ask in enumerate(asks):
        found.setdefault((len(ask.ids), ask.ids[: ask.shared]), []).append(number)
    return [group[n : n + most] for _, group in sorted(found.items()) for n in range(0, len(group), most)]
