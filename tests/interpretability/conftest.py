"""Tiny models of three families, made in the test: shared keys and rotation, position vectors, an encoder."""

import pytest
import torch
import transformers

from labkit.models import LanguageModel, load
from labkit.models.language_model import describe
from tests.tiny import byte_tokenizer, fitted_tokenizer, make_gpt2, make_llama

SENTENCES = ["The bank raised its interest rate.", "The bank of the river was green."] * 3
TEXT = "The bank raised its rate, the bank of the river."
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}


@pytest.fixture(scope="session")
def tokenizer():
    return fitted_tokenizer(SENTENCES, 330, "<|end|>", eos_token="<|end|>")


def kept(model, tokenizer, folder):
    # Larger weights than the usual start, so that heads differ and scores are not all alike.
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 2 and "embed" not in name and "wte" not in name:
                weight.mul_(6)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return load(folder)


@pytest.fixture(scope="session")
def llama(tokenizer, tmp_path_factory):
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), num_key_value_heads=2, max_position_embeddings=64, **SIZES
    )
    return kept(transformers.LlamaForCausalLM(config), tokenizer, tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="session")
def gpt2(tokenizer, tmp_path_factory):
    torch.manual_seed(1)
    config = transformers.GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=3, n_head=4, n_positions=64)
    return kept(transformers.GPT2LMHeadModel(config), tokenizer, tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(scope="session")
def bert(tokenizer, tmp_path_factory):
    torch.manual_seed(2)
    config = transformers.BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **SIZES)
    return kept(transformers.BertModel(config), tokenizer, tmp_path_factory.mktemp("bert"))


@pytest.fixture(params=["llama", "gpt2", "bert"])
def any_model(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["llama", "gpt2"])
def decoder(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=[make_llama, make_gpt2])
def loud(request):
    """A decoder that speaks bytes, whose logits lie far apart, and whose norms have weights and biases of their own."""
    model = request.param()
    torch.manual_seed(2)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 1 and "c_attn" not in name and "ln_1.bias" not in name:  # TransformerLens moves it to W_O
                weight.add_(0.3 * torch.randn_like(weight))
    return LanguageModel("loud", model, byte_tokenizer(), describe("loud", model, None))


def ids_of(lm, text=TEXT):
    return torch.tensor([lm.tokenizer(text)["input_ids"]])
