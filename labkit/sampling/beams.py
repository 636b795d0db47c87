"""Beams: search for the most likely texts instead of drawing them.

Reads   a LanguageModel and one prompt.
Gives   Samples, best first, or the search itself as a TokenTree.
Ignores chance: the same prompt gives the same texts.

At each step every kept text (a beam) is continued by every token, and the best `width` of all continuations are kept.
Several groups search one after the other at each step; a group pays `diversity` nats for each earlier group's beam
that took the same token in this step.

Sources: Graves 2012; Vijayakumar et al. 2018 (diverse beams).
Laws (tests/sampling/test_beams.py): equals transformers' `generate(num_beams=…)`, texts and scores; width 1 is greedy;
wide enough, it finds the most likely text of all; without diversity each group finds the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labkit.core.errors import OptionError
from labkit.core.results import Samples, TokenTree
from labkit.models.language_model import context_length

from .options import whole
from .prompts import Decoder, Prompt, end_tokens, read_prompts
from .runners import make_runner


@dataclass(frozen=True)
class Beam:
    """A text on its way."""

    ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    """(seq,) nats"""
    ended: str = ""

    def total(self) -> float:
        """Log-probability of the whole text, nats."""
        return sum(self.logprobs)

    def score(self, length_penalty: float) -> float:
        """What beams are ranked by."""
        return self.total() / max(len(self.ids), 1) ** length_penalty

    def then(self, token: int, logprob: float, ended: str = "") -> "Beam":
        """This text and one token more."""
        return Beam((*self.ids, token), (*self.logprobs, logprob), ended)


@dataclass(frozen=True)
class Search:
    """How a search goes."""

    width: int
    """beams of each group"""
    groups: int
    depth: int
    """most tokens"""
    diversity: float
    length_penalty: float
    eos: frozenset[int]


@dataclass
class Group:
    """Beams that compete with each other."""

    live: list[Beam] = field(default_factory=lambda: [Beam()])
    done: list[Beam] = field(default_factory=list)
    looked: list[Beam] = field(default_factory=list)
    """the continuations that were compared in the newest step, best first"""


def beam_search(
    lm: Any, prompt: Any, *, width: int = 4, max_tokens: int = 32, groups: int = 1, diversity: float = 0.0,
    length_penalty: float = 1.0,
) -> Samples:  # fmt: skip
    """The `width` best texts that a beam search finds, best first.

    Args:
        width: beams of all groups together; a multiple of `groups`.
        max_tokens: most tokens of each text.
        groups: how many groups search; each keeps width / groups beams.
        diversity: nats that a token costs for each beam of an earlier group that took it in the same step.
        length_penalty: a text's score is its log-probability over its length to this power; 0 = the plain
            log-probability, which prefers short texts; 1 = the mean for each token.

    Raises:
        OptionError: a number is out of its range, or there is more than one prompt.
    """
    start = one_prompt(lm, prompt)
    width, groups, max_tokens = whole("width", width), whole("groups", groups), whole("max_tokens", max_tokens)
    if width % groups:
        raise OptionError(f"width={width} cannot be shared by groups={groups}; make it a multiple")
    if not diversity >= 0:
        raise OptionError(f"diversity={diversity} is out of its range; use a number of nats, 0 or more")
    room = context_length(lm.model) - len(start.ids)
    search = Search(width // groups, groups, min(max_tokens, room), diversity, length_penalty, end_tokens(lm))
    *_, found = _levels(lm, start, search)
    beams = [beam for group in found for beam in group.done]
    beams.sort(key=lambda b: -b.score(length_penalty))
    decoder = Decoder(lm.tokenizer)
    return Samples(
        prompts=(start.text,) * len(beams),
        texts=tuple(decoder.text(b.ids, start.ids) for b in beams),
        tokens=tuple(tuple(decoder.token(i) for i in b.ids) for b in beams),
        ids=tuple(b.ids for b in beams),
        logprobs=tuple(np.array(b.logprobs, dtype=np.float32) for b in beams),
        ended=tuple(b.ended for b in beams),
        title=f"Beam search, width {width}" + (f" in {groups} groups" if groups > 1 else ""),
    )


def beam_tree(lm: Any, prompt: Any, *, width: int = 3, depth: int = 5, shown: int = 3) -> TokenTree:
    """A beam search as a tree: what it kept, and what it looked at and dropped.

    Args:
        width: beams.
        depth: tokens.
        shown: continuations of each beam that are shown.
    """
    start, decoder = one_prompt(lm, prompt), Decoder(lm.tokenizer)
    width, depth, shown = whole("width", width), whole("depth", depth), whole("shown", shown)
    nodes: list[Beam] = []
    number: dict[tuple[int, ...], int] = {(): -1}
    kept: set[tuple[int, ...]] = set()
    depth = min(depth, context_length(lm.model) - len(start.ids))
    for (group,) in _levels(lm, start, Search(width, 1, depth, 0.0, 1.0, end_tokens(lm))):
        on = {beam.ids for beam in (*group.live, *group.done)}
        for beam in _shown(group.looked, on, shown):
            number[beam.ids] = len(nodes)
            nodes.append(beam)
        kept |= on
    return TokenTree(
        tokens=tuple(decoder.token(beam.ids[-1]) for beam in nodes),
        parents=tuple(number[beam.ids[:-1]] for beam in nodes),
        logprobs=np.array([beam.logprobs[-1] for beam in nodes]),
        kept=tuple(beam.ids in kept for beam in nodes),
        prompt=start.text,
        title=f"Beam search, width {width}: what it kept and what it dropped",
    )


def _shown(looked: list[Beam], on: set[tuple[int, ...]], most: int) -> list[Beam]:
    """Those that are kept, and others up to `most` for each parent."""
    shown: list[Beam] = []
    for beam in looked:
        brothers = sum(other.ids[:-1] == beam.ids[:-1] for other in shown)
        if beam.ids in on or brothers < most:
            shown.append(beam)
    return shown


def one_prompt(lm: Any, prompt: Any) -> Prompt:
    """The only prompt, shorter than the context.

    Raises:
        OptionError: there are several, or it is too long.
    """
    prompts = read_prompts(lm.tokenizer, prompt)
    context = context_length(lm.model)
    if len(prompts) > 1:
        raise OptionError(f"{len(prompts)} prompts were given where one is continued; call it once for each")
    if len(prompts[0].ids) >= context:
        raise OptionError(f"the prompt has {len(prompts[0].ids)} tokens, the context holds {context}; shorten it")
    return prompts[0]


def _levels(lm: Any, prompt: Prompt, search: Search) -> Iterator[list[Group]]:
    """The groups after each step, until none can get better."""
    runner = make_runner(lm.model)
    groups = [Group() for _ in range(search.groups)]
    logits = runner.begin([prompt.ids])
    runner.select([0] * len(groups))
    logits = logits.expand(len(groups), -1)
    while True:
        logprobs = logits.float().log_softmax(-1)  # (beam of every group, vocab)
        rows: list[int] = []
        taken = torch.zeros(logprobs.shape[-1], device=logprobs.device)  # (vocab,) by earlier groups, this step
        first = 0
        for group in groups:
            last = first + len(group.live)
            parents = _advance(group, logprobs[first:last], search.diversity * taken, search)
            for beam in group.live:
                taken[beam.ids[-1]] += 1
            rows += [first + parent for parent in parents]
            first = last
        yield groups
        if not rows:
            return
        runner.select(rows)
        newest = [beam.ids[-1] for group in groups for beam in group.live]
        logits = runner.advance(torch.tensor(newest, device=logprobs.device)[:, None])[:, -1]


def _advance(group: Group, logprobs: Tensor, fine: Tensor, search: Search) -> list[int]:
    """Continue a group's beams by one token; the number of each new beam's parent."""
    if not group.live:
        return []
    vocab, eos, end = logprobs.shape[-1], search.eos, len(group.live[0].ids) + 1 == search.depth
    totals = torch.tensor([beam.total() for beam in group.live], device=logprobs.device)[:, None]
    ranked = (totals + logprobs - fine).flatten()  # (beam * vocab,)
    most = min((1 + max(len(eos), 1)) * search.width, len(ranked))  # enough to go on when all others end
    best = ranked.topk(most).indices
    gained = logprobs.flatten()[best].tolist()  # all of them in one trip
    live, parents, group.looked = [], [], []
    for rank, (index, logprob) in enumerate(zip(best.tolist(), gained, strict=True)):
        parent, token = divmod(index, vocab)
        ended = "eos" if token in eos else "length" if end else ""
        beam = group.live[parent].then(token, logprob, ended)
        group.looked.append(beam)
        if ended and rank < search.width:
            group.done.append(beam)
        elif not ended and len(live) < search.width:
            live.append(beam)
            parents.append(parent)
    group.done = sorted(group.done, key=lambda b: -b.score(search.length_penalty))[: search.width]
    power = search.length_penalty
    if len(group.done) == search.width and live and live[0].score(power) <= group.done[-1].score(power):
        live, parents = [], []
    group.live = live
    return parents
