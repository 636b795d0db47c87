"""Plausible wrong answers to the exercises of lesson 01, each with part of the message that it must get."""

from collections import Counter
from itertools import combinations, pairwise


def without_times(words):
    count = Counter(pair for word in words for pair in pairwise(word))
    return max(count, key=count.__getitem__)


def not_neighbours(words):
    count = Counter()
    for word, times in words.items():
        for pair in combinations(word, 2):
            count[pair] += times
    return max(sorted(count), key=count.__getitem__)


def once_in_each_word(words):
    count = Counter()
    for word, times in words.items():
        for pair in set(pairwise(word)):
            count[pair] += times
    return max(count, key=count.__getitem__)


def with_its_count(words):
    count = Counter()
    for word, times in words.items():
        for pair in pairwise(word):
            count[pair] += times
    return count.most_common(1)[0]


def destructive(words):
    return pairwise(next(iter(words.popitem())))


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


GIVEN = {"Counter": Counter, "pairwise": pairwise}
WRONG = {
    "01.1": [
        (without_times, "a word that occurs n times counts n times"),
        (not_neighbours, "only neighbours are a pair"),
        (with_its_count, "only neighbours are a pair"),
        (destructive, "changes the dictionary"),
        (("e", "w"), "expected a function"),
        (once_in_each_word, "can stand in one word more than once"),
    ],
    "01.2": [
        (longest_match, "take the pair that was learned first"),
        (leftmost_first, "take the pair that was learned first"),
        (one_merge, "look again until none does"),
        (forgets_the_last, "must give the word back"),
        (lambda word, merges: word, "expected a list of strings"),
    ],
    "01.3": [
        ("hello", "comes back as it was"),
        ("", "it must have 1 to 10"),
        ("\u2329", "find a word with a loose accent"),
        ("a\u0301" * 20, "it must have 1 to 10"),
        (7, "expected a text"),
        ("\ud800", "half of a surrogate pair"),
    ],
}
