"""Explorer: a text cut after any number of byte-pair merges."""

from collections.abc import Sequence

from labkit.explorers.controls import Slider, Text
from labkit.explorers.panel import Explorer
from labkit.text import BytePair, Merge, merge_table

EXAMPLE = "The President of the United States addressed the representatives about unemployment."
SHOWN = 5


def build(merges: Sequence[Merge] | None = None) -> Explorer:
    """A slider over the merges of a training run.

    Args:
        merges: what `labkit.text.train` gave; default: 1,000 merges learned from the speeches since 2001.
    """
    from labkit.text import corpus, train

    learned = tuple(train(corpus("sotu", since=2001).text) if merges is None else merges)

    def draw(merges: int, text: str) -> list:
        known = learned[:merges]
        split = BytePair(known, name=f"after {len(known):,} merges").split(text)
        return [split, merge_table(known[: -SHOWN - 1 : -1], "The latest merges")] if known else [split]

    return Explorer(
        title="One merge after another",
        controls=(
            Slider("merges", min(20, len(learned)), 0, max(1, len(learned)), label="Merges"),
            Text("text", EXAMPLE, label="Text"),
        ),
        draw=draw,
    )
