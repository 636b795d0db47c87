"""Context against memory: a false fact stands in the prompt; which does the model follow, the page or what it learned?

Reads   a LanguageModel, Questions and its answers to them without any context.
Gives   what it says when told something false, by whether it knew better and how sure it was.
Ignores how answers come about.

Source: Longpre et al. 2021, "Entity-based knowledge conflicts in question answering".
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.seeds import derive
from labkit.evaluation import Question, grade, normalise

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


def conflict(before: Answers, after: Answers, lies: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """Compare the answers without context with those after a false statement.

    Args:
        before: answers to the plain questions.
        after: answers to the questions of `false_facts`, in the same order.
        lies: (question,) the false answers.

    Returns:
        For each of KNOWLEDGE, those it knew halved by how sure it was: (question,) bool, whether it says what the
        prompt says, and whether it says what is true against the prompt; `share_bars` draws them.

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
    told, true = np.array(follows) & ~np.array(remembers), np.array(remembers)
    known = np.flatnonzero(~before.wrong)
    known = known[np.argsort(confidence(before)[known], kind="stable")]
    half = len(known) // 2
    groups = zip(KNOWLEDGE, (np.flatnonzero(before.wrong), known[:half], known[half:]), strict=True)
    return {name: {"follows the prompt": told[rows], "says the truth": true[rows]} for name, rows in groups}
