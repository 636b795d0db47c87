"""Batches: what a model reads and what it must say, for every kind of training.

    Batch    windows of a text, to be continued: the target of each token is the one after it
    Rows     anything else: hidden tokens, another text than the one read, an answer, two answers to be compared

Data of any kind give them by number, `.batch(index, batch=, context=, seed=, split=)`; `training.steps` trains on them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

IGNORED = -100
"""The target of a position that does not count."""


@dataclass(frozen=True)
class Rows:
    """What is read and what must be said; arrays, or tensors on a device. The first axis counts the rows."""

    inputs: dict[str, Any]
    """what the model takes, by its names: `input_ids` (row, seq) and others"""
    targets: Any
    """(row, position) ids, IGNORED where nothing is asked; (row, 2, position) where two answers are compared"""
    more: dict[str, Any] = field(default_factory=dict)
    """(row, …) what the loss reads beside them"""

    def each(self, change: Callable[[Any], Any]) -> "Rows":
        """The same with every array changed: moved, or cut to some rows."""
        inputs, more = ({name: change(one) for name, one in held.items()} for held in (self.inputs, self.more))
        return Rows(inputs, change(self.targets), more)

    def rows(self) -> "Rows":
        """Itself."""
        return self

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Batch:
    """Windows of tokens; inputs are all but the last of each, targets all but the first."""

    ids: np.ndarray
    """(batch, context + 1) int64"""
    mask: np.ndarray | None = None
    """(batch, context) bool, the targets that count; None = all"""

    def rows(self) -> Rows:
        """The same text as inputs and, one token later, as targets."""
        targets = self.ids[:, 1:] if self.mask is None else np.where(self.mask, self.ids[:, 1:], IGNORED)
        return Rows({"input_ids": self.ids[:, :-1]}, targets)


@dataclass(frozen=True)
class Repeat:
    """The first batches of some data, again and again: training that reads the same text in several epochs.

    Law: batch number N + `batches` is batch number N, and the validation side is left alone
    (tests/training/test_sweep.py).
    """

    data: Any
    batches: int
    """How many are read before the first comes again."""

    def batch(self, index: int, *, split: str = "train", **asked: Any) -> Any:
        """As the data's own."""
        return self.data.batch(index % self.batches if split == "train" else index, split=split, **asked)

    def __getattr__(self, name: str) -> Any:
        if name == "data":  # asked for while it is unpickled, before there is any
            raise AttributeError(name)
        return getattr(self.data, name)
