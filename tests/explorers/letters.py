"""A tiny explorer for the tests: how often each letter appears."""

import numpy as np

from labkit.core.errors import TextError
from labkit.core.results import Bars, TokenSplit
from labkit.explorers.controls import Action, Choice, Choices, Slider, Switch, Text
from labkit.explorers.panel import Explorer


def build(weight: float = 1.0) -> Explorer:
    """Letters of a text, each counted `weight` times."""

    def draw(*, text: str, top: int, heat: float, order: str, kinds: tuple, split: bool, again: int) -> list:
        if not text.strip():
            raise TextError("the text is empty; type a word or more")
        wanted = [c for c in text if ("vowels" in kinds) == (c in "aeiou") or len(kinds) == 2]
        names = sorted(set(wanted), key=wanted.count, reverse=order == "most")[:top]
        amounts = np.array([wanted.count(name) * weight * heat + again for name in names], dtype=float)
        bars = Bars(tuple(names), amounts, "count", f"Letters of {text}", label_name="letter")
        return [TokenSplit(tuple(text), tuple(map(ord, text)), text), bars] if split else [bars]

    return Explorer(
        title="Letters",
        note="Type and see.",
        controls=(
            Text("text", "to be or not to be", label="Text"),
            Slider("top", 5, 1, 10, label="Show"),
            Slider("heat", 1.0, 0.1, 10.0, log=True, label="Temperature"),
            Choice("order", "most", ("most", "least"), label="Order"),
            Choices("kinds", ("vowels", "others"), ("vowels", "others"), label="Kinds"),
            Switch("split", label="Show the split"),
            Action("again", label="Count again"),
        ),
        draw=draw,
    )
