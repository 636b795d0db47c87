"""A tiny model and tiny data for the tests of training."""

from dataclasses import dataclass

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from labkit.core.seeds import derive
from labkit.text import Batch

VOCAB, CONTEXT = 11, 8


@dataclass(frozen=True)
class Counting:
    """Sequences that count up by one, modulo the vocabulary, from a random start."""

    vocab_size: int = VOCAB
    masked: bool = False

    def batch(self, index, *, batch, context, seed=0, split="train"):
        draw = np.random.default_rng(derive(seed, split, index))
        ids = (draw.integers(0, VOCAB, (batch, 1)) + np.arange(context + 1)) % VOCAB
        return Batch(ids.astype(np.int64), draw.random((batch, context)) < 0.5 if self.masked else None)

    def bytes_per_token(self, split):
        return 2.0


def model(seed=0, **overrides):
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    limits = {"vocab_size": VOCAB, "max_position_embeddings": CONTEXT, "tie_word_embeddings": False}
    return LlamaForCausalLM(LlamaConfig(**(sizes | limits | overrides)))
