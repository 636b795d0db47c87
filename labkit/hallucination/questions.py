"""Questions whose answers are known: the truth that a model's answers are measured against.

Reads   facts of installed packages (countries, elements), the speeches' metadata, `data/hallucination/*.toml`.
Gives   Question after Question, and the prompt that a model reads for each.
Ignores models.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from labkit.core.errors import OptionError, TextError, closest

KINDS = ("text", "number", "symbol", "refusal")


@dataclass(frozen=True)
class Question:
    """One question and its answer."""

    text: str
    answer: str
    """empty where the only right answer is that there is none (`kind` is `refusal`)"""
    topic: str = ""
    entity: str = ""
    """whom or what it asks about, as written in `text`"""
    aliases: tuple[str, ...] = ()
    """other right answers"""
    kind: str = "text"
    """`text`; `number`; `symbol`: capitals matter; `refusal`: right = it says that there is none or it is not known"""
    frequency: float | None = None
    """larger = met more often: population, 1 / atomic number, times told in training; None = not known"""
    group: str = ""
    """questions of one group are never on both sides of a split; empty = the entity"""
    id: str = ""
    prompt: str = ""
    """what the model reads; empty = `prompt_of` writes it"""
    shared: str = ""
    """how `prompt` begins, where other questions' prompts begin so too: it is read once for all of them"""
    stop: str = "\n"
    """where an answer ends"""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise OptionError(f"a question's kind is {self.kind!r}; {closest(self.kind, KINDS)}")
        if not self.text.strip():
            raise TextError("a question has no text; write one")
        if self.kind != "refusal" and not self.answer.strip():
            raise TextError(f"{self.text!r} has no answer; give one, or kind='refusal' where none is right")

    @property
    def fold(self) -> str:
        """What a split keeps together."""
        return self.group or self.entity or self.text


def topics() -> tuple[str, ...]:
    """The topics that `questions` knows."""
    from .facts import BUILDERS

    return tuple(BUILDERS)


def questions(*topic: str, n: int | None = None, seed: int = 0) -> tuple[Question, ...]:
    """Questions of the named topics (none = all), in one fixed order.

    Args:
        topic: capitals, currencies, symbols, numbers (of elements), presidents, invented, unanswerable.
        n: at most so many of each topic, drawn with the seed; None = all.

    Raises:
        OptionError: an unknown topic, or n below 1.
        AssetError: the speeches' metadata are not in the cache and cannot be fetched.

    Law: no question is one of the examples in the prompts, and no two share text (tests/hallucination).
    """
    from .facts import BUILDERS

    for name in topic:
        if name not in BUILDERS:
            raise OptionError(f"there is no topic {name!r}; {closest(name, tuple(BUILDERS))}")
    if n is not None and n < 1:
        raise OptionError(f"n={n} asks for no question; use 1 or more, or None for all")
    return tuple(q for name in topic or tuple(BUILDERS) for q in _draw(BUILDERS[name](), name, n, seed))


def _draw(every: Sequence[Question], topic: str, n: int | None, seed: int) -> Sequence[Question]:
    if n is None or n >= len(every):
        return every
    import random

    from labkit.core.seeds import derive

    kept = random.Random(derive(seed, "questions", topic)).sample(range(len(every)), n)
    return [every[i] for i in sorted(kept)]


def prompt_of(question: Question) -> str:
    """What the model reads: the topic's two examples with their answers, then the question; or its own prompt.

    Source: Brown et al. 2020 (examples in the prompt).
    """
    return question.prompt or prefix_of(question) + f"Question: {question.text}\nAnswer:"


def prefix_of(question: Question) -> str:
    """The examples that questions of one topic share."""
    from .facts import shots

    if question.prompt:
        return question.shared
    pairs = shots().get(question.topic, ())
    return "".join(f"Question: {asked}\nAnswer: {answer}\n\n" for asked, answer in pairs)
