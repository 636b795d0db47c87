"""Branching: the greedy answer and all samples of many questions, each different beginning computed once.

Reads   a LanguageModel, prompts, how many samples.
Gives   Path after Path: ids with what each token cost.
Ignores what the questions mean.

The samples of a question that began alike are one branch until they part: a sure model costs one row, not eleven.
Questions whose prompts have the same beginning and length are read together, the beginning once for all of them.

Law: the samples are those of `labkit.sampling.sample` with the same seed (tests/hallucination/test_asking.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labkit.core.errors import OptionError
from labkit.models.language_model import require_finite
from labkit.sampling.drawing import pick
from labkit.sampling.loop import uniforms
from labkit.sampling.prompts import Decoder, context_length, end_tokens, read_prompts
from labkit.sampling.runners import Runner, make_runner

ROWS = 192
"""Branches fed together at most: bounds the memory of the cache."""
GREEDY = -1


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
        told = tokenizer(prefix)["input_ids"] if prefix else []
        pairs = enumerate(zip(ids, told, strict=False))
        return cls(ids, next((n for n, (a, b) in pairs if a != b), min(len(ids), len(told))), stop)


@dataclass(frozen=True)
class Draws:
    """How many samples, and how they are drawn."""

    samples: int
    temperature: float
    max_tokens: int
    seed: int


@dataclass(frozen=True)
class Path:
    """One answer, token by token."""

    ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    """nats, under the model's own distribution"""
    entropies: tuple[float, ...] = ()
    margins: tuple[float, ...] = ()
    """nats between the two most likely tokens"""

    def then(self, token: int, logprob: float, entropy: float, margin: float) -> "Path":
        """This path and one token more."""
        return Path((*self.ids, token), (*self.logprobs, logprob), (*self.entropies, entropy), (*self.margins, margin))


@dataclass
class Branch:
    """A beginning that some members of one question share."""

    question: int
    members: list[int]
    """numbers of samples; GREEDY is the greedy answer"""
    path: Path = field(default_factory=Path)


def continuations(lm: Any, asks: Sequence[Ask], draws: Draws) -> Iterator[tuple[int, dict[int, Path]]]:
    """(question, {member: path}) as soon as all answers of a question have ended.

    Raises:
        OptionError: a prompt leaves no room in the context.
        ModelError: the model gave numbers that are not finite.
    """
    _check_room(lm, asks, draws.max_tokens)
    runner = make_runner(lm.model)
    width = max(1, ROWS // (draws.samples + 1))
    for group in _groups(asks):
        for first in range(0, len(group), width):
            yield from _grow(lm, runner, asks, group[first : first + width], draws)


def _check_room(lm: Any, asks: Sequence[Ask], more: int) -> None:
    context = context_length(lm.model)
    longest = max(len(ask.ids) for ask in asks)
    if longest + more > context:
        raise OptionError(
            f"a question's prompt has {longest} tokens, and with {more} of answer that is more than the context of "
            f"{lm.name}, {context}; shorten the question, lower max_tokens, or take a model with a longer context"
        )


def _groups(asks: Sequence[Ask]) -> list[list[int]]:
    """Numbers of the prompts that have the same beginning and the same length."""
    found: dict[tuple, list[int]] = {}
    for number, ask in enumerate(asks):
        found.setdefault((ask.ids[: ask.shared], len(ask.ids)), []).append(number)
    return sorted(found.values(), key=lambda group: len(asks[group[0]].ids))


def _grow(
    lm: Any, runner: Runner, asks: Sequence[Ask], group: Sequence[int], draws: Draws
) -> Iterator[tuple[int, dict[int, Path]]]:
    members = [GREEDY, *range(draws.samples)]
    live = [Branch(number, list(members)) for number in group]
    random = {(b.question, m): uniforms(draws.seed, asks[b.question].ids, m) for b in live for m in members if m >= 0}
    done: dict[int, dict[int, Path]] = {number: {} for number in group}
    decoder, eos = Decoder(lm.tokenizer), end_tokens(lm)
    logits = _read(runner, [asks[number] for number in group])
    while live:
        rows, parted = [], []
        for row, branch, member, path in _step(logits, live, random, draws):
            ended = path.ids[-1] in eos or len(path.ids) >= draws.max_tokens or (
                asks[branch.question].stop in decoder.text(path.ids[-4:]))  # fmt: skip
            if ended:
                done[branch.question].update(dict.fromkeys(member, path))
            else:
                rows.append(row)
                parted.append(Branch(branch.question, member, path))
        live = parted
        if live:
            if rows != list(range(len(logits))):
                runner.select(rows)
            newest = torch.tensor([[b.path.ids[-1]] for b in live], device=logits.device)
            logits = runner.advance(newest)[:, -1]
    yield from done.items()


def _read(runner: Runner, asks: Sequence[Ask]) -> Tensor:
    """(question, vocab) logits after each prompt; what the prompts share is read once."""
    shared = min(asks[0].shared, len(asks[0].ids) - 1)
    if len(asks) == 1 or not shared:
        return runner.begin([ask.ids for ask in asks])
    begun = runner.begin([asks[0].ids[:shared]])
    runner.select([0] * len(asks))
    rest = torch.tensor([ask.ids[shared:] for ask in asks], device=begun.device)
    return runner.advance(rest)[:, -1]


def _step(
    logits: Tensor, live: Sequence[Branch], random: dict, draws: Draws
) -> Iterator[tuple[int, Branch, list[int], Path]]:
    """(row, branch, members, path) of each different next token of each branch."""
    logits = logits.float()
    logprobs = logits.log_softmax(-1)  # (branch, vocab)
    best = logits.topk(min(2, logits.shape[-1]))
    entropies = torch.special.entr(logprobs.exp()).sum(-1)  # (branch,)
    require_finite(entropies)
    margins = best.values[:, 0] - best.values[:, -1]
    drawers = [(row, m) for row, branch in enumerate(live) for m in branch.members if m >= 0]
    taken = {(row, GREEDY): int(best.indices[row, 0]) for row, b in enumerate(live) if GREEDY in b.members}
    if drawers:
        chances = torch.tensor([random[live[row].question, m].random() for row, m in drawers], dtype=torch.float64)
        at = torch.tensor([row for row, _ in drawers], device=logits.device)
        tokens = _draw(logits, best, chances.to(logits.device), at, draws.temperature)
        taken.update(zip(drawers, tokens.tolist(), strict=True))
    ways: dict[tuple[int, int], list[int]] = {}
    for (row, member), token in taken.items():
        ways.setdefault((row, token), []).append(member)
    index = torch.tensor(list(ways), device=logits.device)  # (way, 2): row, token
    costs = logprobs[index[:, 0], index[:, 1]].tolist()
    numbers = np.stack([entropies.cpu().numpy(), margins.cpu().numpy()], 1).tolist()
    for ((row, token), member), cost in zip(ways.items(), costs, strict=True):
        yield row, live[row], member, live[row].path.then(token, cost, *numbers[row])


def _draw(logits: Tensor, best: Any, chances: Tensor, rows: Tensor, temperature: float) -> Tensor:
    """(draw,) one token for each uniform number, from its row."""
    if temperature == 0:
        return best.indices[rows, 0]
    top = logits.amax(-1, keepdim=True)
    return pick(((logits - top) / temperature).exp_(), chances, rows)


def read_ends(lm: Any, asks: Sequence[Ask]) -> Iterator[tuple[list[int], Tensor]]:
    """(numbers, logits (question, vocab) after each prompt), group by group.

    Raises:
        OptionError: a prompt leaves no room in the context.
    """
    _check_room(lm, asks, 1)
    runner = make_runner(lm.model)
    for group in _groups(asks):
        for first in range(0, len(group), 32):
            part = group[first : first + 32]
            yield part, _read(runner, [asks[n] for n in part])
