"""A Llama that is told order by a learned vector for each position, added to the token's (GPT-2's way).

All else is the Llama of transformers, with its rotation switched off, so that two models can differ in this alone.
"""

from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, LlamaModel


class LearnedLlamaConfig(LlamaConfig):
    """The sizes of a Llama; `max_position_embeddings` is the number of learned vectors."""

    model_type = "labkit_learned_llama"


class LearnedLlamaModel(LlamaModel):
    """Token and position vectors added, then the layers of a Llama."""

    config_class = LearnedLlamaConfig

    def __init__(self, config: LearnedLlamaConfig) -> None:
        super().__init__(config)
        self.embed_positions = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: Any = None,
        past_key_values: Any = None,
        inputs_embeds: torch.Tensor | None = None,
        **more: Any,
    ) -> Any:
        """As of `LlamaModel`; an IndexError for a position beyond the learned ones."""
        vectors = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds  # (batch, seq, d_model)
        if position_ids is None:
            past = past_key_values.get_seq_length() if past_key_values is not None else 0
            position_ids = torch.arange(past, past + vectors.shape[1], device=vectors.device)[None]
        vectors = vectors + self.embed_positions(position_ids)
        return super().forward(
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=vectors,
            **more,
        )


class LearnedLlamaForCausalLM(LlamaForCausalLM):
    """Predicts the next token."""

    config_class = LearnedLlamaConfig

    def __init__(self, config: LearnedLlamaConfig) -> None:
        super().__init__(config)
        self.model = LearnedLlamaModel(config)
        self.post_init()


AutoConfig.register(LearnedLlamaConfig.model_type, LearnedLlamaConfig)
AutoModelForCausalLM.register(LearnedLlamaConfig, LearnedLlamaForCausalLM)
