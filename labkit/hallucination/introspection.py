"""Introspection: what a model says of its own answer, when asked.

Reads   a LanguageModel, Questions, its answers.
Gives   P(True), and the confidence that it states.
Ignores whether the answers are right.

Plain text with examples, no chat template: any model that continues a text can be asked.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from labkit.assets.progress import watched
from labkit.core.errors import TextError
from labkit.evaluation import Question
from labkit.models.language_model import context_length

from .continuing import Ask, Draws, continuations, read_ends

TRUTH = (
    "Question: How many legs does a spider have?\nProposed answer: eight\n"
    "Is the proposed answer true or false? true\n\n"
    "Question: Which planet is nearest to the sun?\nProposed answer: Neptune\n"
    "Is the proposed answer true or false? false\n\n"
)
WORDS = (" true", " false")
DIGITS = 5
"""Tokens of a stated confidence at most."""
SURE = (
    "Question: How many legs does a spider have?\nAnswer: eight\nConfidence from 0 to 100: 95\n\n"
    "Question: In which year did the weaver Ortolan die?\nAnswer: 1761\nConfidence from 0 to 100: 10\n\n"
)


def able(lm: Any, questions: Sequence[Question], texts: Sequence[str]) -> bool:
    """Whether the model can be asked about its answers: it tells the two words apart, and has the room."""
    room = context_length(lm.model) - DIGITS
    words = [lm.tokenizer(word, add_special_tokens=False)["input_ids"] for word in WORDS]
    return words[0] != words[1] and all(len(ask.ids) <= room for ask in _doubted(lm, questions, texts))


def introspect(lm: Any, questions: Sequence[Question], texts: Sequence[str]) -> dict[str, np.ndarray]:
    """`p_true` and `stated` of Answers."""
    return {"p_true": p_true(lm, questions, texts), "stated": stated(lm, questions, texts)}


def p_true(lm: Any, questions: Sequence[Question], texts: Sequence[str]) -> np.ndarray:
    """(question,) p(true) over p(true) + p(false) after its own answer; by the first token in which the words differ.

    Raises:
        TextError: the tokenizer writes both words alike.

    Source: Kadavath et al. 2022, "Language models (mostly) know what they know".
    Law: a model that gives both words the same logit gets one half (tests/hallucination/test_introspection.py).
    """
    true, false = (lm.tokenizer(word, add_special_tokens=False)["input_ids"] for word in WORDS)
    parts = [n for n, (a, b) in enumerate(zip(true, false, strict=False)) if a != b]
    if not parts:
        raise TextError(f"{lm.name} writes 'true' and 'false' with the same tokens; ask without 'introspection'")
    asks = [Ask((*ask.ids, *true[: parts[0]]), ask.shared, ask.stop) for ask in _doubted(lm, questions, texts)]
    words, out = [true[parts[0]], false[parts[0]]], np.empty(len(asks))
    groups = watched(read_ends(lm, asks), len(asks), f"{lm.name} judges its answers", size=lambda part: len(part[0]))
    for numbers, logits in groups:
        out[numbers] = torch.softmax(logits[:, words].float(), -1)[:, 0].cpu().numpy()
    return out


def _doubted(lm: Any, questions: Sequence[Question], texts: Sequence[str]) -> list[Ask]:
    ending = "Is the proposed answer true or false?"
    return [
        Ask.of(lm.tokenizer, f"{TRUTH}Question: {q.text}\nProposed answer: {text}\n{ending}", TRUTH)
        for q, text in zip(questions, texts, strict=True)
    ]


def stated(lm: Any, questions: Sequence[Question], texts: Sequence[str]) -> np.ndarray:
    """(question,) the confidence that it writes after its answer, 0 to 1; nan where it writes none.

    Source: Lin, Hilton & Evans 2022, "Teaching models to express their uncertainty in words".
    """
    asks = [
        Ask.of(lm.tokenizer, f"{SURE}Question: {q.text}\nAnswer: {text}\nConfidence from 0 to 100:", SURE)
        for q, text in zip(questions, texts, strict=True)
    ]
    paths = continuations(lm, asks, Draws(0, 0.0, DIGITS, 0))
    said = dict(watched(paths, len(asks), f"{lm.name} says how sure it is"))
    return np.array([confidence_in(lm.tokenizer.decode(said[n][0].ids)) for n in range(len(asks))])


def confidence_in(text: str) -> float:
    """0 to 1: the number from 0 to 100 that a text begins with, over 100; nan without one."""
    found = re.match(r"\s*(\d+(?:\.\d+)?)", text)
    return float(found[1]) / 100 if found and float(found[1]) <= 100 else float("nan")
