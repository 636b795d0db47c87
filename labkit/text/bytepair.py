"""Byte-pair encoding, trained in steps: count the pairs, join the most frequent one, count again.

Reads   a text.
Gives   one Merge after another (`train`), and a tokenizer from any number of them (`BytePair`).
Ignores special tokens, and everything that makes it fast beyond a few megabytes.

The text is first cut into chunks, roughly words with the space before them (GPT-2's pattern); no merge crosses a
chunk. A chunk that occurs 900 times is looked at once and counts 900 times: that is what makes training quick.

Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units"; on bytes, Radford et al.
2019 (GPT-2).
Law: the merges are those of the `tokenizers` library, ties included (tests/text/test_bytepair.py).
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from labkit.core.errors import OptionError
from labkit.core.pieces import BYTES, visible
from labkit.core.results import Table, TokenSplit
from labkit.core.values import checked_text

from .tokenizers import checked_ids, split_with

Pair = tuple[int, int]

CHUNK = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
"""GPT-2's pattern: an ending such as 's; letters, digits or other signs with the space before them; blanks."""


FIRST = {byte: number for number, byte in enumerate(BYTES)}
"""The id of each single byte."""


@dataclass(frozen=True)
class Merge:
    """One step of the training: everywhere, `left` followed by `right` becomes one token."""

    rank: int
    """0 for the first merge."""
    left: bytes
    right: bytes
    count: int
    """How often the pair stood in the text."""
    id: int
    """The number of the joined token."""
    tokens: int
    """Tokens in the whole text after this merge."""

    @property
    def joined(self) -> bytes:
        return self.left + self.right


class _PairCounts:
    """The text as ids, each different chunk once, and how often each pair of neighbours stands in it."""

    def __init__(self, chunks: Counter[bytes]):
        self.words = [[FIRST[b] for b in chunk] for chunk in chunks]
        self.times = list(chunks.values())
        self.tokens = sum(len(word) * n for word, n in zip(self.words, self.times, strict=True))
        self.count: Counter[Pair] = Counter()
        self.where: dict[Pair, set[int]] = defaultdict(set)  # the words that (may) hold a pair
        for w, word in enumerate(self.words):
            for pair in pairwise(word):
                self.count[pair] += self.times[w]
                self.where[pair].add(w)
        self.queue = [(-n, pair) for pair, n in self.count.items()]  # a heap: smallest entry = most frequent pair
        heapq.heapify(self.queue)

    def most_frequent(self) -> tuple[int, Pair]:
        """(count, pair), removed from the queue; of equally frequent pairs the one with the smaller ids."""
        while self.queue:
            n, pair = heapq.heappop(self.queue)
            if -n == self.count[pair]:
                return -n, pair
            if self.count[pair] > 0:  # an old entry: other merges have changed this count since
                heapq.heappush(self.queue, (-self.count[pair], pair))
        return 0, (0, 0)

    def join_everywhere(self, pair: Pair, new: int) -> None:
        """Put `new` in the place of the pair, and count again in the words that held it."""
        changed: Counter[Pair] = Counter()
        for w in self.where.pop(pair):
            before, times = self.words[w], self.times[w]
            after = self.words[w] = join(before, pair, new)
            self.tokens -= times * (len(before) - len(after))
            for old in pairwise(before):
                changed[old] -= times
            for now in pairwise(after):
                changed[now] += times
                self.where[now].add(w)
        for other, change in changed.items():
            self.count[other] += change
            if change > 0:
                heapq.heappush(self.queue, (-self.count[other], other))


def train(text: str, *, merges: int = 1000, least: int = 2) -> Iterator[Merge]:
    """Learn byte-pair merges from a text, one at a time.

    Args:
        text: what to learn from.
        merges: stop after so many; the vocabulary then has up to 256 + merges tokens.
        least: stop when the most frequent pair occurs less often than this.

    Yields:
        Merge, most frequent pair first; of equally frequent pairs the one with the smaller ids.

    Raises:
        OptionError: merges or least is not positive.
        TextError: the text is no text.
    """
    if merges < 1 or least < 1:
        raise OptionError(f"merges and least must be at least 1, but are {merges} and {least}")
    pairs = _PairCounts(Counter(chunks_of(text)))
    vocabulary = [bytes([b]) for b in BYTES]  # id -> the bytes it stands for
    known = {piece: i for i, piece in enumerate(vocabulary)}
    for rank in range(merges):
        count, pair = pairs.most_frequent()
        if count < least:
            return
        left, right = vocabulary[pair[0]], vocabulary[pair[1]]
        new = known.setdefault(left + right, len(vocabulary))
        if new == len(vocabulary):
            vocabulary.append(left + right)
        pairs.join_everywhere(pair, new)
        yield Merge(rank, left, right, count, new, pairs.tokens)


def merge_table(merges: Sequence[Merge], title: str = "") -> Table:
    """Merges as rows: number (from 1), the two parts, the token they make, how often they stood side by side."""

    columns = ("merge", "left", "right", "new token", "times in the text", "tokens left in the text")
    rows = ((m.rank + 1, *map(visible, (m.left, m.right, m.joined)), m.count, m.tokens) for m in merges)
    return Table(columns, tuple(rows), title)


def join(word: Sequence[int], pair: Pair, new: int) -> list[int]:
    """The word with each occurrence of the pair replaced, from left to right."""
    joined, i = [], 0
    while i < len(word):
        if i + 1 < len(word) and (word[i], word[i + 1]) == pair:
            joined.append(new)
            i += 2
        else:
            joined.append(word[i])
            i += 1
    return joined


def chunks_of(text: str) -> list[bytes]:
    """The text cut into chunks that no merge crosses, as UTF-8 bytes. Raises TextError for what is no text."""
    import regex

    return [chunk.encode() for chunk in regex.findall(CHUNK, checked_text(text))]


@dataclass(frozen=True)
class BytePair:
    """A tokenizer made of merges. `BytePair(tuple(train(text)))`."""

    merges: tuple[Merge, ...] = ()
    name: str = "byte pairs"

    @cached_property
    def _rank(self) -> dict[Pair, tuple[int, int]]:
        """pair of ids -> (rank, id of the joined token)"""
        ids = {bytes([b]): i for b, i in FIRST.items()} | {m.joined: m.id for m in self.merges}
        return {(ids[m.left], ids[m.right]): (m.rank, m.id) for m in self.merges}

    @cached_property
    def _vocabulary(self) -> list[bytes]:
        pieces = {m.id: m.joined for m in self.merges}
        return [bytes([b]) for b in BYTES] + [pieces[i] for i in sorted(pieces)]

    @property
    def vocab_size(self) -> int:
        return len(self._vocabulary)

    def encode(self, text: str) -> list[int]:
        """(seq,) ids: in each chunk the earliest merge that applies, until none does."""
        seen: dict[bytes, list[int]] = {}
        ids: list[int] = []
        for chunk in chunks_of(text):
            if chunk not in seen:
                seen[chunk] = self._encode_chunk(chunk)
            ids += seen[chunk]
        return ids

    def _encode_chunk(self, chunk: bytes) -> list[int]:
        word = [FIRST[b] for b in chunk]
        while len(word) > 1:
            first = min(pairwise(word), key=lambda pair: self._rank.get(pair, (len(self.merges), 0)))
            if first not in self._rank:
                break
            word = join(word, first, self._rank[first][1])
        return word

    def pieces(self, ids: Sequence[int]) -> list[bytes]:
        return [self._vocabulary[i] for i in checked_ids(ids, self.vocab_size, self.name)]

    def decode(self, ids: Iterable[int]) -> str:
        return b"".join(self.pieces(list(ids))).decode("utf-8", "replace")

    def split(self, text: str) -> TokenSplit:
        return split_with(self, text)
