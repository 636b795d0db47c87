"""Capture: the same numbers as transformers' own, and clear refusals."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from labkit.core.errors import ModelError, OptionError, TextError
from labkit.interpretability import SITES, capture, head_classes

from .conftest import TEXT, ids_of


def eager(lm):
    model = copy.deepcopy(lm.model)
    model.set_attn_implementation("eager")
    return model


def test_patterns_equal_transformers_own(any_model):
    seen = capture(any_model, TEXT)
    with torch.no_grad():
        own = eager(any_model)(ids_of(any_model), output_attentions=True).attentions
    assert np.allclose(seen["pattern"], torch.cat(own).numpy(), atol=1e-5)
    assert np.ptp(seen["pattern"], axis=-1).max() > 0.2, "a test on even weights would prove nothing"


def test_logits_and_residual_stream_equal_transformers_own(decoder):
    seen = capture(decoder, TEXT, ("logits", "resid_pre"))
    with torch.no_grad():
        own = decoder.model(ids_of(decoder), output_hidden_states=True)
    assert np.allclose(seen["logits"], own.logits[0].numpy(), atol=1e-3)
    assert np.allclose(seen["resid_pre"][1], own.hidden_states[1][0].numpy(), atol=1e-4)


def test_a_decoder_sees_nothing_ahead_and_an_encoder_does(any_model):
    seen = capture(any_model, TEXT)
    ahead = np.triu(seen["pattern"], 1).sum()
    assert (ahead == 0) == seen.causal
    assert seen.causal == (any_model.card.kind == "decoder-only")


def test_only_what_is_asked_for_is_kept(any_model):
    seen = capture(any_model, TEXT, ("z", "v"), layers=[2, 0])
    assert set(seen.sites) == {"z", "v"}
    assert seen.layers == (0, 2)
    whole = capture(any_model, TEXT, ("z",))
    assert np.allclose(seen["z"], whole["z"][[0, 2]], atol=1e-6)
    with pytest.raises(OptionError, match="was not captured, only z, v"):
        seen["pattern"]


def test_every_site_of_a_rotating_decoder_has_its_axes(llama):
    seen = capture(llama, TEXT, tuple(SITES))
    n, width = len(seen), 32
    for site in ("pattern", "scores"):
        assert seen[site].shape == (3, 4, n, n)
    for site in ("q", "q_rotated", "z"):
        assert seen[site].shape == (3, n, 4, 8)
    for site in ("k", "k_rotated", "v"):
        assert seen[site].shape == (3, n, 2, 8), "two query heads share a key"
    for site in ("attn_in", "attn_out", "resid_pre", "resid_post"):
        assert seen[site].shape == (3, n, width)


def test_switching_a_head_off_equals_cutting_its_output_weights(llama):
    cut = copy.deepcopy(llama.model)
    with torch.no_grad():
        for layer, head in ((1, 2), (2, 0)):
            cut.model.layers[layer].self_attn.o_proj.weight[:, head * 8 : head * 8 + 8] = 0
        own = cut(ids_of(llama)).logits[0].numpy()
    off = capture(llama, TEXT, ("logits",), off=[(1, 2), (2, 0)])["logits"]
    assert np.allclose(off, own, atol=1e-3)
    assert not np.allclose(off, capture(llama, TEXT, ("logits",))["logits"], atol=1e-2)


def test_without_positions_a_rotating_model_stands_at_position_0(llama):
    with torch.no_grad():
        ids = ids_of(llama)
        own = eager(llama)(ids, position_ids=torch.zeros_like(ids), output_attentions=True).attentions
    assert np.allclose(capture(llama, TEXT, positions=False)["pattern"], torch.cat(own).numpy(), atol=1e-5)


def test_without_positions_an_encoder_sees_a_bag_of_words(bert):
    ids = bert.tokenizer(TEXT)["input_ids"]
    order = np.random.default_rng(0).permutation(len(ids))
    mixed = [ids[i] for i in order]
    for positions, alike in ((False, True), (True, False)):
        one, other = (capture(bert, x, ("resid_post",), positions=positions)["resid_post"][-1] for x in (ids, mixed))
        assert np.allclose(one[order], other, atol=1e-4) == alike


def test_a_window_is_the_text_from_there_to_there(decoder):
    ids = decoder.tokenizer(TEXT)["input_ids"]
    part = capture(decoder, TEXT, window=(3, 9))
    assert part.ids == tuple(ids[3:9])
    assert np.allclose(part["pattern"], capture(decoder, ids[3:9])["pattern"])


def test_a_word_is_found_at_its_last_token(llama):
    seen = capture(llama, TEXT)
    first, second = seen.where("bank"), seen.where("bank", 1)
    assert first < second
    assert seen.tokens[first].strip().endswith("k")
    with pytest.raises(OptionError, match="'zebra' ends at 0 tokens"):
        seen.where("zebra")


def test_one_head_is_cut_out_with_its_number_and_class(llama):
    seen = capture(llama, TEXT)
    one = seen.head(1, 3)
    assert (one.layers, one.heads) == ((1,), (3,))
    assert np.array_equal(one.values[0, 0], seen["pattern"][1, 3])
    assert one.classes == ((head_classes(seen)[1][3],),)
    with pytest.raises(OptionError, match="L1H4 was not captured"):
        seen.head(1, 4)


def test_one_token_can_be_seen(llama):
    seen = capture(llama, [5])
    assert seen["pattern"].shape == (3, 4, 1, 1)
    assert seen.attention.classes == ()


@pytest.mark.parametrize(
    "text, options, error, said",
    [
        ("", {}, TextError, "the text is empty"),
        ("word " * 100, {}, TextError, r"reads at most 64; give window=\(\d+, \d+\) to see the last 64"),
        (TEXT, {"window": (5, 500)}, OptionError, "does not fit a text of"),
        ([1, 99999], {}, TextError, "token numbers reach from 1 to 99999"),
        (TEXT, {"sites": ("patern",)}, OptionError, "did you mean 'pattern'"),
        (TEXT, {"sites": ()}, OptionError, "no site was asked for"),
        (TEXT, {"layers": []}, OptionError, "is not a choice of 0 to 2"),
        (TEXT, {"layers": [3]}, OptionError, "is not a choice of 0 to 2"),
        (TEXT, {"off": [(3, 0)]}, OptionError, "L3H0 does not exist; layers go from 0 to 2"),
        ("\ud800", {}, TextError, "surrogate"),
    ],
)
def test_bad_input_is_refused_with_its_numbers_and_a_remedy(llama, text, options, error, said):
    with pytest.raises(error, match=said):
        capture(llama, text, **options)


def test_a_site_that_a_model_lacks_is_refused(gpt2, bert):
    with pytest.raises(ModelError, match="has no 'q_rotated': it is a gpt2 model"):
        capture(gpt2, TEXT, ("q_rotated",))
    with pytest.raises(ModelError, match="before the softmax"):
        capture(bert, TEXT, ("scores",))


def test_more_memory_than_there_is_is_refused(llama, monkeypatch):
    monkeypatch.setattr("labkit.core.devices.describe_machine", lambda: SimpleNamespace(free_gb=1e-6))
    with pytest.raises(OptionError, match="choose fewer layers="):
        capture(llama, TEXT)


def test_a_model_without_attention_is_refused():
    config = SimpleNamespace(model_type="recurrent", is_encoder_decoder=False)
    with pytest.raises(ModelError, match="has no attention heads"):
        capture(SimpleNamespace(name="gru", model=SimpleNamespace(config=config)), TEXT)


def test_markup_in_a_text_stays_text(llama):
    seen = capture(llama, "a <script>alert(1)</script>")
    assert "".join(seen.tokens) == "a <script>alert(1)</script>"


@pytest.mark.weights
@pytest.mark.parametrize("name", ["smollm2-135m", "minilm"])
def test_real_patterns_equal_transformers_own(name):
    from labkit.models import load

    lm = load(name)
    text = "The bank raised its interest rate."
    with torch.no_grad():
        own = eager(lm)(ids_of(lm, text), output_attentions=True).attentions
    assert np.allclose(capture(lm, text)["pattern"], torch.cat(own).numpy(), atol=1e-5)
