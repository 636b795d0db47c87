"""Objectives: what a model is trained to do, as a loss over one engine.

    steps(model, data, config)                                 the next token, a hidden token, another text, an answer
    steps(model, compared(pairs, reference), config, loss=preference(0.1))      the better of two answers

Reads   Rows, and a way to the model's logits.
Gives   one term for each thing that is judged, and how many there are.
Ignores where batches come from: what is hidden, shifted or left out stands in their targets (`labkit.text`).
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..text.batches import IGNORED, Rows

Predict = Callable[[dict[str, Tensor]], Tensor]
"""inputs of the model by name -> its logits (row, position, vocab), or (row × position, vocab)"""


@dataclass(frozen=True)
class Objective:
    """A loss: the mean of its terms over what counts, whatever pieces or processes a batch is cut into."""

    terms: Callable[[Predict, Rows], Tensor]
    """(term,) of some rows, 0 where nothing counts"""
    count: Callable[[Rows], Tensor]
    """() how many of them count"""


def token_nats(predict: Predict, rows: Rows) -> Tensor:
    """-log p(target) at each position: (row × position,), 0 where no target is."""
    scores = predict(rows.inputs).flatten(0, -2)  # (row × position, vocab)
    return F.cross_entropy(scores.float(), rows.targets.flatten(), ignore_index=IGNORED, reduction="none")


TOKENS = Objective(token_nats, lambda rows: (rows.targets != IGNORED).sum())
"""The cross-entropy of tokens, nats: next ones, hidden ones, those of another text, those of an answer."""


def log_probabilities(predict: Predict, rows: Rows) -> Tensor:
    """log p(answer) of each answer, summed over its tokens: (pair, 2), nats."""
    each = rows.each(lambda one: one.flatten(0, 1))  # (pair × answer, …)
    return -token_nats(predict, replace(each, more={})).view(len(each), -1).sum(1).view(-1, 2)


def preference(beta: float = 0.1) -> Objective:
    """Direct preference optimisation: -log sigma(beta x (how much further the better answer rose than the worse)).

    Args:
        beta: how tightly the model is held to its reference: large = tightly.

    Rows hold the better answer first, and log p of both under the reference as `more["reference"]` (pair, 2):
    `compared` adds it. With references of 0 the model is compared with itself alone.

    Source: Rafailov et al. 2023, "Direct preference optimization".
    Law: log 2 where the model is its reference; a step raises the better answer (tests/training/test_objectives.py).
    """

    def terms(predict: Predict, rows: Rows) -> Tensor:
        rose = log_probabilities(predict, rows) - rows.more["reference"]  # (pair, 2)
        return -F.logsigmoid(beta * (rose[:, 0] - rose[:, 1]))

    return Objective(terms, lambda rows: torch.tensor(len(rows), device=rows.targets.device))


@dataclass(frozen=True, eq=False)
class Compared:
    """Pairs of answers, each with its log-probability under a model that stays as it is."""

    data: Any
    reference: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)

    def batch(self, index: int, **asked: Any) -> Rows:
        """The data's batch, with `more["reference"]` (pair, 2), nats."""
        rows = self.data.batch(index, **asked).rows()
        device = next(self.reference.parameters()).device
        with torch.no_grad():
            there = rows.each(lambda one: torch.from_numpy(one).to(device))
            said = log_probabilities(lambda inputs: self.reference(**inputs).logits, there)
        return replace(rows, more={**rows.more, "reference": said.cpu().numpy()})


def compared(data: Any, reference: Any) -> Compared:
    """Pairs of answers beside a frozen copy of a model, as `preference` wants them."""
    return Compared(data, deepcopy(reference).eval().requires_grad_(False))
