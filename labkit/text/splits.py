"""Splits: which texts are trained on and which are held out.

A document is never on both sides, and neither are two copies of one: texts are told apart by their content. A document
longer than all that is to be held out is cut into blocks at paragraph ends, and the blocks are dealt out.

Everything is read in pieces, so that a text far larger than the memory can be split.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from typing import IO

from labkit.core.errors import OptionError, TextError
from labkit.core.seeds import derive
from labkit.core.values import checked_text

from .corpora import Corpus, Document, decoded, files_of

SIDES = ("train", "validation")
BLOCKS = 5
"""Into about so many blocks the held-out part of a long document falls."""
PIECE = 1 << 20
"""Bytes read at a time."""
WINDOW = 1 << 16
"""Bytes searched for the end of a paragraph."""


@dataclass(frozen=True)
class Unit:
    """What is dealt to one side as a whole: a document, or a block of a long one."""

    title: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]
    start: int
    """bytes"""
    stop: int
    document: Document | None = None
    """where it comes from a Corpus"""

    def texts(self) -> Iterator[str]:
        """The text, piece by piece; each piece but the last ends with a line."""
        with self.open() as file:
            file.seek(self.start)
            at, kept = self.start, b""
            while at + len(kept) < self.stop and (read := file.read(min(PIECE, self.stop - at - len(kept)))):
                kept += read
                end = _line_end(kept) if at + len(kept) < self.stop else len(kept)
                yield decoded(kept[:end], self.title, at)
                at, kept = at + end, kept[end:]

    @cached_property
    def digest(self) -> str:
        """The same for the same text, whatever its name."""
        digest = hashlib.blake2b(digest_size=16)
        with self.open() as file:
            file.seek(self.start)
            left = self.stop - self.start
            while left > 0 and (read := file.read(min(PIECE, left))):
                digest.update(read)
                left -= len(read)
        return digest.hexdigest()


def _line_end(data: bytes) -> int:
    """Where to cut: after the last end of a line, else after the last whole character."""
    if line := data.rfind(b"\n") + 1:
        return line
    end = len(data) - data.endswith(b"\r")  # a line may end with two characters
    while end > max(0, len(data) - 4) and data[end - 1] & 0xC0 == 0x80:
        end -= 1
    return end - 1 if end and data[end - 1] >= 0xC0 else len(data) - data.endswith(b"\r")


def units(source: Corpus | Path, *, share: float) -> list[Unit]:
    """The units of a corpus, or of a file or folder that is only read piece by piece.

    Args:
        share: of the text that is to be held out; a document longer than that is cut into blocks.

    Raises:
        TextError: a document is no text.
    """
    if isinstance(source, Corpus):
        found = [(d.title, partial(BytesIO, checked_text(d.text).encode()), d) for d in source]
    else:
        found = [(str(path), partial(open, path, "rb"), None) for path in files_of(source)]
    sizes = [_size(opened) for _, opened, _ in found]
    most = share * sum(sizes) if 0 < share < 1 else sum(sizes)
    return [unit for (title, opened, document), size in zip(found, sizes, strict=True) if size
            for unit in _cut(Unit(title, opened, 0, size, document), most)]  # fmt: skip


def _size(opened: Callable[[], AbstractContextManager[IO[bytes]]]) -> int:
    with opened() as file:
        return file.seek(0, os.SEEK_END)


def _cut(whole: Unit, most: float) -> Iterator[Unit]:
    """The unit itself, or where it is longer than `most`, blocks of about a fifth of that, cut at paragraph ends."""
    length = max(1, int(most / BLOCKS)) if whole.stop > most else whole.stop
    start = 0
    with whole.open() as file:
        while start < whole.stop:
            stop = min(_paragraph_end(file, start + length), whole.stop) if start + length < whole.stop else whole.stop
            yield Unit(whole.title, whole.open, start, stop, whole.document)
            start = stop


def _paragraph_end(file: IO[bytes], at: int) -> int:
    """The first end of a paragraph from here on; where none is near, of a line, a word, a character."""
    file.seek(at)
    window = file.read(WINDOW)
    for mark in (b"\n\n", b"\r\n\r\n", b"\n", b" "):
        if (found := window.find(mark)) >= 0:
            end = found + len(mark)
            while end < len(window) and window[end : end + 1] == b"\n":
                end += 1
            return at + end
    return at + next((i for i, byte in enumerate(window) if byte & 0xC0 != 0x80), len(window))


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
        sizes[unit.digest] = sizes.get(unit.digest, 0) + unit.stop - unit.start
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
    return Corpus(f"{corpus.name}, train", tuple(_documents(both["train"]))), Corpus(
        f"{corpus.name}, validation", tuple(_documents(both["validation"]))
    )


def _documents(found: Iterable[Unit]) -> Iterator[Document]:
    for unit in found:
        whole = unit.document
        assert whole is not None  # units of a Corpus know their document
        yield Document(unit.title, "".join(unit.texts()), whole.year, whole.author)
