"""Splits: which texts are trained on and which are held out.

A document is never on both sides, and neither are two copies of one: texts are told apart by their content. A document
longer than all that is to be held out is cut into blocks at paragraph ends, and the blocks are dealt out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b

from labkit.core.errors import OptionError, TextError
from labkit.core.seeds import derive
from labkit.core.values import checked_text

from .corpora import Corpus, Document, decoded

SIDES = ("train", "validation")
BLOCKS = 5
"""Into about so many blocks the held-out part of a long document falls."""
WINDOW = 1 << 16
"""Bytes searched for the end of a paragraph."""


@dataclass(frozen=True)
class Unit:
    """What is dealt to one side as a whole: a document, or a block of a long one."""

    document: Document
    """the whole that it is of"""
    data: bytes
    """UTF-8"""

    @property
    def text(self) -> str:
        """Each line ends with one character."""
        return decoded(self.data, self.document.title)

    @cached_property
    def digest(self) -> str:
        """The same for the same text, whatever its name."""
        return blake2b(self.data, digest_size=16).hexdigest()


def units(corpus: Corpus, *, share: float) -> list[Unit]:
    """The units of a corpus.

    Args:
        share: of the text that is to be held out; a document longer than that is cut into blocks.

    Raises:
        TextError: a document is no text.
    """
    whole = [Unit(document, checked_text(document.text).encode()) for document in corpus]
    total = sum(len(unit.data) for unit in whole)
    return [part for unit in whole for part in _cut(unit, share * total if 0 < share < 1 else total)]


def _cut(whole: Unit, most: float) -> Iterator[Unit]:
    """The unit itself, or where it is longer than `most`, blocks of about a fifth of that, cut at paragraph ends."""
    size, start = len(whole.data), 0
    length = max(1, int(most / BLOCKS)) if size > most else size
    while start < size:
        stop = _paragraph_end(whole.data, start + length) if start + length < size else size
        yield replace(whole, data=whole.data[start:stop])
        start = stop


def _paragraph_end(data: bytes, at: int) -> int:
    """The first end of a paragraph from here on; where none is near, of a line, a word, a character."""
    for mark in (b"\n\n", b"\r\n\r\n", b"\n", b" "):
        if (found := data.find(mark, at, at + WINDOW)) >= 0:
            end = found + len(mark)
            return end + len(data[end:]) - len(data[end:].lstrip(b"\n"))
    return next((i for i in range(at, len(data)) if data[i] & 0xC0 != 0x80), len(data))


def sides(found: Sequence[Unit], *, validation: float, seed: int) -> dict[str, list[Unit]]:
    """The units of each side, in their order: those held out are drawn until `validation` of the bytes is reached.

    Raises:
        OptionError: validation is not between 0 and 1.
        TextError: there are too few different texts to hold one out.
    """
    if not 0 <= validation <= 1:
        raise OptionError(f"validation is a share of the text from 0 to 1, but is {validation!r}")
    sizes: dict[str, int] = {}
    for unit in found:
        sizes[unit.digest] = sizes.get(unit.digest, 0) + len(unit.data)
    if 0 < validation < 1 and len(sizes) < 2:
        raise TextError("the corpus is one paragraph, of which nothing can be held out to judge by; add other text")
    drawn = sorted(sizes, key=lambda digest: derive(seed, "split", digest))
    aim, held, held_out = validation * sum(sizes.values()), 0, set()
    for digest in drawn if validation else ():
        if held_out and abs(held + sizes[digest] - aim) > abs(held - aim):  # the next one would lead away from the aim
            continue
        held_out.add(digest)
        held += sizes[digest]
    if validation < 1 and len(held_out) == len(sizes):
        held_out.discard(drawn[-1])
    return {side: [u for u in found if (u.digest in held_out) == (side == "validation")] for side in SIDES}


def split(corpus: Corpus, *, validation: float = 0.1, seed: int = 0) -> tuple[Corpus, Corpus]:
    """A corpus as (what is trained on, what is held out), by document.

    Args:
        validation: share of the text to hold out; as near to it as whole documents allow.

    Raises:
        OptionError: validation is not between 0 and 1.
        TextError: the corpus is too small to be split.

    Law: no text is on both sides, and none is lost (tests/text/test_splits.py).
    """
    both = sides(units(corpus, share=validation), validation=validation, seed=seed)
    train, held = (
        Corpus(f"{corpus.name}, {side}", tuple(replace(unit.document, text=unit.text) for unit in both[side]))
        for side in SIDES
    )
    return train, held
