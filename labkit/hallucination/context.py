"""Context against memory: a false fact stands in the prompt; which does the model follow, the page or what it learned?

Reads   a LanguageModel, Questions and its answers to them without any context.
Gives   Conflict: what it says when told something false, beside how sure it was before.
Ignores how answers come about.

Source: Longpre et al. 2021, "Entity-based knowledge conflicts in question answering".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import Bars
from labkit.core.seeds import derive
from labkit.evaluation import Question, grade, normalise, wilson

from .answers import Answers, confidence
from .cures import statement, told

KNOWLEDGE = ("did not know it", "knew it, less sure", "knew it, surer")


def false_facts(questions: Sequence[Question], *, seed: int = 0) -> tuple[tuple[Question, str], ...]:
    """Each question with a false statement before it, and the false answer: that of another question of its topic.

    Raises:
        OptionError: a topic has only one answer, so nothing false can be said.
    """
    draw = np.random.default_rng(derive(seed, "false facts"))
    found = []
    for question in questions:
        others = sorted({q.answer for q in questions if q.topic == question.topic and _differs(q.answer, question)})
        if not others:
            raise OptionError(f"all questions about {question.topic} have one answer; add some with others")
        lie = others[int(draw.integers(len(others)))]
        found.append((told(question, statement(question, lie)), lie))
    return tuple(found)


def _differs(answer: str, question: Question) -> bool:
    return bool(answer) and not grade(answer, question).right and normalise(question.answer) not in normalise(answer)


@dataclass(frozen=True)
class Conflict:
    """What became of each question; each (question,)."""

    follows: np.ndarray
    """bool: it says what the prompt says"""
    remembers: np.ndarray
    """bool: it says what is true, against the prompt"""
    knew: np.ndarray
    """bool: without the prompt it was right"""
    sure: np.ndarray
    """probability of its answer without the prompt"""

    def groups(self) -> tuple[np.ndarray, ...]:
        """Numbers of the questions in each class of KNOWLEDGE: those it knew are halved by how sure it was."""
        known = np.flatnonzero(self.knew)
        by_sure = known[np.argsort(self.sure[known], kind="stable")]
        half = len(known) // 2
        return np.flatnonzero(~self.knew), by_sure[:half], by_sure[half:]

    def bars(self) -> Bars:
        """Following and remembering by how well it knew the truth, with Wilson's intervals."""
        groups = [g for g in self.groups() if len(g)]
        names = tuple(f"{name} ({len(g)})" for name, g in zip(KNOWLEDGE, self.groups(), strict=True) if len(g))
        counts = np.array([len(g) for g in groups])
        values = np.array([[kind[g].mean() for g in groups] for kind in (self.follows, self.remembers)])
        ends = [wilson(row, counts) for row in values]
        low, high = np.array([e[0] for e in ends]), np.array([e[1] for e in ends])
        kinds, title = ("follows the prompt", "says the truth"), "The prompt says something false"
        return Bars(names, values, "share of questions", title, kinds, low, high, label_name="before")


def conflict(before: Answers, after: Answers, lies: Sequence[str]) -> Conflict:
    """Compare the answers without context with those after a false statement.

    Args:
        before: answers to the plain questions.
        after: answers to the questions of `false_facts`, in the same order.
        lies: (question,) the false answers.

    Raises:
        OptionError: the three differ in length.
    """
    if not len(before) == len(after) == len(lies):
        raise OptionError(
            f"{len(before)} answers before, {len(after)} after and {len(lies)} false answers; give one each"
        )
    asked = zip(after.texts, before.questions, lies, strict=True)
    follows = [grade(text, replace(q, answer=lie, aliases=())).right for text, q, lie in asked]
    remembers = [grade(text, q).right for text, q in zip(after.texts, before.questions, strict=True)]
    follows_only = np.array(follows) & ~np.array(remembers)
    return Conflict(follows_only, np.array(remembers), ~before.wrong, confidence(before))
