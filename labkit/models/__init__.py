"""Language models: which there are, loading one, and its next token.

    lm = load("smollm2-135m")            # LanguageModel: .model .tokenizer .card .bridge
    next_token(lm, "The capital of France is")

Reads   catalog.toml, the asset cache, local folders.
Gives   LanguageModel, Card, Bars.
Ignores how models are trained and how results are drawn.
"""

from .catalog import catalog
from .language_model import Card, LanguageModel
from .loading import load
from .prediction import next_token, visible

__all__ = ["Card", "LanguageModel", "catalog", "load", "next_token", "visible"]
