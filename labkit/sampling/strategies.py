"""Strategies: what is done to next-token logits before a token is drawn from them.

Reads   logits (batch, vocab) in nats, in any floating type; counts of earlier tokens where a penalty needs them.
Gives   logits (batch, vocab) in float32; a token that may not be drawn has -inf.
Ignores models, tokenizers, and how a token is drawn.

Pure functions. `shape` applies them in one order, the one of transformers' `generate`:

    penalties, ban, processors, constraint -> temperature -> top-k -> top-p -> min-p -> typical -> epsilon -> eta

so each cut speaks of the distribution that the one before it left.

Laws (tests/sampling/test_strategies.py): each function equals transformers' own processor in float32, keeps at least
one token of each row, and never gives NaN, whatever the temperature.
"""

from collections.abc import Callable, Sequence
from math import inf, log

import torch
from torch import Tensor

from labkit.core.devices import long_type
from labkit.core.errors import OptionError

TINY = torch.finfo(torch.float32).tiny
"""The least temperature: a smaller one would become 0 in float32, and 0 over 0 is no logit."""
HEAD = 256
"""Tokens sorted at first by `top_p`; nearly always enough, and sorting a whole vocabulary costs more than the model."""


def greedy(logits: Tensor) -> Tensor:
    """All probability on the most likely token; the smallest id among equals."""
    best = logits.argmax(-1, keepdim=True)  # (batch, 1)
    return torch.full_like(logits, -inf, dtype=torch.float32).scatter_(-1, best, 0.0)


def temperature(logits: Tensor, value: float) -> Tensor:
    """Logits over temperature: below 1 sharper, above 1 flatter, 0 greedy.

    The row's maximum is taken away first, so that a tiny temperature gives 0 and -inf rather than inf and NaN.
    Source: Ackley, Hinton & Sejnowski 1985.
    """
    if value == 0:
        return greedy(logits)
    logits = logits.float()
    if value == 1:
        return logits
    return (logits - logits.amax(-1, keepdim=True)).div_(max(value, TINY))


def top_k(logits: Tensor, k: int) -> Tensor:
    """The k most likely tokens, and those as likely as the k-th. Source: Fan, Lewis & Dauphin 2018."""
    logits = logits.float()
    least = logits.topk(min(k, logits.shape[-1])).values[..., -1:]  # (batch, 1)
    return logits.masked_fill(logits < least, -inf)


def top_p(logits: Tensor, p: float) -> Tensor:
    """The smallest set of most likely tokens whose probabilities reach p. Source: Holtzman et al. 2020 ("nucleus")."""
    logits = logits.float()
    vocab = logits.shape[-1]
    probabilities = logits.softmax(-1)
    width = min(HEAD, vocab) if logits.device.type == "cpu" else vocab  # elsewhere a look at each width costs more
    while True:
        best, index = probabilities.topk(width)  # (batch, width), falling
        before = best.to(long_type(best.device)).cumsum(-1) - best  # mass of the more likely ones
        if width == vocab or bool((before[:, -1] >= p).all()):
            break
        width = min(8 * width, vocab)
    cut = before >= p
    cut[:, 0] = False
    kept = logits.gather(-1, index).masked_fill(cut, -inf)
    return torch.full_like(logits, -inf).scatter_(-1, index, kept)


def min_p(logits: Tensor, p: float) -> Tensor:
    """Tokens at least p times as likely as the most likely one. Source: Nguyen et al. 2024."""
    logits = logits.float()
    return logits.masked_fill(logits < logits.amax(-1, keepdim=True) + log(p), -inf)


def typical(logits: Tensor, mass: float) -> Tensor:
    """Tokens whose surprise is nearest the entropy, until their mass is reached. Source: Meister et al. 2023."""
    logprobs = logits.float().log_softmax(-1)  # (batch, vocab)
    distance = (-logprobs - entropy(logprobs)[:, None]).abs()
    nearest, order = distance.sort(-1)
    sorted_p = logprobs.gather(-1, order).exp()
    reached = sorted_p.to(long_type(sorted_p.device)).cumsum(-1)  # in float32 the border moves with the processor
    last = (reached < mass).sum(-1, keepdim=True).clamp_(max=logits.shape[-1] - 1)
    cut = nearest > nearest.gather(-1, last)
    cut[:, 0] = False
    return logits.float().masked_fill(torch.empty_like(cut).scatter_(-1, order, cut), -inf)


def epsilon(logits: Tensor, floor: float) -> Tensor:
    """Tokens of probability at least `floor`, and the most likely one. Source: Hewitt, Manning & Liang 2022."""
    return _above(logits.float(), floor)


def eta(logits: Tensor, floor: float) -> Tensor:
    """Tokens of probability at least min(floor, √floor · exp(-entropy)). Source: Hewitt, Manning & Liang 2022."""
    logprobs = logits.float().log_softmax(-1)
    least = (floor**0.5 * (-entropy(logprobs)).exp()).clamp(max=floor)  # (batch,)
    return _above(logits.float(), least[:, None])


def _above(logits: Tensor, least: Tensor | float) -> Tensor:
    rare = logits.softmax(-1) < least
    return logits.masked_fill(rare & (logits < logits.amax(-1, keepdim=True)), -inf)


def entropy(logprobs: Tensor) -> Tensor:
    """(batch,) nats, of rows of log-probabilities; -inf counts as probability 0."""
    return torch.special.entr(logprobs.exp()).sum(-1)


def repetition(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Logits of tokens seen before, prompt included, divided by the penalty (multiplied where negative).

    Args:
        seen: (batch, vocab) true for each token seen.

    Source: Keskar et al. 2019, "CTRL".
    """
    logits = logits.float()
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def presence_frequency(logits: Tensor, counts: Tensor, presence: float, frequency: float) -> Tensor:
    """Logits less `presence` once and `frequency` for each time that a token was drawn before, prompt excluded.

    Args:
        counts: (batch, vocab) how often each token was drawn.
    """
    return logits.float() - presence * (counts > 0) - frequency * counts


def no_repeat_ngram(logits: Tensor, histories: Sequence[Sequence[int]], size: int) -> Tensor:
    """No token that would complete a run of `size` tokens seen before in its own row. Source: Paulus et al. 2018.

    Args:
        histories: (batch, seq) ids so far, prompt included.

    A row whose every token would repeat is left as it was, so that something can be drawn.
    """
    out = logits.float().clone()
    for row, history in enumerate(histories):
        ending = tuple(history[len(history) - size + 1 :])
        if len(history) < size:
            continue
        starts = range(len(history) - size + 1)
        banned = {history[i + size - 1] for i in starts if tuple(history[i : i + size - 1]) == ending}
        out[row, list(banned)] = -inf
        if out[row].max() == -inf:
            out[row] = logits[row]
    return out


def allow(logits: Tensor, allowed: Tensor) -> Tensor:
    """Only the tokens that a constraint allows.

    Args:
        allowed: (batch, vocab) true where a token may follow.
    """
    return logits.float().masked_fill(~allowed.to(logits.device), -inf)


def processed(logits: Tensor, histories: Sequence[Sequence[int]], processor: Callable[..., Tensor]) -> Tensor:
    """What a processor of transformers' interface makes of the logits: `processor(input_ids, scores)`.

    It is given one row at a time, input_ids (1, seq) and scores (1, vocab), for rows need not be equally long; so a
    text comes out the same whoever stands beside it.

    Args:
        histories: (row, seq) ids so far, prompt included.

    Raises:
        OptionError: it gives something else than scores of this shape.
    """
    logits, out = logits.float(), []
    for row, ids in zip(logits, histories, strict=True):
        scores = processor(torch.tensor([list(ids)], device=logits.device), row[None].clone())
        if not isinstance(scores, Tensor) or scores.shape != (1, logits.shape[-1]):
            got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
            name = getattr(processor, "__name__", type(processor).__name__)
            raise OptionError(f"the processor {name} gave {got}; return scores of shape (1, {logits.shape[-1]})")
        out.append(scores[0].to(device=logits.device, dtype=logits.dtype))
    return torch.stack(out)


def force(logits: Tensor, tokens: Sequence[int | None]) -> Tensor:
    """All probability on the token given for a row; a row of None as it was."""
    out = logits.float().clone()
    for row, token in enumerate(tokens):
        if token is not None:
            out[row] = -inf
            out[row, token] = 0.0
    return out
