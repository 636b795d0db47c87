"""Tiny models made here: random weights that speak bytes, and answers whose truth is known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from labkit.hallucination import Answers, Question


@dataclass(frozen=True, eq=False)
class Lm:
    """What the room needs of a LanguageModel."""

    name: str
    model: Any
    tokenizer: Any


def byte_tokenizer() -> Any:
    """256 bytes and an end token, 256."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    made = Tokenizer(models.BPE(vocab={letter: byte for byte, letter in bytes_to_unicode().items()}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["<end>"])
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>")


def make_llama(*, context: int = 256, seed: int = 0, **changes: Any) -> Any:
    """Random weights, large enough that the distribution is not flat."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
             "num_key_value_heads": 2, "initializer_range": 0.25, "tie_word_embeddings": False}  # fmt: skip
    config = LlamaConfig(vocab_size=257, max_position_embeddings=context, eos_token_id=256, **{**sizes, **changes})
    return LlamaForCausalLM(config).eval()


def make_gpt2() -> Any:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(1)
    return GPT2LMHeadModel(GPT2Config(vocab_size=257, n_embd=32, n_layer=2, n_head=4, n_positions=256,
                                      initializer_range=0.4, eos_token_id=256, bos_token_id=256)).eval()  # fmt: skip


@pytest.fixture
def lm() -> Lm:
    return Lm("tiny", make_llama(), byte_tokenizer())


@pytest.fixture
def gpt2() -> Lm:
    return Lm("tiny gpt2", make_gpt2(), byte_tokenizer())


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch, request):
    """Answers are kept in the test's own folder; tests of real weights find these where they are."""
    if "weights" not in request.keywords:
        monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))


def asked(*texts: str, stop: str = "\n", **more: Any) -> tuple[Question, ...]:
    """Questions that are read as they stand."""
    return tuple(Question(text, "x", "bytes", text[-3:], prompt=text, stop=stop, **more) for text in texts)


def answers_of(n: int = 8, *, count: int = 4, **more: Any) -> Answers:
    """Answers made up: `n` questions with `count` samples, half answered right."""
    questions = tuple(
        Question(f"What is {i}?", "right", "even" if i % 4 < 2 else "odd", f"thing {i}", frequency=float(i))
        for i in range(n)
    )
    texts = tuple("right" if i % 2 else "wrong" for i in range(n))
    rows = tuple(np.array([-0.1 * i, -0.2]) for i in range(n))
    fields = {
        "name": "made", "questions": questions, "prompts": ("?",) * n, "texts": texts, "tokens": (("a", "b"),) * n,
        "ids": ((1, 2),) * n, "logprobs": rows, "entropies": rows, "margins": rows,
        "samples": ((texts[0],) * count,) * n, "sample_logprobs": np.full((n, count), -1.0),
        "sample_lengths": np.full((n, count), 2),
    }  # fmt: skip
    return Answers(**{**fields, **more})
