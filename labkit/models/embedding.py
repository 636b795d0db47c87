"""Embedding: one vector for each text, near each other where texts mean alike.

Reads   an encoder, texts.
Gives   unit vectors.
Ignores what the texts are.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from .language_model import LanguageModel, require_finite
from .loading import load


@cache
def encoder() -> LanguageModel:
    """MiniLM, loaded once.

    Raises:
        AssetError: it is not in the cache and cannot be fetched.
    """
    return load("minilm")


def embed(lm: LanguageModel, texts: Sequence[str], *, batch: int = 256) -> np.ndarray:
    """(text, d) unit vectors: the mean of an encoder's last layer over the tokens.

    Law: a text gets the same vector among others as alone (tests/models/test_embedding.py).
    Source: Reimers & Gurevych 2019.
    """
    import torch

    rows = []
    with torch.inference_mode():
        for first in range(0, len(texts), batch):
            part = [text or "." for text in texts[first : first + batch]]
            ids = lm.tokenizer(part, return_tensors="pt", padding=True, truncation=True).to(lm.model.device)
            states = lm.model(**ids).last_hidden_state  # (text, seq, d)
            mask = ids["attention_mask"][..., None]
            mean = (states * mask).sum(1) / mask.sum(1)
            require_finite(mean, lm.name)
            rows.append(torch.nn.functional.normalize(mean.float(), dim=-1).cpu().numpy())
    return np.concatenate(rows) if rows else np.zeros((0, lm.card.d_model))
