"""Tiny models and tokenizers made here, for the tests of every room: random weights that speak bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Lm:
    """What sampling, and who stands on it, needs of a LanguageModel."""

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


def fitted_tokenizer(sentences: Sequence[str], size: int, *special: str, **roles: str) -> Any:
    """Byte pairs learned from some sentences; `roles` says which special token ends and which starts a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(sentences, trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False,
    ))  # fmt: skip
    return PreTrainedTokenizerFast(tokenizer_object=made, **roles)


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
    return LlamaForCausalLM(LlamaConfig(**(settings | changes))).eval()


def make_gpt2(*, context: int = 64) -> Any:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(1)
    return GPT2LMHeadModel(GPT2Config(vocab_size=258, n_embd=32, n_layer=2, n_head=4, n_positions=context,
                                      initializer_range=0.4, eos_token_id=256, bos_token_id=257)).eval()  # fmt: skip
