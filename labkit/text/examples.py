"""Examples: prompts with their answers, as batches in which the answers alone are judged.

    Examples("capitals", tokenizer, prompts, answers)                  for a decoder: prompt and answer are one text
    Examples("capitals", tokenizer, prompts, answers, seq2seq=True)    the prompt is read, the answer written
    Examples("manners", tokenizer, prompts, answers, rejected)         two answers to each prompt, to be compared

Reads   texts, a tokenizer of the transformers library.
Gives   Rows by number.
Ignores models; which words are chat and which are not.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from labkit.core.errors import OptionError, TextError, closest
from labkit.core.seeds import derive

from .batches import IGNORED, Rows
from .splits import SIDES
from .windows import drawn


@dataclass(frozen=True, eq=False)
class Examples:
    """Prompts with answers; each prompt is trained on or held out with all its answers."""

    name: str
    tokenizer: Any
    prompts: tuple[str, ...]
    answers: tuple[str, ...]
    rejected: tuple[str, ...] = ()
    """worse answers, one for each prompt"""
    seq2seq: bool = False
    """True = for an encoder-decoder"""
    validation: float = 0.1
    """share of the prompts that is held out"""

    def __post_init__(self) -> None:
        counts = {len(self.prompts), len(self.answers), len(self.rejected or self.prompts)}
        if len(counts) > 1 or not self.prompts:
            raise OptionError(
                f"{len(self.prompts)} prompts, {len(self.answers)} answers, {len(self.rejected)} rejected ones: "
                "give as many of each"
            )
        if self.seq2seq and self.rejected:
            raise OptionError("answers are compared by a decoder alone; leave out seq2seq or rejected")

    @property
    def vocab_size(self) -> int:
        return len(self.tokenizer)

    @cached_property
    def hash(self) -> str:
        """Names the content."""
        parts = (self.prompts, self.answers, self.rejected, self.seq2seq, self.validation, self.tokenizer.get_vocab())
        return blake2b(repr(parts).encode(), digest_size=12).hexdigest()

    @cached_property
    def _sides(self) -> dict[str, np.ndarray]:
        """(example,) numbers of each side."""
        prompts = sorted(set(self.prompts), key=lambda prompt: derive(0, "split", prompt))
        held = set(prompts[: round(self.validation * len(prompts))])
        out = np.array([prompt in held for prompt in self.prompts])
        return {"train": np.flatnonzero(~out), "validation": np.flatnonzero(out)}

    def batch(self, index: int, *, batch: int, context: int, seed: int = 0, split: str = "train") -> Rows:
        """Batch number `index`: as wide as its longest example, padded at the end, each example once in an epoch.

        Returns:
            Rows; `targets` (batch, position) are the answer and an end token, IGNORED elsewhere. With `rejected`:
            input_ids and targets (batch, 2, position), the better answer first.

        Law: what counts is the answer and its end, whatever stands beside it (tests/text/test_examples.py).

        Raises:
            TextError: an example is longer than `context` tokens, or the side is empty.
        """
        if split not in SIDES:
            raise OptionError(f"examples have no side {split!r}; {closest(str(split), SIDES)}")
        mine = self._sides[split]
        if not len(mine):
            raise TextError(f"no example is on the side {split!r}; give more examples, or another validation=")
        chosen = mine[drawn(index, batch=batch, count=len(mine), seed=seed, split=split)]
        if self.seq2seq:
            return self._two_texts(chosen, context)
        sides = [self.answers, self.rejected] if self.rejected else [self.answers]
        made = [self._one_text(number, side, context) for number in chosen for side in sides]
        ids, targets = (_padded(part, fill) for part, fill in zip(zip(*made, strict=True), self._fills, strict=True))
        shape = (batch, 2, -1) if self.rejected else (batch, -1)
        return Rows({"input_ids": ids.reshape(shape)}, targets.reshape(shape))

    @property
    def _fills(self) -> tuple[int, int]:
        return self.tokenizer.pad_token_id or 0, IGNORED

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def _one_text(self, number: int, side: tuple[str, ...], context: int) -> tuple[list[int], list[int]]:
        """Inputs, and targets one token later."""
        prompt, answer = self._ids(self.prompts[number]), [*self._ids(side[number]), self.tokenizer.eos_token_id]
        _check(len(prompt) + len(answer) - 1, context, self.prompts[number])
        return [*prompt, *answer[:-1]], [*[IGNORED] * (len(prompt) - 1), *answer]

    def _two_texts(self, chosen: np.ndarray, context: int) -> Rows:
        end = self.tokenizer.eos_token_id
        read, said = ([[*self._ids(side[n]), end] for n in chosen] for side in (self.prompts, self.answers))
        for number, one, other in zip(chosen, read, said, strict=True):
            _check(max(len(one), len(other)), context, self.prompts[number])
        fill = self._fills[0]
        told = {
            "input_ids": _padded(read, fill),
            "attention_mask": _padded([[1] * len(one) for one in read], 0),
            "decoder_input_ids": _padded([[fill, *one[:-1]] for one in said], fill),
        }
        return Rows(told, _padded(said, IGNORED))


def _check(length: int, context: int, prompt: str) -> None:
    if length > context:
        raise TextError(f"the example {prompt[:40]!r} has {length} tokens, but the context is {context}; shorten it")


def _padded(rows: Any, fill: int) -> np.ndarray:
    made = np.full((len(rows), max(map(len, rows))), fill, np.int64)
    for row, ids in zip(made, rows, strict=True):
        row[: len(ids)] = ids
    return made
