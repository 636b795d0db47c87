"""Worlds: endless synthetic sequences whose answers are known, to see what a model can learn, and how.

    copy       tokens at random, a sign, the same tokens again
    repeated   tokens at random, then the same ones again and again, without a sign (Olsson et al. 2022, induction)
    phrases    short phrases of random tokens, then the same phrases in another order: what follows a token in a phrase
               has to be looked up where it stood before, and no fixed distance and no count tells where
    modular    a + b = the sum modulo p; some pairs are never trained on (Power et al. 2022, "Grokking")
    brackets   brackets of two kinds open and close at random; after a sign, all that are still open must be closed

Every window begins with an example; further ones follow until it is full. The mask tells which targets follow from what
stands before them: all others are dice, and no model can foresee them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from labkit.core.errors import OptionError, closest
from labkit.core.seeds import derive
from labkit.core.values import is_whole

from .batches import Batch
from .splits import SIDES
from .vocabularies import listed, wrap

Examples = Callable[[np.random.Generator, int, str], tuple[np.ndarray, np.ndarray]]
"""(generator, how many, side) -> ids (example, length), determined (example, length) bool"""


@dataclass(frozen=True, eq=False)
class World:
    """Sequences that follow a rule, drawn by number: batch N is the same on every machine."""

    name: str
    sizes: dict[str, int]
    symbols: tuple[str, ...] = field(repr=False)
    """(token,) as they are written; two special tokens stand before them"""
    length: int
    """tokens of one example"""
    examples: Examples = field(repr=False)

    @property
    def vocab_size(self) -> int:
        """Different ids, the two special ones included."""
        return len(self.symbols) + FIRST

    @property
    def context(self) -> int:
        """The context that holds one example: inputs are all its tokens but the last."""
        return self.length - 1

    @cached_property
    def tokenizer(self) -> Any:
        """transformers.PreTrainedTokenizerFast over the symbols, which spaces part."""
        return wrap(listed(self.symbols, r" ", behaviour="removed"), unknown=True)

    @cached_property
    def hash(self) -> str:
        """Names the content."""
        return blake2b(repr((self.name, sorted(self.sizes.items()))).encode(), digest_size=12).hexdigest()

    def batch(
        self, index: int, *, batch: int, context: int | None = None, seed: int = 0, split: str = "train"
    ) -> Batch:
        """Batch number `index`: its mask marks the targets that are determined.

        Raises:
            OptionError: the context does not hold one example, or there is no such side.
        """
        context = self.context if context is None else context
        if context < self.context:
            raise OptionError(
                f"a context of {context} tokens does not hold one example of {self.name!r}; use {self.context} or more"
            )
        if split not in SIDES:
            raise OptionError(f"a world has no side {split!r}; {closest(str(split), SIDES)}")
        draw = np.random.default_rng(derive(seed, self.name, split, index))
        each = -(-(context + 1) // self.length)  # examples in a window
        ids, known = self.examples(draw, batch * each, split)
        ids, known = (part.reshape(batch, -1)[:, : context + 1] for part in (ids, known))
        return Batch(ids.astype(np.int64), known[:, 1:].copy())


FIRST = 2
"""The number of the first symbol."""


def copying(vocabulary: int = 16, length: int = 12) -> World:
    """`length` tokens of a `vocabulary`, a sign, and the same tokens again."""
    _at_least(vocabulary=(vocabulary, 2), length=(length, 1))
    sign = FIRST + vocabulary

    def examples(draw: np.random.Generator, n: int, split: str) -> tuple[np.ndarray, np.ndarray]:
        first = draw.integers(FIRST, sign, (n, length))
        ids = np.hstack([first, np.full((n, 1), sign), first])
        return ids, np.broadcast_to(np.arange(ids.shape[1]) > length, ids.shape)

    sizes = {"vocabulary": vocabulary, "length": length}
    return World("copy", sizes, (*map(str, range(vocabulary)), "|"), 2 * length + 1, examples)


def repeated(vocabulary: int = 32, length: int = 16, shortest: int = 4) -> World:
    """Tokens of a `vocabulary` at random, repeated over and over; the period is drawn anew for each example.

    The period is from `shortest` to `length` tokens, an example twice `length`: looking back a fixed distance hardly
    helps, one has to find the token's last occurrence. Determined from the second token of the copy on. No
    token occurs twice within a period where the vocabulary allows it, so that what follows a token is certain.
    """
    _at_least(vocabulary=(vocabulary, 2), shortest=(shortest, 2), length=(length, shortest))

    def examples(draw: np.random.Generator, n: int, split: str) -> tuple[np.ndarray, np.ndarray]:
        if vocabulary >= length:
            once = draw.random((n, vocabulary)).argsort(1)[:, :length] + FIRST
        else:
            once = draw.integers(FIRST, FIRST + vocabulary, (n, length))
        period = draw.integers(shortest, length + 1, (n, 1))
        place = np.arange(2 * length)
        return np.take_along_axis(once, place % period, 1), place > period

    sizes = {"vocabulary": vocabulary, "length": length, "shortest": shortest}
    return World("repeated", sizes, tuple(map(str, range(vocabulary))), 2 * length, examples)


def phrases(vocabulary: int = 32, phrases: int = 5, length: int = 3) -> World:
    """`phrases` of `length` tokens, all different, then the same phrases in another order.

    Determined are all tokens of a repeated phrase but its first.
    """
    _at_least(phrases=(phrases, 2), length=(length, 2), vocabulary=(vocabulary, phrases * length))

    def examples(draw: np.random.Generator, n: int, split: str) -> tuple[np.ndarray, np.ndarray]:
        once = draw.random((n, vocabulary)).argsort(1)[:, : phrases * length].reshape(n, phrases, length) + FIRST
        order = draw.random((n, phrases)).argsort(1)
        again = np.take_along_axis(once, order[:, :, None], 1)
        place = np.arange(2 * phrases * length)
        known = (place >= phrases * length) & (place % length > 0)
        return np.hstack([once.reshape(n, -1), again.reshape(n, -1)]), np.broadcast_to(known, (n, len(place)))

    sizes = {"vocabulary": vocabulary, "phrases": phrases, "length": length}
    return World("phrases", sizes, tuple(map(str, range(vocabulary))), 2 * phrases * length, examples)


def modular(modulus: int = 59, percent: int = 50) -> World:
    """`a + b =` and the sum modulo `modulus`; `percent` of all pairs are trained on, the others are for validation."""
    _at_least(modulus=(modulus, 2), percent=(percent, 1))
    if percent > 99:
        raise OptionError(f"percent is {percent}, but must be at most 99, so that some pairs are left for validation")
    plus, equals = FIRST + modulus, FIRST + modulus + 1
    order = np.random.default_rng(derive(0, "modular", modulus)).permutation(modulus**2)
    known = max(1, min(len(order) - 1, len(order) * percent // 100))
    pairs = {"train": order[:known], "validation": order[known:]}

    def examples(draw: np.random.Generator, n: int, split: str) -> tuple[np.ndarray, np.ndarray]:
        a, b = np.divmod(draw.choice(pairs[split], n), modulus)
        signs = np.full(n, plus), np.full(n, equals)
        ids = np.stack([a + FIRST, signs[0], b + FIRST, signs[1], (a + b) % modulus + FIRST], 1)
        return ids, np.broadcast_to(np.arange(5) == 4, ids.shape)

    sizes = {"modulus": modulus, "percent": percent}
    return World("modular", sizes, (*map(str, range(modulus)), "+", "="), 5, examples)


def brackets(length: int = 16, depth: int = 6) -> World:
    """`length` brackets that open and close, never more than `depth` open; then `=`, and all that are open close.

    The rest of an example is filled with dots, which count as determined too.
    """
    _at_least(length=(length, 1), depth=(depth, 1))
    opening, closing, equals, dot = (FIRST, FIRST + 1), (FIRST + 2, FIRST + 3), FIRST + 4, FIRST + 5

    def example(draw: np.random.Generator) -> list[int]:
        ids, pending = [], []
        for _ in range(length):
            if pending and (len(pending) == depth or draw.random() < 0.5):
                ids.append(closing[pending.pop()])
            else:
                pending.append(int(draw.integers(2)))
                ids.append(opening[pending[-1]])
        ids += [equals, *(closing[kind] for kind in reversed(pending))]
        return ids + [dot] * (length + 2 + depth - len(ids))

    def examples(draw: np.random.Generator, n: int, split: str) -> tuple[np.ndarray, np.ndarray]:
        ids = np.array([example(draw) for _ in range(n)])
        return ids, np.broadcast_to(np.arange(ids.shape[1]) > length, ids.shape)

    sizes = {"length": length, "depth": depth}
    return World("brackets", sizes, ("(", "[", ")", "]", "=", "."), length + 2 + depth, examples)


WORLDS = {"copy": copying, "repeated": repeated, "phrases": phrases, "modular": modular, "brackets": brackets}


def world(name: str, **sizes: int) -> World:
    """A synthetic world by its name; `sizes` are those of its function, such as `vocabulary` and `length`.

    Raises:
        OptionError: there is no such world or size, or a size is too small.

    Law: what the mask marks follows from the tokens before it (tests/text/test_worlds.py).
    """
    if name not in WORLDS:
        raise OptionError(f"there is no world {name!r}; {closest(str(name), tuple(WORLDS))}")
    known = WORLDS[name].__code__.co_varnames[: WORLDS[name].__code__.co_argcount]
    for size in sizes:
        if size not in known:
            raise OptionError(f"the world {name!r} has no size {size!r}; {closest(size, known)}")
    return WORLDS[name](**sizes)


def _at_least(**sizes: tuple[int, int]) -> None:
    for name, (value, least) in sizes.items():
        if not is_whole(value) or value < least:
            raise OptionError(f"{name} is {value!r}, but must be a whole number of at least {least}")
