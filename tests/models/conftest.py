"""Tiny models, made and saved in the test: three architectures, one tokenizer of 300 byte-level tokens."""

from pathlib import Path

import pytest
import torch
import transformers

from tests.tiny import fitted_tokenizer

SENTENCES = [
    "The capital of France is Paris.",
    "The bank raised its interest rate.",
    "Once upon a time 1234 people",
] * 3


@pytest.fixture(scope="session")
def tokenizer():
    return fitted_tokenizer(SENTENCES * 3, 300, "<|end|>", "<|start|>", bos_token="<|start|>", eos_token="<|end|>")


def llama_config(vocab: int, **more):
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "max_position_embeddings": 64, "tie_word_embeddings": True}  # fmt: skip
    return transformers.LlamaConfig(vocab_size=vocab, bos_token_id=1, eos_token_id=0, **{**sizes, **more})


@pytest.fixture
def tiny_folder(tmp_path, tokenizer) -> Path:
    """A Llama of two layers in transformers layout."""
    return save(transformers.LlamaForCausalLM(seeded(llama_config(len(tokenizer)))), tokenizer, tmp_path / "tiny")


@pytest.fixture
def tiny_bert_folder(tmp_path, tokenizer) -> Path:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = transformers.BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **sizes)
    return save(transformers.BertModel(seeded(config)), tokenizer, tmp_path / "bert")


@pytest.fixture
def tiny_t5_folder(tmp_path, tokenizer) -> Path:
    config = transformers.T5Config(vocab_size=len(tokenizer), d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4,
                                   decoder_start_token_id=0, pad_token_id=0)  # fmt: skip
    return save(transformers.T5ForConditionalGeneration(seeded(config)), tokenizer, tmp_path / "t5")


def seeded(config):
    torch.manual_seed(0)
    return config


def save(model, tokenizer, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
