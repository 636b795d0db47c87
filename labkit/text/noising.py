"""Noised text: batches from which a model learns by repairing what was spoiled.

    Masked(data)        some tokens hidden, all others read on both sides of them (BERT)
    Gaps(data)          spans replaced by numbered gaps; what stood in each is written in turn (T5)
    Gaps(data, whole=True)    each span replaced by one mask; the whole text is written again (BART)

Reads   data that give windows of tokens by number: TokenData, World.
Gives   Rows by number; and a tokenizer and a vocabulary that hold the new tokens.
Ignores models.

Sources: Devlin et al. 2019, "BERT"; Raffel et al. 2020, "Exploring the limits of transfer learning" (T5); Lewis et al.
2020, "BART".
"""

from copy import deepcopy
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.seeds import derive

from .batches import IGNORED, Rows

MASK = "<|mask|>"
MASKED, SWAPPED = 0.8, 0.1
"""Of the tokens to be said: so many are masked, so many are other tokens; the rest stand as they are."""


@dataclass(frozen=True, eq=False)
class _Noised:
    data: Any
    rate: float = 0.15
    """share of the tokens that are spoiled"""

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise OptionError(f"rate is the share of tokens that are spoiled, between 0 and 1, but is {self.rate!r}")

    @property
    def name(self) -> str:
        return f"{self.data.name}, noised"

    @property
    def hash(self) -> str:
        """Names the content."""
        options = [getattr(self, field.name) for field in fields(self) if field.name != "data"]
        return f"{self.data.hash}-{derive(0, type(self).__name__, *options):x}"

    @property
    def new_tokens(self) -> list[str]:
        return [MASK]

    @cached_property
    def tokenizer(self) -> Any:
        """The data's, with the new tokens behind its own."""
        grown = deepcopy(self.data.tokenizer)
        grown.add_special_tokens({"mask_token": MASK})
        grown.add_tokens(self.new_tokens, special_tokens=True)
        return grown

    @property
    def vocab_size(self) -> int:
        return len(self.tokenizer)

    def _windows(self, index: int, batch: int, context: int, seed: int, split: str) -> tuple[np.ndarray, Any]:
        """(batch, context) ids, and the generator that spoils them."""
        made = self.data.batch(index, batch=batch, context=context, seed=seed, split=split)
        return made.ids[:, :-1], np.random.default_rng(derive(seed, "noise", split, index))


@dataclass(frozen=True, eq=False)
class Masked(_Noised):
    """Windows in which some tokens are to be said from what stands on both sides."""

    def batch(self, index: int, *, batch: int, context: int, seed: int = 0, split: str = "train") -> Rows:
        """Batch number `index`: input_ids (batch, context), and as targets the tokens that were spoiled.

        Law: as many in each row, four fifths of them masked; all else stands (tests/text/test_noising.py).
        """
        ids, draw = self._windows(index, batch, context, seed, split)
        chosen = draw.random(ids.shape).argsort(1) < max(1, round(self.rate * context))
        how = draw.random(ids.shape)
        other = draw.integers(self.data.vocab_size, size=ids.shape)
        spoiled = np.where(how < MASKED, self.tokenizer.mask_token_id, np.where(how < MASKED + SWAPPED, other, ids))
        return Rows({"input_ids": np.where(chosen, spoiled, ids)}, np.where(chosen, ids, IGNORED))


@dataclass(frozen=True, eq=False)
class Gaps(_Noised):
    """Windows with spans left out, for an encoder-decoder that writes what is missing, or all of it."""

    span: int = 3
    """tokens of a gap, on average"""
    whole: bool = False
    """True = the whole window is written; False = the gaps alone"""
    most: int = 16
    """gaps that have a number"""

    @property
    def new_tokens(self) -> list[str]:
        return [MASK] if self.whole else [f"<|gap {number}|>" for number in range(self.most)]

    def batch(self, index: int, *, batch: int, context: int, seed: int = 0, split: str = "train") -> Rows:
        """Batch number `index`: what the encoder reads, what the decoder reads (the targets, one later), targets.

        Law: gaps put back give the text (tests/text/test_noising.py).

        Raises:
            OptionError: the window has more gaps than have a number, or no room for one.
        """
        ids, draw = self._windows(index, batch, context, seed, split)
        lost = max(1, round(self.rate * context))
        gaps = max(1, round(lost / self.span))
        if context - lost < gaps or (gaps > self.most and not self.whole):
            raise OptionError(
                f"{context} tokens would have {gaps} gaps of {self.span}, but there are {self.most} numbers for gaps, "
                "and each follows a token that stays; change context, rate, span or most"
            )
        signs = [self.tokenizer.convert_tokens_to_ids(sign) for sign in self.new_tokens] * (gaps if self.whole else 1)
        made = [self._row(row, _cut(draw, context - lost, gaps), _cut(draw, lost, gaps), signs) for row in ids]
        read, said = (np.array(side) for side in zip(*made, strict=True))
        start = np.full((batch, 1), self.tokenizer.pad_token_id)
        return Rows({"input_ids": read, "decoder_input_ids": np.concatenate([start, said[:, :-1]], 1)}, said)

    def _row(
        self, row: np.ndarray, kept: np.ndarray, lost: np.ndarray, signs: list[int]
    ) -> tuple[list[int], list[int]]:
        """What is read and what is said of one window; both end with the end token."""
        read, said, at = [], [], 0
        for keep, drop, sign in zip(kept, lost, signs, strict=False):
            read += [*row[at : at + keep], sign]
            said += [sign, *row[at + keep : at + keep + drop]]
            at += keep + drop
        end = self.tokenizer.eos_token_id
        return [*read, end], [*(row if self.whole else said), end]


def _cut(draw: Any, length: int, parts: int) -> np.ndarray:
    """(part,) lengths of at least 1 that add up."""
    places = np.sort(draw.choice(length - 1, parts - 1, replace=False)) + 1
    return np.diff(np.concatenate([[0], places, [length]]))
