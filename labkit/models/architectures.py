"""Architectures: a preset's sizes as a new model of transformers, one function for each kind.

    transformer   a Llama: decoder, rotary or learned positions or none, SwiGLU
    lstm          the lab's recurrent baseline
    bert          encoder of 2018: norms after each part, learned positions, no gate (so its feed-forward part is 3/2 as
                  wide as the Llama's: as many weights)
    modernbert    encoder of 2024: a Llama's parts, read from both sides; every layer attends to the whole text
    t5            encoder-decoder: half of the layers read, half write; relative positions
    mixtral       a Llama with 4 experts in each layer, each half as wide, of which 2 read each token: in the
                  feed-forward part twice the weights and as many multiplications
    mamba2        state space, no attention: twice the layers, each half as large; a state of 16 numbers a channel

Reads   Preset.
Gives   PreTrainedModel with random weights, without dropout.
Ignores which sizes go together; who trains it.

Of transformers' state-space models Mamba-2 is the quickest in plain torch: it reads a text in chunks, Mamba token by
token (eight times as long for a step at width 64).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NO_ROTATION = 1e30
"""Rotary angles divided by this are 0 to the last bit, so a Llama with it knows no positions."""
EXPERTS, READING = 4, 2
STATE, CONVOLVED = 16, 4
EXPANSION = 2
"""Channels of a state-space layer for each number of the vector that it reads."""


@dataclass(frozen=True)
class Preset:
    """The sizes of a model that is trained here."""

    name: str
    what: str
    layers: int
    heads: int
    """query heads in each layer"""
    d_model: int
    """width of a token's vector"""
    d_ff: int
    """width inside the feed-forward part of a layer (SwiGLU: three matrices)"""
    context: int
    """longest input, tokens"""
    tokenizer: str
    """the kind of tokenizer it is meant for: characters, bpe or words"""
    vocab: int
    """that tokenizer's size; of characters about"""
    kind: str = "transformer"
    """transformer, lstm, bert, modernbert, t5, mixtral, mamba2: as above"""
    positions: str = "rotary"
    """how order is told: rotary, learned (a vector for each position), none"""
    tied: bool = True
    """whether reading and predicting tokens share one table"""


def new_model(p: Preset, vocab_size: int) -> Any:
    """A model of these sizes; its weights are drawn from torch's generator."""
    return _KINDS[p.kind](p, vocab_size)


def _shared(p: Preset, vocab_size: int) -> dict[str, Any]:
    """What every config is told by the same names; special tokens come with the tokenizer."""
    return {
        "vocab_size": vocab_size,
        "hidden_size": p.d_model,
        "num_hidden_layers": p.layers,
        "max_position_embeddings": p.context,
        "tie_word_embeddings": p.tied,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }


def _attending(p: Preset, vocab_size: int) -> dict[str, Any]:
    return {**_shared(p, vocab_size), "num_attention_heads": p.heads, "intermediate_size": p.d_ff}


def _llama(p: Preset, vocab_size: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    from .positions import LearnedLlamaConfig, LearnedLlamaForCausalLM

    rope = {"rope_type": "default", "rope_theta": 10_000.0}
    if p.positions != "rotary":
        rope |= {"rope_type": "linear", "factor": NO_ROTATION}
    told = {**_attending(p, vocab_size), "num_key_value_heads": p.heads, "rope_parameters": rope}
    if p.positions == "learned":
        return LearnedLlamaForCausalLM(LearnedLlamaConfig(**told))
    return LlamaForCausalLM(LlamaConfig(**told))


def _lstm(p: Preset, vocab_size: int) -> Any:
    from .lstm import LstmConfig, LstmForCausalLM

    return LstmForCausalLM(LstmConfig(**_shared(p, vocab_size)))


def _bert(p: Preset, vocab_size: int) -> Any:
    from transformers import BertConfig, BertForMaskedLM

    told = {**_attending(p, vocab_size), "intermediate_size": p.d_ff * 3 // 2, "type_vocab_size": 1}
    return BertForMaskedLM(BertConfig(**told, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))


def _modernbert(p: Preset, vocab_size: int) -> Any:
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    every: dict[str, Any] = {"cls_token_id": None, "sep_token_id": None, "layer_types": ["full_attention"] * p.layers}
    return ModernBertForMaskedLM(ModernBertConfig(**_attending(p, vocab_size), **every))


def _t5(p: Preset, vocab_size: int) -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    told: dict[str, Any] = {
        "vocab_size": vocab_size,
        "d_model": p.d_model,
        "d_ff": p.d_ff,
        "d_kv": p.d_model // p.heads,
        "num_heads": p.heads,
        "num_layers": p.layers - p.layers // 2,
        "num_decoder_layers": max(1, p.layers // 2),
        "feed_forward_proj": "gated-silu",
        "dropout_rate": 0.0,
        "tie_word_embeddings": p.tied,
        "max_position_embeddings": p.context,
        "pad_token_id": 0,
        "decoder_start_token_id": 0,
        "eos_token_id": None,
    }
    return T5ForConditionalGeneration(T5Config(**told))


def _mixtral(p: Preset, vocab_size: int) -> Any:
    from transformers import MixtralConfig, MixtralForCausalLM

    width = -(-p.d_ff // READING // 8) * 8  # products over several experts want rows of 32 bytes
    told = {**_attending(p, vocab_size), "intermediate_size": width, "num_key_value_heads": p.heads}
    return MixtralForCausalLM(MixtralConfig(**told, num_local_experts=EXPERTS, num_experts_per_tok=READING))


def _mamba2(p: Preset, vocab_size: int) -> Any:
    from transformers import Mamba2Config, Mamba2ForCausalLM

    told = {**_shared(p, vocab_size), "num_hidden_layers": 2 * p.layers, "state_size": STATE, "n_groups": 1}
    head = EXPANSION * p.d_model // p.heads
    shape: dict[str, Any] = {
        "expand": EXPANSION,
        "num_heads": p.heads,
        "head_dim": head,
        "conv_kernel": CONVOLVED,
        "chunk_size": 32,
    }
    return Mamba2ForCausalLM(Mamba2Config(**told, **shape))


_KINDS: dict[str, Callable[[Preset, int], Any]] = {
    "transformer": _llama, "lstm": _lstm, "bert": _bert, "modernbert": _modernbert, "t5": _t5, "mixtral": _mixtral,
    "mamba2": _mamba2,
}  # fmt: skip
