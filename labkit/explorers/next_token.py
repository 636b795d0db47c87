"""Explorer: what comes next after a prompt, and how a text grows by one token at a time."""

import numpy as np

from labkit.core.results import TokenScores
from labkit.core.signs import SPACE
from labkit.explorers.controls import Slider, Text
from labkit.explorers.panel import Explorer


def build(lm=None) -> Explorer:
    """The distribution over the next token, while one types.

    Args:
        lm: a LanguageModel; the lesson's default where none is given.
    """
    from labkit.models import load, next_token, walk

    lm = lm or load("smollm2-135m")

    def draw(prompt: str, added: int, top: int) -> list:
        steps = walk(lm, prompt, tokens=added)
        text = steps["text so far"][-1] if len(steps) else prompt
        bars = next_token(lm, text, top=top)
        return [added_strip(steps), bars] if len(steps) else [bars]

    return Explorer(
        title="What comes next?",
        note="Type a prompt, or let the model add its best token, again and again.",
        controls=(
            Text("prompt", "The capital of France is", label="Prompt"),
            Slider("added", 0, 0, 30, label="Tokens added"),
            Slider("top", 10, 1, 30, label="Bars"),
        ),
        draw=draw,
    )


def added_strip(steps) -> TokenScores:
    """The tokens of a walk, coloured by their probability."""
    return TokenScores(
        tokens=tuple(token.replace(SPACE, " ") for token in steps["token"]),
        values=np.array(steps["probability"], dtype=float),
        quantity="probability",
        title="The model adds",
        hover=tuple(f"{p:.2f}, beat {beat} ({less:.2f})" for _, p, beat, less, _ in steps.rows),
        low=0.0,
        high=1.0,
    )
