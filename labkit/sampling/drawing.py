"""Drawing: one step from logits to tokens, with what each token cost.

Reads   logits (batch, vocab), what each row said so far, one uniform number for each row.
Gives   Draw: tokens, log-probabilities under the model and under the distribution drawn from, entropies.
Ignores where the logits come from and when a text ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor
from torch.nn.functional import pad

from labkit.core.errors import ModelError

from . import strategies
from .options import SampleOptions

BLOCK = 256
"""Tokens summed together before the draw; searching sums first is ten times faster than one long cumulative sum."""


@dataclass(frozen=True)
class Draw:
    """One token for each row."""

    tokens: Tensor
    """(batch,) ids"""
    logprobs: Tensor
    """(batch,) nats, under the model's own distribution"""
    truncated: Tensor
    """(batch,) nats, under the distribution drawn from"""
    entropies: Tensor
    """(batch,) nats, of the model's own distribution"""


@dataclass(frozen=True)
class History:
    """What penalties and bans look at."""

    prompts: Sequence[Sequence[int]]
    """(batch, seq) ids of the prompts"""
    drawn: Sequence[Sequence[int]]
    """(batch, seq) ids drawn so far"""
    allowed: Tensor | None = None
    """(batch, vocab) true where a constraint lets a token follow; None = no constraint"""


def draw(logits: Tensor, uniforms: Tensor, history: History, options: SampleOptions) -> Draw:
    """One token for each row of logits.

    Args:
        logits: (batch, vocab) as the model gave them.
        uniforms: (batch,) numbers in [0, 1).

    Raises:
        ModelError: the model gave NaN.
    """
    logits = logits.float()
    top = logits.amax(-1, keepdim=True)  # (batch, 1)
    own = (logits - top).exp_()  # (batch, vocab), not normalised; in place, for a fresh page costs more than the sum
    mass = own.sum(-1, keepdim=True)
    total = top + mass.log()
    if not isfinite(float(total.sum())):
        raise ModelError("the model gave logits that are not finite; its weights or its number type are broken")
    entropies = (total - _mean(logits, own) / mass)[:, 0]
    shaped = shape(logits, history, options)
    if shaped is logits:
        tokens = pick(own, uniforms)
        logprobs = (logits.gather(-1, tokens[:, None]) - total)[:, 0]
        return Draw(tokens, logprobs, logprobs, entropies)
    peak = shaped.amax(-1, keepdim=True)
    weights = (shaped - peak).exp_()  # (batch, vocab), not normalised
    tokens = pick(weights, uniforms)
    at = tokens[:, None]
    truncated = shaped.gather(-1, at) - peak - weights.sum(-1, keepdim=True).log()
    return Draw(tokens, (logits.gather(-1, at) - total)[:, 0], truncated[:, 0], entropies)


def _mean(logits: Tensor, weights: Tensor) -> Tensor:
    """(batch, 1) sum of weights times logits, where 0 times -inf is 0."""
    mean = torch.linalg.vecdot(weights, logits)[:, None]
    if isfinite(float(mean.sum())):
        return mean
    return torch.linalg.vecdot(weights, logits.clamp(min=-1e30))[:, None]


def shape(logits: Tensor, history: History, options: SampleOptions) -> Tensor:
    """Logits (batch, vocab) of the distribution to draw from: penalties, constraint, temperature, cuts."""
    out = logits
    if options.repetition_penalty != 1:
        out = strategies.repetition(out, _seen(logits, history), options.repetition_penalty)
    if options.presence_penalty or options.frequency_penalty:
        counts = count(logits, history.drawn)
        out = strategies.presence_frequency(out, counts, options.presence_penalty, options.frequency_penalty)
    if options.no_repeat_ngram:
        whole = [[*p, *d] for p, d in zip(history.prompts, history.drawn, strict=True)]
        out = strategies.no_repeat_ngram(out, whole, options.no_repeat_ngram)
    if history.allowed is not None:
        out = strategies.allow(out, history.allowed)
    for name, value in options.cuts.items():
        out = CUTS[name](out, value)
        if options.temperature == 0:
            break
    return out


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


def _seen(logits: Tensor, history: History) -> Tensor:
    return count(logits, [[*p, *d] for p, d in zip(history.prompts, history.drawn, strict=True)]) > 0


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
    blocks = weights.view(len(weights), -1, BLOCK)  # (batch, block, token)
    sums = blocks.sum(-1).double()  # (batch, block)
    upto = sums.cumsum(-1)
    if rows is None:
        rows = torch.arange(len(weights), device=weights.device)
    else:
        sums, upto = sums[rows], upto[rows]
    target = uniforms.double()[:, None] * upto[:, -1:]  # (batch, 1)
    block = (upto <= target).sum(-1, keepdim=True).clamp_(max=upto.shape[-1] - 1)
    rest = target - (upto - sums).gather(-1, block)
    inside = blocks[rows, block[:, 0]]  # (draw, token)
    reached = inside.double().cumsum(-1)
    last = BLOCK - 1 - (inside > 0).flip(-1).int().argmax(-1, keepdim=True)  # rounding may leave target beyond the sum
    place = (reached <= rest).sum(-1, keepdim=True).minimum(last)
    return (block * BLOCK + place)[:, 0]
