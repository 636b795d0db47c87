"""Lesson 01, tokenization: pairs are counted and merged, and a text does not come back."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np

from labkit.core.errors import TextError
from labkit.core.results import Bars
from labkit.explorers.controls import Choices, Slider, Text
from labkit.explorers.panel import Explorer, explorer
from labkit.suite.exercises import call, exercise, require
from labkit.text import BytePair, Merge, merge_table

from .mutations import mutation

WORDS = (
    (
        {("a", "x", "b"): 2, ("a", "y", "b"): 2, ("x", "b"): 1},
        "only neighbours are a pair, left one first",
    ),
    ({("a", "b"): 1, ("c", "d"): 1, ("e", "c", "d"): 1, ("b", "c"): 9}, "a word that occurs n times counts n times"),
    ({("a", "n", "a", "n"): 3, ("b", "a"): 4, ("a", "b"): 1}, "a pair can stand in one word more than once"),
    ({("l", "o", "w"): 5, ("l", "o", "g"): 2, ("n", "e", "w"): 6}, "add up what a pair has in different words"),
)
"""Vocabularies with a single most frequent pair, and what a wrong count of each has missed."""


def without_times(words):
    count = Counter(pair for word in words for pair in pairwise(word))
    return max(count, key=count.__getitem__)


def not_neighbours(words):
    count = Counter()
    for word, times in words.items():
        for pair in combinations(word, 2):
            count[pair] += times
    return max(sorted(count), key=count.__getitem__)


def with_its_count(words):
    count = Counter()
    for word, times in words.items():
        for pair in pairwise(word):
            count[pair] += times
    return count.most_common(1)[0]


def destructive(words):
    return pairwise(next(iter(words.popitem())))


def once_in_each_word(words):
    count = Counter()
    for word, times in words.items():
        for pair in set(pairwise(word)):
            count[pair] += times
    return max(count, key=count.__getitem__)


@exercise(
    "01.1",
    "The most frequent pair",
    wrong=[
        (without_times, "a word that occurs n times counts n times"),
        (not_neighbours, "only neighbours are a pair"),
        (with_its_count, "only neighbours are a pair"),
        (destructive, "changes the dictionary"),
        (("e", "w"), "expected a function"),
        (once_in_each_word, "can stand in one word more than once"),
    ],
)
def most_frequent_pair(answer):
    for words, hint in WORDS:
        given = dict(words)
        found = call(answer, given)
        require(given == words, "your function changes the dictionary that it is given; count in one of your own")
        require(isinstance(found, tuple) and len(found) == 2, f"expected a tuple of two symbols, got {found!r}")
        count: Counter[tuple[str, str]] = Counter()
        for word, times in words.items():
            for pair in pairwise(word):
                count[pair] += times
        best = max(count, key=count.__getitem__)
        require(
            found == best, f"in {words} {best!r} stands {count[best]} times, {found!r} {count[found]} times: {hint}"
        )
    return f"right for {len(WORDS)} vocabularies, with repeated pairs and words that occur several times"


MERGES = (("t", "h"), ("th", "e"), ("e", "r"), ("i", "n"), ("in", "g"), ("a", "n"), ("an", "an"), ("r", "e"))
TRIALS = {
    "there": ["the", "re"],  # the longest match from the left agrees
    "her": ["h", "er"],
    "ere": ["er", "e"],  # left to right without ranks agrees; (e, r) comes before (r, e)
    "rer": ["r", "er"],  # the leftmost pair (r, e) is learned later than (e, r)
    "ananan": ["anan", "an"],
    "thinging": ["th", "ing", "ing"],
    "x": ["x"],
    "": [],
}


def longest_match(word, merges):
    known, pieces = {a + b for a, b in merges}, []
    while word:
        size = max((n for n in range(1, len(word) + 1) if n == 1 or word[:n] in known), default=1)
        pieces.append(word[:size])
        word = word[size:]
    return pieces


def leftmost_first(word, merges):
    pieces = list(word)
    while True:
        at = next((i for i, pair in enumerate(pairwise(pieces)) if pair in merges), None)
        if at is None:
            return pieces
        pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]


def one_merge(word, merges):
    pieces = list(word)
    for pair in merges:
        for i in range(len(pieces) - 1):
            if (pieces[i], pieces[i + 1]) == pair:
                pieces[i : i + 2] = ["".join(pair)]
                return pieces
    return pieces


def forgets_the_last(word, merges):
    return [a + b for a, b in pairwise(word) if (a, b) in merges]


@exercise(
    "01.2",
    "Cut a word with the merges",
    wrong=[
        (longest_match, "take the pair that was learned first"),
        (leftmost_first, "take the pair that was learned first"),
        (one_merge, "look again until none does"),
        (forgets_the_last, "must give the word back"),
        (lambda word, merges: word, "expected a list of strings"),
    ],
)
def cut_with_merges(answer):
    for word, expected in TRIALS.items():
        found = call(answer, word, list(MERGES))
        require(
            isinstance(found, list | tuple) and all(isinstance(piece, str) for piece in found),
            f"for {word!r} expected a list of strings, got {found!r}",
        )
        pieces = list(found)
        require("".join(pieces) == word, f"the pieces of {word!r} must give the word back, but {pieces} do not")
        hint = "take the pair that was learned first, wherever it stands, join it everywhere, and look again"
        if any(pair in MERGES for pair in pairwise(pieces)):
            hint = "a pair that the merges join still stands there; look again until none does"
        require(pieces == expected, f"{word!r} is cut into {expected}, not {pieces}: {hint}")
    return f"right for {len(TRIALS)} words; a real tokenizer does the same with tens of thousands of merges"


@exercise(
    "01.3",
    "A text that one tokenizer changes",
    wrong=[
        ("hello", "comes back as it was"),
        ("", "it must have 1 to 10"),
        ("\u2329", "find a word with a loose accent"),
        ("a\u0301" * 20, "it must have 1 to 10"),
        (7, "expected a text"),
        ("\ud800", "half of a surrogate pair"),
    ],
)
def changed_text(answer):
    from labkit.core.errors import TextError
    from labkit.text import tokenizer

    require(isinstance(answer, str), f"expected a text, got {answer!r}; write it between quotes")
    require(0 < len(answer) <= 10, f"the text has {len(answer)} characters; it must have 1 to 10")
    qwen, gpt4 = tokenizer("qwen"), tokenizer("cl100k")
    try:
        back, kept = qwen.decode(qwen.encode(answer)), gpt4.decode(gpt4.encode(answer))
    except TextError as error:
        require(False, str(error))
    require(
        back != answer,
        f"{answer!r} comes back as it was; Qwen's tokenizer first joins a letter and a loose accent (Unicode's NFC), "
        "so look for a character that can be written in two ways",
    )
    loose = any(a.isalpha() and unicodedata.combining(b) for a, b in pairwise(answer))
    require(loose, f"{answer!a} does change, as signs in the table of section 3 do; find a word with a loose accent")
    return f"{answer!a} comes back as {back!a} from Qwen, and as {kept!a} from cl100k"


ADDRESS = "The President of the United States addressed the representatives about unemployment."
SHOWN = 5


@explorer
def merges(merges: Sequence[Merge] | None = None) -> Explorer:
    """A slider over the merges of a training run.

    Args:
        merges: what `labkit.text.train` gave; default: 1,000 merges learned from the speeches since 2001.
    """
    from labkit.text import corpus, train

    learned = tuple(train(corpus("sotu", since=2001).text) if merges is None else merges)

    def draw(merges: int, text: str) -> list:
        known = learned[:merges]
        split = BytePair(known, name=f"after {len(known):,} merges").split(text)
        return [split, merge_table(known[: -SHOWN - 1 : -1], "The latest merges")] if known else [split]

    return Explorer(
        title="One merge after another",
        controls=(
            Slider("merges", min(20, len(learned)), 0, max(1, len(learned)), label="Merges"),
            Text("text", ADDRESS, label="Text"),
        ),
        draw=draw,
    )


ALL_SORTS = "Tokenizers don't see letters: 12345 + 6789 = 19134, naïve café, 東京の天気 🙂"


@explorer
def tokens(*more: object) -> Explorer:
    """Strips and counts while one types.

    Args:
        more: models or tokenizers of your own, beside the ones that the lab ships.
    """
    from labkit.text import names, tokenizer

    own = {tok.name: tok for tok in map(tokenizer, more)}
    options = (*names(), *own)

    def draw(text: str, tokenizers: tuple[str, ...]) -> list:
        if not text:
            raise TextError("the text is empty, so there is nothing to cut; type a word or more")
        if not tokenizers:
            raise TextError("no tokenizer is chosen; tick at least one")
        splits = [(own.get(name) or tokenizer(name)).split(text) for name in tokenizers]
        counts = np.array([len(split) for split in splits], dtype=float)
        return [*splits, Bars(tokenizers, counts, quantity="tokens", label_name="tokenizer")]

    return Explorer(
        title="How is this text cut?",
        controls=(
            Text("text", ALL_SORTS, label="Text", lines=3, most=10_000),
            Choices("tokenizers", ("gpt2", "o200k", "mistral-v1", "bert"), options, label="Tokenizers"),
        ),
        draw=draw,
    )


@mutation("tokenization/as_library", "text.bytepair:join")
def merges_that_overlap(real, word, pair, new):
    starts = [*(i for i in range(len(word) - 1) if (word[i], word[i + 1]) == pair), len(word)]
    return [new if i in starts else token for i, token in enumerate(word)]


@mutation("tokenization/exact", "text.families:Ranks.decode")
def a_tokenizer_that_drops_a_byte(real, self, ids):
    return b"".join(self.pieces(list(ids)))[:-1].decode("utf-8", "replace")
