"""Sentences of whole words as training data, a row for each sentence.

Reads   sentences and a list of words.
Gives   SentenceData: the batches that `training.steps` asks for, and the tokenizer.
Ignores what the sentences say.
"""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from labkit.core.errors import OptionError, closest

from .batches import Batch
from .splits import SIDES
from .vocabularies import listed, wrap
from .windows import drawn


@dataclass(frozen=True, eq=False)
class SentenceData:
    """Sentences of whole words, each a row of its own: the batches that `training.steps` asks for.

    Every epoch takes each sentence once, in another order. There is nothing held out: what is not told of a person
    cannot be known, so the `validation` side holds the same sentences.
    """

    sentences: tuple[str, ...] = field(repr=False)
    words: tuple[str, ...] = field(repr=False)
    """(token,) the vocabulary, without the two special tokens that stand before it"""

    @cached_property
    def tokenizer(self) -> Any:
        """transformers.PreTrainedTokenizerFast; spaces part the words, id 0 ends a sentence."""
        return wrap(listed(self.words, r" ", behaviour="removed"), unknown=True)

    @property
    def vocab_size(self) -> int:
        """Different ids, the two special ones included."""
        return len(self.tokenizer)

    @cached_property
    def rows(self) -> np.ndarray:
        """(sentence, longest + 1) ids; each ends with id 0, and is filled with it."""
        numbers = self.tokenizer.get_vocab()
        split = [[numbers[word] for word in sentence.split()] for sentence in self.sentences]
        rows = np.zeros((len(split), max(map(len, split)) + 1), np.int64)
        for row, ids in zip(rows, split, strict=True):
            row[: len(ids)] = ids
        return rows

    @property
    def context(self) -> int:
        """The context that holds every sentence: inputs are all tokens but the last."""
        return self.rows.shape[1] - 1

    @cached_property
    def hash(self) -> str:
        """Names the content."""
        return blake2b(repr((self.sentences, self.words)).encode(), digest_size=12).hexdigest()

    def bytes_per_token(self, split: str = "validation") -> float:
        """nan: words that stand for nothing have no bytes worth counting."""
        return float("nan")

    def batch(
        self, index: int, *, batch: int, context: int | None = None, seed: int = 0, split: str = "train"
    ) -> Batch:
        """Batch number `index`: ids (batch, context + 1), and a mask that leaves the filling out.

        Raises:
            OptionError: the context does not hold the longest sentence, or there is no such side.
        """
        context = self.context if context is None else context
        if context < self.context:
            raise OptionError(f"a context of {context} cuts the longest sentence; use {self.context} or more")
        if split not in SIDES:
            raise OptionError(f"sentences have no side {split!r}; {closest(str(split), SIDES)}")
        ids = np.zeros((batch, context + 1), np.int64)
        chosen = drawn(index, batch=batch, count=len(self.rows), seed=seed, split=split)
        ids[:, : self.rows.shape[1]] = self.rows[chosen]
        return Batch(ids, ids[:, :-1] != 0)
