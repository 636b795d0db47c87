"""Scores of continuations: one plain pass over each text alone is the oracle, on models of many kinds."""

from itertools import product

import numpy as np
import pytest
import torch
import transformers

from labkit.core.errors import ModelError, OptionError, ShapeError, TextError
from labkit.models import load, score
from labkit.models.likelihood import _parts, read_pair

from .conftest import save, seeded

SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
LIKE_LLAMA = {**SIZES, "num_key_value_heads": 2, "max_position_embeddings": 64}
SLIDING = {"head_dim": 8, "sliding_window": 4, "layer_types": ["sliding_attention", "full_attention"]}
SHAPES = {
    "llama": (transformers.LlamaConfig, LIKE_LLAMA),
    "gpt2": (transformers.GPT2Config, {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}),
    "gpt_neox": (transformers.GPTNeoXConfig, {**SIZES, "max_position_embeddings": 64}),
    "gemma, sliding": (transformers.Gemma3TextConfig, {**LIKE_LLAMA, **SLIDING}),
    "mamba": (transformers.MambaConfig, {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}),
}
PROMPTS = ["The capital of France is", "The capital of France", "The bank", "Once upon a time 1234", ""]
MORE = [" Paris.", " people", " raised its interest rate.", "!", " upon a time"]


@pytest.fixture(scope="module", params=SHAPES)
def lm(request, tokenizer, tmp_path_factory):
    kind, sizes = SHAPES[request.param]
    config = seeded(kind(vocab_size=len(tokenizer), bos_token_id=1, eos_token_id=0, pad_token_id=0, **sizes))
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.mul_(4)  # so that texts differ
    return load(save(model, tokenizer, tmp_path_factory.mktemp("scored")))


@pytest.fixture
def tiny(tiny_folder):
    return load(tiny_folder)


def plain(lm, prompt, continuation):
    """(token,) by one pass over the text alone, and from where on."""
    ids = lm.tokenizer(prompt + continuation)["input_ids"]
    alone = lm.tokenizer(prompt)["input_ids"]
    border = next((n for n, (a, b) in enumerate(zip(alone, ids, strict=False)) if a != b), len(alone))
    if border == 0:
        ids, border = [lm.tokenizer.bos_token_id, *ids], 1
    with torch.no_grad():
        logits = lm.model(torch.tensor([ids])).logits[0].log_softmax(-1)
    return logits[torch.arange(border - 1, len(ids) - 1), ids[border:]].numpy()


def test_scores_are_those_of_a_plain_pass_over_each_text_alone(lm):
    pairs = list(product(PROMPTS, MORE))
    found = score(lm, *zip(*pairs, strict=True))
    for pair, row in zip(pairs, found.logprobs, strict=True):
        assert np.allclose(row, plain(lm, *pair), atol=1e-4), pair
    assert np.std(found.mean) > 0.05, "a test on texts that are all alike would prove nothing"
    assert np.allclose(found.total, [row.sum() for row in found.logprobs])
    assert found.tokens.tolist() == [len(ids) for ids in found.ids]


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_neighbours_and_padding_change_nothing(lm, batch):
    pairs = list(product(PROMPTS, MORE))
    together = score(lm, *zip(*pairs, strict=True))
    assert np.allclose(score(lm, *zip(*pairs, strict=True), batch=batch).total, together.total, atol=1e-4)
    alone = [float(score(lm, prompt, [more]).total[0]) for prompt, more in pairs[:3]]
    assert np.allclose(alone, together.total[:3], atol=1e-4)


def test_a_shared_beginning_is_read_once(tiny, monkeypatch):
    read = []
    forward = tiny.model.forward

    def counted(input_ids, **more):
        read.append(tuple(input_ids.shape))
        return forward(input_ids=input_ids, **more)

    monkeypatch.setattr("labkit.models.likelihood._last", lambda model, count: {})
    monkeypatch.setattr(tiny.model, "forward", counted)
    score(tiny, PROMPTS[3], MORE * 20, batch=25)
    long = len(tiny.tokenizer(PROMPTS[3])["input_ids"])
    beginnings = [shape for shape in read if shape[0] == 1]
    assert sum(seq for _, seq in beginnings) <= long + 8, "a step further or back may be read again, not the beginning"
    longest = max(len(read_pair(tiny, PROMPTS[3], more).ids) for more in MORE)
    assert max(seq for rows, seq in read if rows > 1) <= longest - long + 1


def test_a_token_across_the_border_counts_to_the_continuation_and_is_said(tiny):
    word = next(t.strip() for t in map(tiny.tokenizer.decode, range(2, 300)) if t[0] == " " and t[1:].isalpha())
    apart, merged = score(tiny, "The bank", [" " + word]), score(tiny, "The bank ", [word])
    assert apart.ids == merged.ids and apart.tokens[0] == 1
    assert (apart.merged[0], merged.merged[0]) == (False, True)
    assert merged.total == pytest.approx(apart.total, abs=1e-5), "the same text, scored from the same token on"


def test_an_empty_prompt_is_the_start_token(tiny):
    found = score(tiny, "", ["The bank", "Once"])
    assert not found.merged.any()
    assert np.allclose(found.logprobs[0], plain(tiny, "", "The bank"), atol=1e-5)


def test_probabilities_of_all_tokens_sum_to_one(tiny):
    singles = [tiny.tokenizer.decode([i]) for i in range(2, len(tiny.tokenizer))]
    whole = [t for t in singles if "\ufffd" not in t and len(tiny.tokenizer("The bank" + t)["input_ids"])
             == len(tiny.tokenizer("The bank")["input_ids"]) + 1]  # fmt: skip
    found = score(tiny, "The bank", whole)
    assert len(whole) > 50 and 0 < np.exp(found.total[~found.merged]).sum() <= 1 + 1e-5


def test_the_end_that_a_tokenizer_adds_is_no_part_of_the_text(tiny):
    class Ending:
        eos_token_id, eos_token, bos_token_id = 0, "<|end|>", 1

        def __call__(self, text, **options):
            return {"input_ids": [*tiny.tokenizer(text)["input_ids"], 0]}

    lm = type("Lm", (), {"tokenizer": Ending(), "card": tiny.card, "name": "ending"})()
    assert read_pair(lm, "The bank", " raised") == read_pair(tiny, "The bank", " raised")


def test_one_pass_is_bounded_by_its_tokens(tiny, monkeypatch):
    monkeypatch.setattr("labkit.models.likelihood.TOKENS", 20)
    texts = [read_pair(tiny, *pair) for pair in product(PROMPTS[:4], MORE)]
    parts = list(_parts(texts, 32))
    assert sorted(n for part in parts for n in part) == list(range(20)) and len(parts) > 4


@pytest.mark.parametrize(
    "prompts, continuations, error, says",
    [
        ("The bank", ["", " of"], TextError, "is empty; give one or more characters"),
        ("The bank", [], OptionError, "give a list of one or more"),
        ("The bank", " of", OptionError, "give a list of one or more"),
        (["The", "A"], [" bank"], ShapeError, "2 prompts were given for 1 continuations"),
        ("word " * 90, [" bank"], TextError, r"does not fit the 64"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_a_remedy(tiny, prompts, continuations, error, says):
    with pytest.raises(error, match=says):
        score(tiny, prompts, continuations)


def test_an_encoder_is_refused(tiny_bert_folder):
    with pytest.raises(ModelError, match="continues no text"):
        score(load(tiny_bert_folder), "The bank", [" of"])
    with pytest.raises(ModelError, match="pass lab"):
        score("smollm2-135m", "The bank", [" of"])


@pytest.mark.weights
def test_a_real_model_prefers_the_truth():
    found = score(load("smollm2-135m"), "The capital of France is", [" Paris", " Rome", " Banana"])
    assert found.total.argmax() == 0 and np.exp(found.total[0]) == pytest.approx(0.77, abs=0.1)
