"""Drawing: one step from logits to tokens, with what each token cost.

Reads   logits (row, vocab), what each row said so far, one uniform number for each draw.
Gives   Draw: tokens, log-probabilities under the model and under the distribution drawn from, entropies, margins.
Ignores where the logits come from and when a text ends.

Several texts may draw from one row, as long as they are alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from labkit.core.devices import long_type
from labkit.core.errors import OptionError
from labkit.models.language_model import require_finite

from . import strategies
from .options import SampleOptions

BLOCK = 256
"""Tokens summed together before the draw; searching sums first is ten times faster than one long cumulative sum."""


@dataclass(frozen=True)
class Draw:
    """One token for each chance, and what it cost: all of a step that the host reads, moved there at once."""

    tokens: np.ndarray
    """(draw,) ids"""
    logprobs: np.ndarray
    """(draw,) nats, under the model's own distribution"""
    truncated: np.ndarray
    """(draw,) nats, under the distribution drawn from"""
    entropies: np.ndarray
    """(draw,) nats, of the model's own distribution"""
    margins: np.ndarray
    """(draw,) nats between the model's two most likely tokens"""


@dataclass(frozen=True)
class History:
    """What penalties, bans and processors look at, and what must follow."""

    prompts: Sequence[Sequence[int]]
    """(row, seq) ids of the prompts"""
    drawn: Sequence[Sequence[int]]
    """(row, seq) ids drawn so far"""
    allowed: Tensor | None = None
    """(row, vocab) true where a constraint lets a token follow; None = no constraint"""
    forced: Sequence[int | None] = ()
    """(row,) the token that must come; None = it is drawn. Empty: all are drawn"""


def draw(
    logits: Tensor, chances: Sequence[float | None], history: History, options: SampleOptions,
    rows: Sequence[int] | None = None,
) -> Draw:  # fmt: skip
    """One token for each chance.

    Args:
        logits: (row, vocab) as the model gave them.
        chances: (draw,) numbers in [0, 1); None = the most likely token of what is drawn from.
        rows: (draw,) the row that each chance draws from, every row at least once; None = a chance for each row.

    Raises:
        ModelError: the model gave numbers that are not finite.
        OptionError: a processor or a constraint left no token to draw.
    """
    logits = logits.float()
    best = logits.topk(min(2, logits.shape[-1])).values  # (row, 2)
    top = best[:, :1]
    own = (logits - top).exp_()  # (row, vocab), not normalised; in place, for a fresh page costs more than the sum
    mass = own.sum(-1, keepdim=True)
    total = top + mass.log()
    entropies = total - torch.linalg.vecdot(own, logits)[:, None] / mass
    shaped = shape(logits, history, options)
    peak = top if shaped is logits else shaped.amax(-1, keepdim=True)
    weights = own if shaped is logits else (shaped - peak).exp_()  # (row, vocab), not normalised
    at = torch.tensor(list(range(len(logits)) if rows is None else rows), device=logits.device)  # (draw,)
    tokens = _choose(weights, chances, None if rows is None else at)
    logprobs = logits[at, tokens] - total[at, 0]
    left = mass if shaped is logits else weights.sum(-1, keepdim=True)
    truncated = shaped[at, tokens] - (peak + left.log())[at, 0]
    margins = best[:, 0] - best[:, -1]
    packed = torch.stack([tokens.float(), logprobs, truncated, entropies[at, 0], margins[at]]).cpu().numpy()
    require_finite(packed[1])
    if np.isnan(packed[2]).any():
        raise OptionError("no token is left to draw; let processors, regex, grammar or schema leave one at least")
    if np.isnan(packed[3]).any():  # a token that the model itself rules out, 0 times -inf
        mean = torch.linalg.vecdot(own, logits.clamp(min=-1e30))[:, None] / mass
        packed[3] = (total - mean)[at, 0].cpu().numpy()
    return Draw(packed[0].astype(np.int64), *packed[1:])


def _choose(weights: Tensor, chances: Sequence[float | None], rows: Tensor | None) -> Tensor:
    """(draw,) tokens: picked, or the most likely where the chance is None."""
    greedy = [chance is None for chance in chances]
    uniforms = torch.tensor([chance or 0.0 for chance in chances], dtype=long_type(weights.device))
    tokens = pick(weights, uniforms.to(weights.device), rows)
    if not any(greedy):
        return tokens
    likeliest = weights.argmax(-1) if rows is None else weights.argmax(-1)[rows]
    return torch.where(torch.tensor(greedy, device=weights.device), likeliest, tokens)


def shape(logits: Tensor, history: History, options: SampleOptions) -> Tensor:
    """Logits (row, vocab) of the distribution to draw from.

    In this order: penalties, ban, processors, constraint, temperature, cuts; a forced token stands above all.
    """
    out = logits
    if options.repetition_penalty != 1:
        seen = count(logits, whole_rows(history)) > 0
        out = strategies.repetition(out, seen, options.repetition_penalty)
    if options.presence_penalty or options.frequency_penalty:
        counts = count(logits, history.drawn)
        out = strategies.presence_frequency(out, counts, options.presence_penalty, options.frequency_penalty)
    if options.no_repeat_ngram:
        out = strategies.no_repeat_ngram(out, whole_rows(history), options.no_repeat_ngram)
    for processor in options.processors:
        out = strategies.processed(out, whole_rows(history), processor)
    if history.allowed is not None:
        out = strategies.allow(out, history.allowed)
    for name, value in options.cuts.items():
        out = CUTS[name](out, value)
        if options.temperature == 0:
            break
    return strategies.force(out, history.forced) if any(one is not None for one in history.forced) else out


def whole_rows(history: History) -> list[list[int]]:
    """(row, seq) ids so far, prompt included."""
    return [[*prompt, *drawn] for prompt, drawn in zip(history.prompts, history.drawn, strict=True)]


CUTS = {
    "temperature": strategies.temperature,
    "top_k": lambda logits, k: strategies.top_k(logits, int(k)),
    "top_p": strategies.top_p,
    "min_p": strategies.min_p,
    "typical_p": strategies.typical,
    "epsilon": strategies.epsilon,
    "eta": strategies.eta,
}
"""The strategies that only look at the distribution, by the option that switches each on, in their order."""


def count(logits: Tensor, rows: Sequence[Sequence[int]]) -> Tensor:
    """(batch, vocab) how often each token stands in its row."""
    counts = torch.zeros_like(logits, dtype=torch.float32)
    for row, ids in enumerate(rows):
        if ids:
            at = torch.tensor(ids, device=logits.device)
            counts[row].index_add_(0, at, torch.ones_like(at, dtype=torch.float32))
    return counts


def pick(weights: Tensor, uniforms: Tensor, rows: Tensor | None = None) -> Tensor:
    """The token at which each row's cumulative sum passes its uniform number.

    Args:
        weights: (batch, vocab) ≥ 0, of any positive sum.
        uniforms: (draw,) in [0, 1).
        rows: (draw,) the row that each number draws from; None = one number for each row.

    One uniform number for each row, in the order of the vocabulary: a row draws the same whoever stands beside it.
    Law: frequencies equal the weights (chi-square), and no token of weight 0 is ever drawn.
    """
    vocab = weights.shape[-1]
    if vocab % BLOCK:
        weights = pad(weights, (0, BLOCK - vocab % BLOCK))
    long = long_type(weights.device)
    blocks = weights.view(len(weights), -1, BLOCK)  # (batch, block, token)
    sums = blocks.sum(-1).to(long)  # (batch, block)
    upto = sums.cumsum(-1)
    if rows is None:
        rows = torch.arange(len(weights), device=weights.device)
    else:
        sums, upto = sums[rows], upto[rows]
    target = uniforms.to(long)[:, None] * upto[:, -1:]  # (batch, 1)
    block = (upto <= target).sum(-1, keepdim=True).clamp_(max=upto.shape[-1] - 1)
    rest = target - (upto - sums).gather(-1, block)
    inside = blocks[rows, block[:, 0]]  # (draw, token)
    reached = inside.to(long).cumsum(-1)
    last = BLOCK - 1 - (inside > 0).flip(-1).int().argmax(-1, keepdim=True)  # rounding may leave target beyond the sum
    place = (reached <= rest).sum(-1, keepdim=True).minimum(last)
    return (block * BLOCK + place)[:, 0]
