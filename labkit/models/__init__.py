"""Language models: which there are, loading one, and its next token.

    lm = load("smollm2-135m")            # LanguageModel: .model .tokenizer .card .bridge
    next_token(lm, "The capital of France is")
    walk(lm, "Once upon a time", tokens=12)
    build("nano", vocab_size=65)         # a new model, to be trained

Reads   catalog.toml, presets.toml, the asset cache, local folders.
Gives   LanguageModel, Card, Bars.
Ignores how models are trained and how results are drawn.
"""

from .catalog import catalog
from .language_model import Card, LanguageModel, require_model, watch
from .loading import load
from .prediction import next_token, visible, walk
from .presets import build, presets, shape
from .sizes import by_size, known_models

__all__ = [
    "Card", "LanguageModel", "build", "by_size", "catalog", "known_models", "load", "next_token", "presets",
    "require_model", "shape", "visible", "walk", "watch",
]  # fmt: skip
