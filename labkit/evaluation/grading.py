"""Grading: is a free answer right, wrong, or a refusal?

Reads   an answer as the model wrote it, and the Question.
Gives   Verdict.
Ignores the model, and how sure it was.

An answer is right if the true one stands in it as whole words, in any case, without accents, articles or punctuation.
It is not right where it names a choice ("Paris or Lyon") or denies ("not Paris"). Law: agrees with marks made by hand
on real answers in at least 97 % (tests/evaluation/test_grading.py).
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from labkit.core.errors import ShapeError

from .question import Question

REFUSALS = re.compile(
    r"\b(do(es)? ?n[o']?t know|don t know|do not know|not know|unknown|nobody|no one knows|not sure|no idea|"
    r"cannot (be )?(say|tell|know|answer|determine)|can ?t (say|tell|know|answer)|impossible to (say|know|tell)|"
    r"(does|do|did|is|has|was|were) ?n[o']?t (exist|real|known|exist|invented|written)|doesn t exist|didn t exist|"
    r"(there is|there was|there are|is|was) no (such|country|element|novel|known|answer|record|one|way)|"
    r"not (a )?(real|known|possible|available)|fictional|fictitious|made[ -]up|imaginary|no such)\b"
)
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")
ARTICLES = re.compile(r"\b(the|a|an)\b")
DENIES = re.compile(r"\b(not|or|neither|never)\b")


@dataclass(frozen=True)
class Verdict:
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
    """Small letters, no accents, no punctuation, no articles, single spaces; letters of every script stay."""
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = re.sub(r"['’ʻ`.]", "", text)
    text = re.sub(r"[^\w]+|_", " ", text)
    return " ".join(ARTICLES.sub(" ", text).split())


def grade(text: str, question: Question) -> Verdict:
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
        return Verdict(refused, refused, said)
    if refused:
        return Verdict(False, True, said)
    right = {"number": _number, "symbol": _symbol}.get(question.kind, _words)(first, said, question)
    return Verdict(right, False, said)


def wrong(texts: Sequence[str], questions: Sequence[Question]) -> "list[bool]":
    """Which answers are not right; a refusal of what has an answer is not right either.

    Raises:
        ShapeError: not one text for each question.
    """
    if len(texts) != len(questions):
        raise ShapeError(f"{len(texts)} answers were given for {len(questions)} questions; give one for each")
    return [not grade(text, question).right for text, question in zip(texts, questions, strict=True)]


def _words(first: str, said: str, question: Question) -> bool:
    for name in (question.answer, *question.aliases):
        wanted = normalise(name)
        if said == wanted:
            return True
        if name.startswith("=") or not wanted or DENIES.search(said):
            continue
        if re.search(rf"(?<!\w){re.escape(wanted)}s?(?!\w)", said):
            return True
    return False


def _number(first: str, said: str, question: Question) -> bool:
    found = NUMBER.search(first)
    wanted = [float(n.replace(",", "")) for n in (question.answer, *question.aliases)]
    return bool(found) and float(found[0].replace(",", "")) in wanted


def _symbol(first: str, said: str, question: Question) -> bool:
    """Capitals matter: Co is cobalt, CO is not. The symbol is the first word, or the first after `is`."""
    words = re.findall(r"[^\W\d_]+", first)
    starts = [0, *(i + 1 for i, word in enumerate(words) if word.casefold() == "is")]
    return any(words[i] in (question.answer, *question.aliases) for i in starts if i < len(words))
