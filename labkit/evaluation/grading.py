"""Grading: is a free answer right, wrong, or a refusal?

Reads   an answer as the model wrote it, and the Question.
Gives   Grade.
Ignores the model, and how sure it was.

An answer is right if the true one stands in it as whole words, in any case, without accents, articles or punctuation.
It is not right where it names a choice ("Paris or Lyon") or denies ("not Paris").

Words end where Unicode says (UAX 29): 巴黎 is found in 法国的首都是巴黎, where no space parts words, and so is 京都
in 東京都, which only a dictionary could tell apart. Signs that make another word stay: vowels of Devanagari or Thai,
dakuten, the pluses of C++, emoji. Only English articles, refusals and denials are known. Law: agrees with marks made by
hand on real answers in at least 97 % (tests/evaluation/test_grading.py).
"""

import unicodedata
from dataclasses import dataclass

import regex as re

from .question import NUMBER, Question, number_in

REFUSALS = re.compile(
    r"\b(do(es)? ?n[o']?t know|don t know|do not know|not know|unknown|nobody|no one knows|not sure|no idea|"
    r"cannot (be )?(say|tell|know|answer|determine)|can ?t (say|tell|know|answer)|impossible to (say|know|tell)|"
    r"(does|do|did|is|has|was|were) ?n[o']?t (exist|real|known|exist|invented|written)|doesn t exist|didn t exist|"
    r"(there is|there was|there are|is|was) no (such|country|element|novel|known|answer|record|one|way)|"
    r"not (a )?(real|known|possible|available)|fictional|fictitious|made[ -]up|imaginary|no such)\b"
)
ARTICLES = re.compile(r"\b(the|a|an) (?=\S)")
ACCENTS = re.compile(
    r"(?<=[\p{Latin}\p{Greek}]\p{M}*)\p{M}"  # é, ά
    r"|(?<=\p{Cyrillic})\u0301|(?<=\u0435)\u0308"  # stress marks and ё, while й is a letter of its own
    r"|[\u0591-\u05bd\u05bf-\u05c7]|[\u064b-\u0652\u0670\u0640]"  # vowel points of Hebrew and Arabic, tatweel
    r"|[\p{Cf}\ufe00-\ufe0f]"  # marks of no width
)
"""Marks, as NFKD parts them from their letters, without which a word is the same word."""
SILENT = re.compile(r"['’ʻ`]|(?<!\d)\.|\.(?!\d)")
BETWEEN = re.compile(r"(?:(?![+#])[^\p{L}\p{M}\p{N}\p{So}\p{Sc}.]|(?<![\p{L}+#])[+#])+")
"""What parts words: neither letters, digits, emoji and signs, nor the end of C++ and C#; points left are decimal."""
ENDINGS = "(?:s|입니다|이다|이에요|예요|[은는이가])?"
"""What is written onto a name that is said: the English s, Korean particles."""
DENIES = re.compile(r"\b(not|or|neither|never)\b")


@dataclass(frozen=True)
class Grade:
    """What an answer is."""

    right: bool
    refused: bool
    """it says that there is no answer, or that it does not know one"""
    said: str
    """the answer as it was compared"""

    @property
    def mark(self) -> str:
        """`right`, `refused` or `wrong`; a refusal that is right is `right`."""
        return "right" if self.right else "refused" if self.refused else "wrong"


def normalise(text: str) -> str:
    """Small letters, no accents, no punctuation, no articles, single spaces; letters and signs of every script stay."""
    text = ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    text = SILENT.sub("", unicodedata.normalize("NFC", text))
    words = " ".join(BETWEEN.sub(" ", text).split())
    return ARTICLES.sub("", words) or "".join(re.findall(r"\p{S}", text))


def grade(text: str, question: Question) -> Grade:
    """Whether an answer is right.

    Args:
        text: what the model said; only its first line counts.

    Source: the normalisation of Rajpurkar et al. 2016 (SQuAD), with accents, aliases and numbers added.
    """
    lines = text.strip().splitlines()
    first = lines[0].strip() if lines else ""
    said = normalise(first)
    refused = bool(REFUSALS.search(re.sub(r"[’`]", "'", first.casefold())) or REFUSALS.search(said))
    if question.kind == "refusal":
        return Grade(refused, refused, said)
    if refused:
        return Grade(False, True, said)
    right = {"number": _number, "symbol": _symbol}.get(question.kind, _words)(first, said, question)
    return Grade(right, False, said)


def _words(first: str, said: str, question: Question) -> bool:
    for name in (question.answer, *question.aliases):
        wanted = normalise(name)
        if wanted and said == wanted:
            return True
        if name.startswith("=") or not wanted or DENIES.search(said):
            continue
        if re.search(rf"\b{re.escape(wanted)}{ENDINGS}\b(?![+#])", said, re.WORD):
            return True
    return False


def _number(first: str, said: str, question: Question) -> bool:
    found = NUMBER.search(first)
    return bool(found) and number_in(found[0]) in map(number_in, (question.answer, *question.aliases))


def _symbol(first: str, said: str, question: Question) -> bool:
    """Capitals matter: Co is cobalt, CO is not. The symbol is the first word, or the first after `is`."""
    words = re.findall(r"[\p{L}\p{M}]+", first)
    starts = [0, *(i + 1 for i, word in enumerate(words) if word.casefold() == "is")]
    return any(words[i] in (question.answer, *question.aliases) for i in starts if i < len(words))
