"""Answers: what a model said to many questions, and what was seen while it said so.

Ignores models, grading apart, and what is made of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from labkit.core.errors import OptionError, ShapeError
from labkit.core.results import TokenScores
from labkit.evaluation import Grade, Question, grade

POSITIONS = ("entity", "prompt", "first", "last")
"""Tokens whose hidden states are kept: the entity's last, the prompt's last, the answer's first and last."""


@dataclass(frozen=True, eq=False)
class Answers:
    """One greedy answer and some samples for each question."""

    name: str
    """the model"""
    questions: tuple[Question, ...]
    prompts: tuple[str, ...]
    """(question,) what the model read"""
    texts: tuple[str, ...]
    """(question,) the greedy answer, without what follows its end"""
    tokens: tuple[tuple[str, ...], ...]
    """(question, token) of the greedy answer; the end token or the line break is not among them"""
    ids: tuple[tuple[int, ...], ...]
    logprobs: tuple[np.ndarray, ...]
    """(question, token) nats"""
    entropies: tuple[np.ndarray, ...]
    """(question, token) nats, of the distribution that each token was taken from"""
    margins: tuple[np.ndarray, ...]
    """(question, token) nats between the two most likely tokens"""
    samples: tuple[tuple[str, ...], ...]
    """(question, sample)"""
    sample_logprobs: np.ndarray
    """(question, sample) nats, of the whole text under the model's own distribution, with its end"""
    sample_lengths: np.ndarray
    """(question, sample) tokens, with the end"""
    p_true: np.ndarray | None = None
    """(question,) probability that the model gives to its own answer being true"""
    stated: np.ndarray | None = None
    """(question,) confidence that the model states in words, 0 to 1; nan where it states none"""
    hidden: np.ndarray | None = None
    """(question, position, layer + 1, d_model) float16; positions as in POSITIONS; layer 0 = the embedding"""
    control: np.ndarray | None = None
    """the same of a model of the same shape with random weights"""
    attention: np.ndarray | None = None
    """(question, layer, head) mean weight on the entity's tokens, where the answer's tokens are predicted"""

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name not in ("name", "questions") and value is not None and len(value) != len(self.questions):
                raise ShapeError(f"Answers: {f.name} has {len(value)} rows for {len(self.questions)} questions")

    def __len__(self) -> int:
        return len(self.questions)

    def __getitem__(self, chosen: "np.ndarray | Sequence[int] | slice") -> "Answers":
        """Some of the questions: by their numbers, a slice, or a mask of bools."""
        rows = np.arange(len(self))[np.asarray(chosen) if not isinstance(chosen, slice) else chosen]
        kept = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, tuple):
                kept[f.name] = tuple(value[int(i)] for i in rows)
            elif isinstance(value, np.ndarray):
                kept[f.name] = value[rows]
        return replace(self, **kept)

    def topic(self, *names: str) -> "Answers":
        """The questions of some topics.

        Raises:
            OptionError: none was asked.
        """
        rows = [i for i, q in enumerate(self.questions) if q.topic in names]
        if not rows:
            there = ", ".join(sorted({q.topic for q in self.questions}))
            raise OptionError(f"no question about {', '.join(names)} was asked, only about {there}; ask it first")
        return self[rows]

    @cached_property
    def grades(self) -> tuple[Grade, ...]:
        """(question,) of the greedy answers."""
        return tuple(grade(t, q) for t, q in zip(self.texts, self.questions, strict=True))

    @property
    def wrong(self) -> np.ndarray:
        """(question,) bool: the greedy answer is not right."""
        return np.array([not g.right for g in self.grades], dtype=bool)

    @property
    def accuracy(self) -> float:
        """Share of right greedy answers."""
        return float(1 - self.wrong.mean())

    def one_sided(self, least: int = 2) -> str:
        """Why nothing can tell its right answers from its wrong ones; empty where there are enough of both.

        Args:
            least: different entities of each kind that are needed.
        """
        for kind, rows in (("right", ~self.wrong), ("wrong", self.wrong)):
            if len(set(self.folds[rows])) < least:
                few = f"{int(rows.sum())} of {len(self)} answers {'is' if rows.sum() == 1 else 'are'} {kind}"
                return f"{few}, but to tell the two apart takes {least} or more of each kind"
        return ""

    @property
    def folds(self) -> np.ndarray:
        """(question,) what a split keeps together."""
        return np.array([q.fold for q in self.questions])

    def strip(self, number: int) -> TokenScores:
        """One greedy answer as coloured text: each token's probability."""
        return TokenScores(self.tokens[number], np.exp(self.logprobs[number]), "probability", low=0.0, high=1.0,
                           title=self.questions[number].text)  # fmt: skip


def confidence(answers: Answers) -> np.ndarray:
    """(question,) probability of the whole greedy answer under the model: what it stakes on its words."""
    return np.array([np.exp(row.sum()) for row in answers.logprobs])
