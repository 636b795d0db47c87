"""Explorer: one head of a model on any text: where it looks, and what happens when it is switched off."""

from labkit.core.errors import ModelError, TextError
from labkit.core.results import ChoiceGrid
from labkit.explorers.controls import Choice, Slider, Switch, Text
from labkit.explorers.panel import Explorer

EXAMPLE = "The capital of France is Paris. The capital of Italy is"
MOST_TOKENS = 128
"""A longer text would make a reader wait for each key pressed."""
SHOWN = 6


def build(lm=None) -> Explorer:
    """A text, a head and a measure. `lm`: a LanguageModel that predicts the next token."""
    from labkit.interpretability import MEASURES, capture, measure, predict_without
    from labkit.models import load, next_token

    lm = lm or load("smollm2-135m")
    layers, heads = lm.card.layers, lm.card.heads
    if lm.card.kind != "decoder-only":
        raise ModelError(f"this explorer reads the next token, and {lm.name} is {lm.card.kind}; give it a decoder")

    def draw(text: str, layer: int, head: int, by: str, off: bool) -> list:
        seen = capture(lm, text, window=_window(lm, text))
        if len(seen) < 2:
            raise TextError(f"the text has {len(seen)} token; where a head looks needs 2 or more: add a word")
        ids = list(seen.ids)
        said = predict_without(lm, ids, off=[(layer, head)], top=SHOWN) if off else next_token(lm, text, top=SHOWN)
        return [ChoiceGrid.of(measure(by, seen), (layer, head)), said, seen.head(layer, head)]

    return Explorer(
        title="What does this head look at, and what does it do?",
        controls=(
            Text("text", EXAMPLE, label="Text", lines=2),
            Slider("layer", min(23, layers - 1), 0, layers - 1, label="Layer"),
            Slider("head", min(4, heads - 1), 0, heads - 1, label="Head"),
            Choice("by", "sink", tuple(MEASURES), label="Colour by"),
            Switch("off", True, label="Switch it off"),
        ),
        draw=draw,
        note=f"Click a head in the map, or move Layer and Head. At most {MOST_TOKENS} tokens are read, the last ones.",
    )


def _window(lm, text: str) -> tuple[int, int] | None:
    from labkit.interpretability.inputs import count_tokens

    count = count_tokens(lm, text)
    return (count - MOST_TOKENS, count) if count > MOST_TOKENS else None
