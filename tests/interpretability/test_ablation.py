"""Switching heads off: one sweep against one hooked pass a head."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from labkit.core.errors import ModelError, OptionError, TargetError, TextError
from labkit.interpretability import Edit, capture, head_effects, predict_without, sweeps, token_losses, vectors_without

from .conftest import TEXT, ids_of

TARGET = " bank"


@pytest.mark.parametrize("mode, to", [("zero", 0), ("mean", lambda z: z.mean(1, keepdim=True))])
def test_one_sweep_equals_one_pass_a_head(decoder, mode, to):
    number = decoder.tokenizer(TARGET)["input_ids"][0]

    def said(*edits):
        return log_softmax(capture(decoder, TEXT, ("logits",), edits=edits)["logits"][-1])[number]

    by_hand = np.array([[said(Edit("z", to, layer, head)) for head in range(4)] for layer in range(3)]) - said()
    assert np.allclose(head_effects(decoder, TEXT, target=TARGET, mode=mode).values, by_hand, atol=1e-5)
    assert abs(by_hand).max() > 0.01, "a test on heads without effect would prove nothing"


@pytest.mark.parametrize("rows", [1, 40, 100])
def test_a_sweep_in_parts_equals_the_whole(llama, monkeypatch, rows):
    whole = head_effects(llama, TEXT, target=TARGET).values
    monkeypatch.setattr(sweeps, "ROWS_AT_ONCE", rows)
    assert np.allclose(head_effects(llama, TEXT, target=TARGET).values, whole, atol=1e-5)


def test_vectors_without_a_head_equal_a_pass_without_it(any_model):
    clean, without = vectors_without(any_model, TEXT, position=3)
    assert np.allclose(clean, capture(any_model, TEXT, ("resid_post",))["resid_post"][-1, 3], atol=1e-4)
    for layer, head in ((0, 1), (2, 3)):
        one = capture(any_model, TEXT, ("resid_post",), off=[(layer, head)])["resid_post"][-1, 3]
        assert np.allclose(without[layer, head], one, atol=1e-4)


def test_token_losses_equal_transformers_own_loss(decoder):
    losses = token_losses(decoder, TEXT).values
    with torch.no_grad():
        own = decoder.model(ids_of(decoder), labels=ids_of(decoder)).loss
    assert np.isnan(losses[0])
    assert np.nanmean(losses) == pytest.approx(float(own), abs=1e-4)


def test_predictions_without_a_head_are_those_of_a_pass_without_it(llama):
    bars = predict_without(llama, TEXT, off=[(1, 1)], top=5)
    cut = capture(llama, TEXT, ("logits",), off=[(1, 1)])["logits"][-1].astype(float)
    whole = capture(llama, TEXT, ("logits",))["logits"][-1].astype(float)
    best = np.argsort(-whole, kind="stable")[:5]
    expected = np.stack([(np.exp(x) / np.exp(x).sum())[best] for x in (whole, cut)])
    assert np.allclose(bars.values, expected, atol=1e-5)
    assert (np.diff(bars.values[0]) <= 0).all()


def test_bad_input_is_refused_with_a_remedy(llama, bert):
    with pytest.raises(TargetError, match=r"is \d+ tokens for .*; choose a shorter word|use"):
        head_effects(llama, TEXT, target="interest rates everywhere")
    with pytest.raises(TargetError, match="0 tokens"):
        head_effects(llama, TEXT, target="")
    with pytest.raises(TextError, match="needs 2 or more"):
        head_effects(llama, [5], target=TARGET)
    with pytest.raises(OptionError, match="use zero or mean"):
        head_effects(llama, TEXT, target=TARGET, mode="noise")
    with pytest.raises(OptionError, match="no head was chosen"):
        predict_without(llama, TEXT, off=[])
    with pytest.raises(OptionError, match="position 500 is not in a text of"):
        vectors_without(llama, TEXT, position=500)
    for call in (lambda: head_effects(bert, TEXT, target=TARGET), lambda: token_losses(bert, TEXT),
                 lambda: predict_without(bert, TEXT, off=[(0, 0)])):  # fmt: skip
        with pytest.raises(ModelError, match="is an encoder and predicts none"):
            call()


def test_a_broken_model_is_refused(decoder):
    broken = replace(decoder, model=copy.deepcopy(decoder.model))
    with torch.no_grad():
        broken.model.get_output_embeddings().weight[3] = float("nan")
    with pytest.raises(ModelError, match="not finite"):
        head_effects(broken, TEXT, target=TARGET)


def test_the_heads_of_some_layers_are_switched_off_as_among_all(decoder):
    whole = head_effects(decoder, TEXT, target=TARGET)
    some = head_effects(decoder, TEXT, target=TARGET, layers=[2, 0])
    assert some.row_labels == ("0", "2") and np.allclose(some.values, whole.values[[0, 2]], atol=1e-5)
    with pytest.raises(OptionError, match="choice of 0 to 2"):
        head_effects(decoder, TEXT, target=TARGET, layers=[3])
