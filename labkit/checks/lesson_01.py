"""Checks of lesson 01, tokenization."""

import unicodedata
from collections import Counter
from itertools import pairwise

from labkit.suite.exercises import call, exercise, require

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


@exercise("01.1", "The most frequent pair")
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


@exercise("01.2", "Cut a word with the merges")
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


@exercise("01.3", "A text that one tokenizer changes")
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
