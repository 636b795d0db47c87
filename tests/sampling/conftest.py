"""Tiny models made here: a Llama and a GPT-2 of random weights that speak bytes."""

from dataclasses import dataclass
from typing import Any

import pytest

CHAT = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}"
    "{% if add_generation_prompt %}<a>{% endif %}"
)


@dataclass(frozen=True, eq=False)
class Lm:
    """What sampling needs of a LanguageModel."""

    name: str
    model: Any
    tokenizer: Any


def byte_tokenizer(**special: str) -> Any:
    """256 bytes and an end token, 256 (and a start token, 257)."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    vocab = {letter: byte for byte, letter in bytes_to_unicode().items()}
    made = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["<end>", "<start>"])
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>", **special)


def make_llama(*, vocab: int = 258, context: int = 64, seed: int = 0, **changes: Any) -> Any:
    """Random weights, large enough that the distribution is not flat."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    settings = {
        "vocab_size": vocab, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": context,
        "initializer_range": 0.25, "eos_token_id": 256, "bos_token_id": 257, "tie_word_embeddings": False,
    }  # fmt: skip
    config = LlamaConfig(**(settings | changes))
    return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="session")
def tiny_llama() -> Any:
    """Makes one: tiny_llama(seed=1)."""
    return make_llama


@pytest.fixture(scope="session")
def lm() -> Lm:
    return Lm("tiny", make_llama(), byte_tokenizer(bos_token="<start>", chat_template=CHAT))


@pytest.fixture(scope="session")
def gpt2(lm: Lm) -> Lm:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(1)
    config = GPT2Config(vocab_size=258, n_embd=32, n_layer=2, n_head=4, n_positions=64, initializer_range=0.4,
                        eos_token_id=256, bos_token_id=257)  # fmt: skip
    return Lm("tiny gpt2", GPT2LMHeadModel(config).eval(), lm.tokenizer)
