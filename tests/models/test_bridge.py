"""The bridge: the same weights, the same numbers, and the model beside it untouched."""

import pytest
import torch

import labkit as lab


@pytest.fixture
def lm(tiny_folder):
    return lab.load(tiny_folder)


IDS = torch.tensor([[1, 40, 41, 42, 60, 61, 62, 63]])


def test_bridge_and_model_give_the_same_logits(lm):
    with torch.no_grad():
        assert (lm.bridge(IDS) - lm.model(IDS).logits).abs().max() < 1e-4


def test_the_bridge_copies_no_tensor(lm):
    own = {p.data_ptr() for p in lm.model.parameters()}
    assert {p.data_ptr() for p in lm.bridge.original_model.parameters()} == own


def test_making_the_bridge_changes_nothing_in_the_model(lm):
    with torch.no_grad():
        before = lm.model(IDS).logits
        modules, attention = [type(m) for m in lm.model.modules()], lm.model.config._attn_implementation
        tokens = lm.tokenizer("Once upon").input_ids
        assert lm.bridge is lm.bridge
        assert torch.equal(lm.model(IDS).logits, before)
    assert [type(m) for m in lm.model.modules()] == modules
    assert lm.model.config._attn_implementation == attention == "sdpa"
    assert lm.tokenizer("Once upon").input_ids == tokens


def test_patterns_of_the_bridge_are_those_of_transformers(tiny_folder, tiny_bert_folder):
    for folder in (tiny_folder, tiny_bert_folder):
        lm = lab.load(folder)
        with torch.no_grad():
            _, cache = lm.bridge.run_with_cache(IDS)
            lm.model.set_attn_implementation("eager")
            attentions = lm.model(IDS, output_attentions=True).attentions
        for layer, expected in enumerate(attentions):
            assert torch.allclose(cache[f"blocks.{layer}.attn.hook_pattern"], expected, atol=1e-5)


def test_an_encoder_decoder_has_a_bridge_too(tiny_t5_folder):
    lm = lab.load(tiny_t5_folder)
    with torch.no_grad():
        expected = lm.model(input_ids=IDS, decoder_input_ids=IDS).logits
        assert (lm.bridge(IDS, decoder_input=IDS) - expected).abs().max() < 1e-4
