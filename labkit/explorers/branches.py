"""Explorer: the alternatives of a text as a tree; a click on a branch continues from it."""

from labkit.explorers.controls import Choice, Slider, Text
from labkit.explorers.panel import Explorer


def build(lm: object = None) -> Explorer:
    """The tree of a beam search or of samples after a prompt. `lm`: a LanguageModel."""
    from labkit.models import load
    from labkit.sampling import beam_tree, sample, sample_tree

    model = lm or load("smollm2-135m")

    def draw(prompt: str, grown: str, width: int, depth: int) -> list:
        if grown == "beam search":
            return [beam_tree(model, prompt, width=width, depth=depth)]
        texts = sample(model, prompt, n=4 * width, max_tokens=depth)
        return [sample_tree(texts, depth=depth)]

    return Explorer(
        title="The roads not taken",
        note="Click a token, or move to it with Tab and press Enter: its text becomes the prompt.",
        controls=(
            Text("prompt", "The scientist looked at the result and", label="Prompt"),
            Choice("grown", "beam search", ("beam search", "samples"), label="Grown by"),
            Slider("width", 3, 1, 8, label="Width"),
            Slider("depth", 5, 1, 8, label="Depth"),
        ),
        draw=draw,
    )
