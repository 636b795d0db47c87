"""What a split costs, in which language, and whether it can be undone.

Reads   tokenizers and texts.
Gives   Comparison (tokens of the same texts in several tokenizers), RoundTrip.
"""

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labkit.core.errors import OptionError, TextError, closest
from labkit.core.pieces import visible
from labkit.core.results import Bars, LayerGrid, Table

from .corpora import Sentence
from .tokenizers import Tokenizer

UNKNOWN = b"[UNK]"


@dataclass(frozen=True)
class Comparison:
    """The same texts counted by several tokenizers. The first text is the one that others are compared with."""

    texts: tuple[Sentence, ...]
    tokenizers: tuple[str, ...]
    tokens: np.ndarray
    """(text, tokenizer) int"""
    lost: np.ndarray
    """(text, tokenizer) bool: part of the text is gone, by the mark `[UNK]` or without its accents or tones"""

    def of(self, text: str, tokenizer: str) -> int:
        """Tokens of one text, by its name. Raises TextError for a name that is not there."""
        names = [t.name for t in self.texts]
        for name, known in ((text, names), (tokenizer, list(self.tokenizers))):
            if name not in known:
                raise TextError(f"{name!r} was not compared; {closest(name, known)}")
        return int(self.tokens[names.index(text), self.tokenizers.index(tokenizer)])

    @property
    def per_character(self) -> LayerGrid:
        """(text, tokenizer) tokens for each character (Unicode code point)."""
        lengths = np.array([[len(t.text)] for t in self.texts])
        return self._grid(self.tokens / lengths, "tokens per character", list(range(len(self.texts))))

    @property
    def per_word(self) -> LayerGrid:
        """(text, tokenizer) tokens for each word; only languages whose script marks words by spaces."""
        spaced = [i for i, t in enumerate(self.texts) if t.words and t.code]
        words = np.array([[self.texts[i].words] for i in spaced])
        return self._grid(self.tokens[spaced] / words, "tokens per word", spaced)

    @property
    def premium(self) -> LayerGrid:
        """(text, tokenizer) tokens for the same content, as a multiple of the first text's; languages only."""
        spoken = [i for i, t in enumerate(self.texts) if t.code]
        what = f"tokens ÷ tokens for {self.texts[0].name}"
        return self._grid(self.tokens[spoken] / self.tokens[0], what, spoken)

    def added(self, tokenizers: Sequence[str]) -> Bars:
        """(tokenizer, language) percent of the first text's tokens that saying the same in a language adds.

        Raises:
            TextError: a tokenizer was not compared.
        """
        for name in tokenizers:
            self.of(self.texts[0].name, name)
        grid = self.premium
        columns = [self.tokenizers.index(name) for name in tokenizers]
        percent = 100 * (grid.values[1:, columns].T - 1)
        order = np.argsort(-percent[0])
        return Bars(
            labels=tuple(grid.row_labels[1 + i] for i in order),
            values=percent[:, order],
            groups=tuple(tokenizers),
            quantity=f"added to the tokens of {self.texts[0].name}, %",
            label_name="language",
        )

    def cost(self, dollars_per_million: float, *, characters: int = 1000) -> LayerGrid:
        """(text, tokenizer) cents for so many characters, if every token had this price."""
        lengths = np.array([[len(t.text)] for t in self.texts])
        cents = self.tokens / lengths * characters * dollars_per_million / 1e6 * 100
        everything = list(range(len(self.texts)))
        return self._grid(cents, f"price of {characters:,} characters", everything, unit="¢", digits=3)

    def _grid(self, values: np.ndarray, what: str, rows: list[int], unit: str = "", digits: int = 2) -> LayerGrid:
        """Cells where the tokenizer lost part of the text are empty: few tokens are no merit there."""
        lost = self.lost[rows]
        cells = [
            ["lost" if gone else f"{value:.{digits}f}" for value, gone in zip(*row, strict=True)]
            for row in zip(values, lost, strict=True)
        ]
        return LayerGrid(
            values=np.where(lost, np.nan, values),
            quantity=what,
            unit=unit,
            title=what,
            row_name="text",
            column_name="tokenizer",
            row_labels=tuple(self.texts[i].name for i in rows),
            column_labels=self.tokenizers,
            text=tuple(map(tuple, cells)),
        )


def compare(tokenizers: Sequence[Tokenizer], texts: Sequence[Sentence]) -> Comparison:
    """Count the tokens of each text in each tokenizer.

    Raises:
        OptionError: there is nothing to compare, or a text is empty.
    """
    if not tokenizers or not texts or not all(t.text for t in texts):
        raise OptionError(f"nothing to compare: {len(tokenizers)} tokenizers, {len(texts)} texts; none may be empty")
    ids = [[tok.encode(t.text) for tok in tokenizers] for t in texts]
    lost = [
        [_loses(tok, t.text, i) for tok, i in zip(tokenizers, row, strict=True)]
        for t, row in zip(texts, ids, strict=True)
    ]
    counts = [[len(i) for i in row] for row in ids]
    return Comparison(tuple(texts), tuple(tok.name for tok in tokenizers), np.array(counts), np.array(lost))


def _loses(tok: Tokenizer, text: str, ids: list[int]) -> bool:
    return UNKNOWN in tok.pieces(ids) or _letters(tok.decode(ids)) != _letters(text)


def _letters(text: str) -> str:
    """What must survive a tokenizer for its count to mean something: all but case, spacing and Unicode's spelling."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def cuts(tokenizers: Sequence[Tokenizer], examples: Sequence[str]) -> Table:
    """Short texts in several tokenizers: one row a text, pieces parted by a bar, spaces as ␣."""

    def cut(tok: Tokenizer, example: str) -> str:
        return " | ".join(map(visible, tok.pieces(tok.encode(example))))

    rows = [(visible(e.encode()), *(cut(tok, e) for tok in tokenizers)) for e in examples]
    return Table(("text", *(tok.name for tok in tokenizers)), tuple(rows))


def number_cuts(tokenizers: Sequence[Tokenizer], *, digits: int = 4) -> Table:
    """How often each tokenizer cuts the numbers of so many digits (after a space) into which lengths.

    Raises:
        OptionError: digits is not 1 to 5.
    """
    if not 1 <= digits <= 5:
        raise OptionError(f"digits must be 1 to 5, but is {digits}")
    numbers = range(10 ** (digits - 1), 10**digits)
    counts = {tok.name: Counter(_lengths(tok, number) for number in numbers) for tok in tokenizers}
    ways = sorted({way for count in counts.values() for way in count}, key=lambda way: (len(way), way[::-1]))
    columns = ("tokenizer", *(" + ".join(map(str, way)) for way in ways))
    return Table(columns, tuple((name, *(count[way] for way in ways)) for name, count in counts.items()))


def _lengths(tok: Tokenizer, number: int) -> tuple[int, ...]:
    digits = (sum(c.isdigit() for c in piece) for piece in tok.split(f" {number}").tokens)
    return tuple(n for n in digits if n)


ALPHABETS = {
    "ascii": [(0x20, 0x7E)],
    "spaces": [
        (0x20, 0x20),
        (0x09, 0x0A),
        (0x0D, 0x0D),
        (0xA0, 0xA0),
        (0x2002, 0x200A),
        (0x3000, 0x3000),
        (0x61, 0x63),
    ],
    "latin": [(0x41, 0x5A), (0xC0, 0x24F), (0x20, 0x20)],
    "combining": [(0x61, 0x7A), (0x300, 0x36F)],
    "scripts": [(0x370, 0x3FF), (0x400, 0x4FF), (0x5D0, 0x5EA), (0x620, 0x64A), (0x905, 0x939), (0xE01, 0xE3A)],
    "east asian": [(0x3041, 0x30FF), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xFF01, 0xFF5E)],
    "symbols": [(0x2070, 0x209C), (0x2100, 0x218B), (0x2190, 0x23FF), (0x2460, 0x24FF), (0x2581, 0x2588)],
    "emoji": [(0x1F300, 0x1F64F), (0x1F900, 0x1F9FF), (0x200D, 0x200D), (0xFE0F, 0xFE0F), (0x1F3FB, 0x1F3FF)],
    "control": [(0x00, 0x1F), (0x7F, 0x9F), (0x61, 0x7A)],
    "anything": [(0x00, 0xD7FF), (0xE000, 0x10FFFF)],
}
"""Ranges of code points from which random strings are drawn."""


def random_strings(n: int, *, seed: int = 0, longest: int = 40) -> list[str]:
    """Strings of 1 to `longest` characters, each from one of ten kinds of character in turn.

    Raises:
        OptionError: n or longest is not positive.
    """
    if not (isinstance(n, int) and isinstance(longest, int) and n >= 1 and longest >= 1):
        raise OptionError(f"n and longest must be whole numbers of at least 1, but are {n!r} and {longest!r}")
    draw = random.Random(seed)
    kinds = list(ALPHABETS.values())
    strings = []
    for i in range(n):
        ranges = kinds[i % len(kinds)]
        picked = draw.choices(ranges, weights=[high - low + 1 for low, high in ranges], k=draw.randint(1, longest))
        strings.append("".join(chr(draw.randint(low, high)) for low, high in picked))
    return strings


@dataclass(frozen=True)
class RoundTrip:
    """How often decode(encode(text)) was the text."""

    name: str
    tried: int
    exact: int
    changed: tuple[tuple[str, str], ...]
    """(text, what came back), the shortest first; at most five"""

    @property
    def share(self) -> float:
        return self.exact / self.tried


def round_trip(tokenizer: Tokenizer, texts: Sequence[str]) -> RoundTrip:
    """Encode and decode each text, and compare character by character.

    Raises:
        OptionError: there are no texts.
    """
    if not texts:
        raise OptionError("there is no text to try; pass at least one")
    back = [tokenizer.decode(tokenizer.encode(text)) for text in texts]
    changed = [(t, b) for t, b in zip(texts, back, strict=True) if t != b]
    return RoundTrip(
        tokenizer.name, len(texts), len(texts) - len(changed), tuple(sorted(changed, key=lambda pair: len(pair[0]))[:5])
    )


def smallest_change(tokenizer: Tokenizer, text: str, *, longest: int = 200) -> tuple[str, str]:
    """(text, what came back), where without any one of its characters the text comes back; long texts as they are."""

    def back(one: str) -> str:
        return tokenizer.decode(tokenizer.encode(one))

    found: str | None = text if len(text) <= longest else None
    while found:
        text = found
        found = next((s for i in range(len(text)) if back(s := text[:i] + text[i + 1 :]) != s), None)
    return text, back(text)


def round_trips(tokenizers: Sequence[Tokenizer], texts: Sequence[str]) -> Table:
    """One row for each tokenizer: how many came back, and the least of one that did not."""
    records = []
    for tok in tokenizers:
        result = round_trip(tok, texts)
        text, back = smallest_change(tok, result.changed[0][0]) if result.changed else ("", "")
        records.append({
            "tokenizer": tok.name, "texts": result.tried, "came back exactly": result.exact, "share": result.share,
            "smallest that changed": _named(text), "came back as": _named(back) if text else "",
        })  # fmt: skip
    return Table.of(records, title=f"decode(encode(text)) on {len(texts):,} texts")


def _named(text: str, most: int = 3) -> str:
    """A text in ASCII, with Unicode's names of up to three characters that ASCII cannot show."""
    hidden = [c for c in text if not (c.isascii() and c.isprintable())]
    names = [unicodedata.name(c, f"U+{ord(c):04X}, without a name") for c in hidden[:most]]
    return (ascii(text) if text else "") + (f" ({', '.join(names)})" if names and len(hidden) <= most else "")


KINDS = {
    "␣word": r" [a-z]+",
    "␣Word": r" [A-Z][a-z]+",
    "piece": r"[a-z]+",
    "CAPITALS": r" ?[A-Z]{2,}",
    "signs and spaces": r"[\x00-\x40\x5b-\x60\x7b-\x7f]+",
    "other scripts and bytes": r"[^a-zA-Z]*[^\x00-\x7f]+[^a-zA-Z]*",
}
"""Kinds of tokens by their letters, as patterns for the whole token; digits alone count as signs."""


def kind_of(piece: bytes) -> str:
    """A token's kind, one of `KINDS`, or `mixed`."""
    token = piece.decode("utf-8", "surrogateescape")
    return next((kind for kind, pattern in KINDS.items() if re.fullmatch(pattern, token)), "mixed")
