"""Questions whose answers are known: the truth that a model's answers are measured against.

Gives   Question.
Ignores models, where questions come from and how they are put (`facts`).
"""

from dataclasses import dataclass

import regex as re

from labkit.core.errors import OptionError, TextError, closest

KINDS = ("text", "number", "symbol", "refusal")
NUMBER = re.compile(r"[-+−]?\d[\d,]*(?:\.\d+)?")


def number_in(text: str) -> float:
    """What a text that NUMBER matches is worth; digits of any script."""
    return float(text.replace(",", "").replace("−", "-"))


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
        for said in (self.answer, *self.aliases) if self.kind == "number" else ():
            if not NUMBER.fullmatch(said.strip()):
                raise TextError(
                    f"{self.text!r} asks for a number, but {said!r} is none; write it in digits, or leave kind out"
                )

    @property
    def fold(self) -> str:
        """What a split keeps together."""
        return self.group or self.entity or self.text
