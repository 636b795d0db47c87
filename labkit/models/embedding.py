"""Embedding: one vector for each text, near each other where texts mean alike.

Reads   an encoder, texts.
Gives   unit vectors.
Ignores what the texts are.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from ..core.errors import ModelError
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
    """(text, d) unit vectors: the mean of the last layer over the tokens, of an encoder-decoder its encoder's.

    Trained encoders such as MiniLM are made for it; a decoder's last layer is about the next token.

    Raises:
        ModelError: the tokenizer has no token to pad with, or the numbers are not finite.

    Law: a text gets the same vector among others as alone (tests/models/test_embedding.py).
    Source: Reimers & Gurevych 2019.
    """
    import torch

    two = getattr(lm.model.config, "is_encoder_decoder", False)
    body = lm.model.get_encoder() if two else lm.model.base_model
    if lm.tokenizer.pad_token is None and len(texts) > 1:
        raise ModelError(f"the tokenizer of {lm.name} pads nothing; set lm.tokenizer.pad_token, or embed with minilm")
    rows = []
    with torch.inference_mode():
        for first in range(0, len(texts), batch):
            part = [text or "." for text in texts[first : first + batch]]
            ids = lm.tokenizer(part, return_tensors="pt", padding=True, truncation=True).to(lm.model.device)
            states = body(**ids).last_hidden_state  # (text, seq, d)
            mask = ids["attention_mask"][..., None]
            mean = (states * mask).sum(1) / mask.sum(1)
            require_finite(mean, lm.name)
            rows.append(torch.nn.functional.normalize(mean.float(), dim=-1).cpu().numpy())
    return np.concatenate(rows) if rows else np.zeros((0, lm.card.d_model))
