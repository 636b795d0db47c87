"""Explorer: one prompt, every control of the sampler, the distribution and the texts."""

from collections.abc import Iterator

from labkit.explorers.controls import Action, Slider, Text
from labkit.explorers.panel import Explorer

DRAWN = 4
"""Texts shown at a time."""


def build(lm: object = None) -> Explorer:
    """Move a control, see the next token's distribution and four texts. `lm`: a LanguageModel."""
    from labkit.models import load
    from labkit.sampling import dissect, sample

    model = lm or load("smollm2-135m")

    def draw(prompt: str, length: int, again: int, **options: float) -> Iterator[list]:
        stages = dissect(model, prompt, seed=again, top=12, **options)
        yield [stages.bars(first_and_last=True), stages.table()]
        texts = sample(model, prompt, n=DRAWN, max_tokens=length, seed=again, **options)
        yield [stages.bars(first_and_last=True), stages.table(), texts]

    return Explorer(
        title="The sampler, live",
        note="The bars: what the model says, and what is left to draw from. Below: four texts of this seed.",
        controls=(
            Text("prompt", "The old lighthouse keeper opened the door and", label="Prompt"),
            Slider("temperature", 0.8, 0.0, 2.0, 0.05, label="Temperature (0 = greedy)"),
            Slider("top_k", 0, 0, 100, label="Top-k (0 = all)"),
            Slider("top_p", 0.95, 0.05, 1.0, 0.05, label="Top-p"),
            Slider("min_p", 0.0, 0.0, 0.5, 0.01, label="Min-p"),
            Slider("typical_p", 1.0, 0.05, 1.0, 0.05, label="Typical"),
            Slider("repetition_penalty", 1.0, 1.0, 2.0, 0.05, label="Repetition penalty"),
            Slider("frequency_penalty", 0.0, 0.0, 2.0, 0.1, label="Frequency penalty"),
            Slider("no_repeat_ngram", 0, 0, 6, label="No repeated n-gram"),
            Slider("length", 24, 4, 80, label="Tokens"),
            Action("again", label="Another seed"),
        ),
        draw=draw,
    )
