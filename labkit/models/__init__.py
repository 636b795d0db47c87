"""Language models: which there are, loading one, and its next token.

    lm = load("smollm2-135m")            # LanguageModel: .model .tokenizer .card .bridge
    next_token(lm, "The capital of France is")
    walk(lm, "Once upon a time", tokens=12)
    score(lm, "The capital of France is", [" Paris", " Rome"]).total
    embed(load("minilm"), ["a text", "another"])
    build("nano", vocab_size=65)         # a new model, to be trained

Reads   catalog.toml, presets.toml, the asset cache, local folders.
Gives   LanguageModel, Card, Bars, Scored, vectors.
Ignores how models are trained and how results are drawn.
"""

from .catalog import catalog
from .embedding import embed, encoder
from .language_model import Card, LanguageModel, require_model, watch
from .likelihood import Scored, score
from .loading import load
from .prediction import next_token, walk
from .presets import build, presets, shape
from .sizes import by_size, known_models

__all__ = [
    "Card", "LanguageModel", "Scored", "build", "by_size", "catalog", "embed", "encoder", "known_models", "load",
    "next_token", "presets", "require_model", "score", "shape", "walk", "watch",
]  # fmt: skip
