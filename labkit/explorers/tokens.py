"""Explorer: one text through any number of tokenizers."""

import numpy as np

from labkit.core.errors import TextError
from labkit.core.results import Bars
from labkit.explorers.controls import Choices, Text
from labkit.explorers.panel import Explorer

EXAMPLE = "Tokenizers don't see letters: 12345 + 6789 = 19134, naïve café, 東京の天気 🙂"


def build(*more: object) -> Explorer:
    """Strips and counts while one types.

    Args:
        more: models or tokenizers of your own, beside the ones that the lab ships.
    """
    from labkit.text import names, tokenizer

    own = {tok.name: tok for tok in map(tokenizer, more)}
    options = (*names(), *own)

    def draw(text: str, tokenizers: tuple[str, ...]) -> list:
        if not tokenizers:
            raise TextError("no tokenizer is chosen; tick at least one")
        splits = [(own.get(name) or tokenizer(name)).split(text) for name in tokenizers]
        counts = np.array([len(split) for split in splits], dtype=float)
        return [*splits, Bars(tokenizers, counts, quantity="tokens", label_name="tokenizer")]

    return Explorer(
        title="How is this text cut?",
        controls=(
            Text("text", EXAMPLE, label="Text", lines=3),
            Choices("tokenizers", ("gpt2", "o200k", "mistral-v1", "bert"), options, label="Tokenizers"),
        ),
        draw=draw,
    )
