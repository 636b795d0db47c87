"""Cures: what a model can be given, asked or forbidden so that it says less that is wrong.

    table  = FactTable.of(questions(...))               # statements, by MiniLM similarity; contradictions refused
    told   = with_facts(qs, table)                      # the same questions, the nearest statement before each
    share_bars({"as it is": plain(answers).kinds, "asked twice": asked_twice(answers).kinds}, "What helps?")

Reads   Questions, Answers.
Gives   Questions with a fact in front, Judged after Judged.
Ignores how answers come about.

An answer can be right, refused or wrong. A cure that only refuses trades right answers for wrong ones avoided; only
what brings knowledge makes more answers right. So all three shares are always shown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from labkit.core.errors import OptionError, ShapeError, TextError
from labkit.evaluation import (
    Measure,
    Question,
    bootstrap,
    checked,
    grade,
    normalise,
    prefix_of,
    prompt_of,
    risk_coverage,
)
from labkit.evaluation.facts import shots
from labkit.models import embed, encoder
from labkit.text.people import Fact, consistent

from .answers import Answers
from .learning import split


@dataclass(frozen=True)
class Judged:
    """What became of a set of questions; each (question,) bool, exactly one of the three true for each."""

    right: np.ndarray
    refused: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """(question,) an answer was given, and it is wrong."""
        return ~(self.right | self.refused)

    @property
    def kinds(self) -> dict[str, np.ndarray]:
        """As `share_bars` draws it."""
        return {"right": self.right, "wrong": self.wrong, "refused": self.refused}

    @property
    def shares(self) -> tuple[float, float, float]:
        """(right, refused, wrong)."""
        return float(self.right.mean()), float(self.refused.mean()), float(self.wrong.mean())


def plain(answers: Answers) -> Judged:
    """The greedy answers as they are."""
    refused = np.array([v.refused for v in answers.grades])
    return Judged(~answers.wrong, refused & answers.wrong)


def sampled(answers: Answers, number: int = 0) -> Judged:
    """One drawn answer for each question, instead of the greedy one.

    Raises:
        OptionError: no such sample was drawn.
    """
    if not 0 <= number < answers.sample_logprobs.shape[1]:
        raise OptionError(f"sample {number} was not drawn; ask with samples={number + 1} or more")
    marks = [grade(row[number], q) for row, q in zip(answers.samples, answers.questions, strict=True)]
    right = np.array([m.right for m in marks])
    return Judged(right, np.array([m.refused for m in marks]) & ~right)


def asked_twice(answers: Answers, number: int = 0) -> Judged:
    """The greedy answer, but only where a drawn one says the same; otherwise refused.

    Source: Wang et al. 2023 (self-consistency), with two answers.
    """
    first, _ = plain(answers), sampled(answers, number)
    agree = np.array(
        [normalise(t) == normalise(row[number]) for t, row in zip(answers.texts, answers.samples, strict=True)]
    )
    return Judged(first.right & agree, first.refused | ~agree)


def below(answers: Answers, doubt: Any, threshold: float | np.ndarray) -> Judged:
    """The greedy answer, but only where doubt is at most the threshold; otherwise refused."""
    doubt = np.asarray(doubt, float)
    if doubt.shape != (len(answers),):
        raise ShapeError(f"{doubt.shape} scores of doubt were given for {len(answers)} answers; give one for each")
    first, sure = plain(answers), doubt <= threshold
    return Judged(first.right & sure, first.refused | ~sure)


def threshold_for(wrong: Any, doubt: Any, risk: float) -> float:
    """The highest threshold of doubt under which at most `risk` of the answers given are wrong.

    Args:
        wrong: (question,) bool, of questions kept for choosing.
        doubt: (question,) higher = more likely wrong.
        risk: largest share of wrong answers among those given.

    Returns:
        The threshold; -inf where no threshold keeps the risk: then nothing may be answered.

    Raises:
        OptionError: risk is not between 0 and 1; as `score`.

    Law: risk among what it lets through is at most `risk`, and the next higher score would break it
    (tests/hallucination/test_cures.py). Source: El-Yaniv & Wiener 2010 (selective answering).
    """
    if not 0 <= risk <= 1:
        raise OptionError(f"risk={risk!r} is a share of answers; give 0 to 1, such as 0.1")
    wrong, doubt = checked(wrong, doubt)
    levels, first = np.unique(np.sort(doubt), return_index=True)
    last = np.append(first[1:], len(doubt)) - 1  # each level's last answer in the order of doubt
    kept = risk_coverage(wrong, doubt)[1][last] <= risk
    return float(levels[np.flatnonzero(kept)[-1]]) if kept.any() else -np.inf


def refuse(answers: Answers, doubt: Any, *, risk: float, seed: int = 0) -> Judged:
    """Refusal below a threshold that was chosen on other questions: each half is judged by the other half's threshold.

    Raises:
        OptionError: too few answers of one class, as `threshold_for`.
    """
    wrong, doubt = checked(answers.wrong, doubt)
    folds = split(answers.folds, wrong, seed, folds=2)
    limits = np.where(folds == 0, *(threshold_for(wrong[folds == k], doubt[folds == k], risk) for k in (1, 0)))
    return below(answers, doubt, limits)


def gain(cure: Judged, before: Judged, *, seed: int = 0) -> Measure:
    """Share of right answers among those that are given, less that of all before; refusing at random gains nothing.

    Raises:
        OptionError: the cure gives no answer.
    """
    if cure.refused.all():
        raise OptionError(f"all {len(cure.right)} questions are refused, so nothing can be right; lower the demand")
    return bootstrap(lambda right, given, was: right.sum(-1) / given.sum(-1) - was.mean(-1), cure.right, ~cure.refused,
                     before.right, seed=seed, keep=lambda right, given, was: given.any(-1))  # fmt: skip


@dataclass(frozen=True, eq=False)
class FactTable:
    """Statements that can be looked up by meaning."""

    facts: tuple[Fact, ...]
    statements: tuple[str, ...] = field(repr=False)
    """(fact,) each as a sentence"""

    @classmethod
    def of(cls, questions: Sequence[Question]) -> "FactTable":
        """The true statements behind questions that have an answer.

        Raises:
            TextError: two of them contradict each other, or none has an answer.
        """
        known = [q for q in questions if q.answer]
        if not known:
            raise TextError("none of these questions has an answer, so there is no fact to look up; add some")
        facts = consistent(Fact(q.entity or q.text, q.topic, q.answer) for q in known)
        said = {(q.entity or q.text, q.topic): statement(q) for q in known}
        return cls(facts, tuple(said[fact.subject, fact.relation] for fact in facts))

    @cached_property
    def vectors(self) -> np.ndarray:
        """(fact, d) unit vectors of the statements."""
        return embed(encoder(), self.statements)

    def nearest(self, texts: Sequence[str]) -> np.ndarray:
        """(text,) number of the statement whose meaning is nearest."""
        return (embed(encoder(), list(texts)) @ self.vectors.T).argmax(1)


def statement(question: Question, answer: str = "") -> str:
    """The question with its answer as a sentence: `The capital of Mali is Bamako.`"""
    said, text = answer or question.answer, question.text.strip().removesuffix("?")
    if text.startswith("What is "):
        subject = text.removeprefix("What is ")
        return f"{subject[0].upper()}{subject[1:]} is {said}."
    if text.startswith("Who "):
        return f"{said} {text.removeprefix('Who ')}."
    return f"{text}: {said}."


def as_sentence(question: Question) -> Question:
    """The same question as a sentence to be completed: `The capital of Mali is`.

    Raises:
        OptionError: its answer does not stand at the end of its statement.
    """
    said, end = statement(question), f" {question.answer}."
    if not said.endswith(end) or not question.answer:
        raise OptionError(f"{question.text!r} cannot be asked as a sentence that ends with its answer; use What is …?")
    return replace(question, prompt=said.removesuffix(end), stop=".")


def with_facts(
    questions: Sequence[Question], table: FactTable, put: Callable[[Question, str], Question] | None = None
) -> tuple[Question, ...]:
    """The same questions, each with the nearest statement of the table before it, right or not.

    Args:
        put: how the statement stands in the prompt; None = `told`.

    Source: Lewis et al. 2020 (retrieval), with one statement.
    """
    found = table.nearest([q.text for q in questions])
    return tuple((put or told)(q, table.statements[n]) for q, n in zip(questions, found, strict=True))


def told(question: Question, said: str) -> Question:
    """The same question with a sentence before it, after two examples that are answered from such a sentence.

    Without such examples a small model reads over the sentence: `told_plainly`.
    """
    if question.prompt:
        return replace(question, prompt=f"{said} {question.prompt}")
    examples = [Question(asked, answer, question.topic) for asked, answer in shots().get(question.topic, ())]
    shared = "".join(f"{statement(e)}\nQuestion: {e.text}\nAnswer: {e.answer}\n\n" for e in examples)
    return replace(question, prompt=f"{shared}{said}\nQuestion: {question.text}\nAnswer:", shared=shared)


def told_plainly(question: Question, said: str) -> Question:
    """The same question with a sentence before it, after examples that come without one."""
    shared = prefix_of(question)
    return replace(question, prompt=f"{shared}{said}\n{prompt_of(question).removeprefix(shared)}", shared=shared)
