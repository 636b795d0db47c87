"""Attribution: the shares add up, whatever the norm and the biases, and are TransformerLens's."""

import numpy as np
import pytest
import torch

from labkit.core.errors import ModelError, TargetError
from labkit.interpretability import attribution, capture

from .conftest import TEXT

WORDS = {"answer": "x", "instead": "q"}


def test_the_shares_add_up_to_the_difference_of_the_logits(loud):
    found = attribution(loud, "two banks", **WORDS)
    numbers = [ord("x"), ord("q")]
    logits = capture(loud, "two banks", ("logits",))["logits"][-1]
    assert found.difference == pytest.approx(float(logits[numbers[0]] - logits[numbers[1]]), abs=1e-5)
    assert found.total == pytest.approx(found.difference, abs=1e-3)
    assert (abs(found.biases) > 1e-3) == (loud.model.config.model_type == "gpt2")
    assert found.heads.shape == (loud.card.layers, 4) and abs(found.heads).min() > 0


def test_they_equal_transformer_lens(loud):
    from transformer_lens.tools.analysis import direct_logit_attribution

    found = attribution(loud, "two banks", **WORDS)
    numbers = [ord("x"), ord("q")]
    tokens = torch.tensor([capture(loud, "two banks").ids])
    loud.bridge.enable_compatibility_mode()  # folds the norm into the table
    theirs = direct_logit_attribution(loud.bridge, tokens, numbers[0], numbers[1], unit="head")
    expected = {name: float(value) for name, value in zip(theirs.labels, theirs.attribution.squeeze(), strict=True)}
    heads = [[expected[f"L{layer}H{head}"] for head in range(4)] for layer in range(loud.card.layers)]
    assert np.allclose(found.heads, heads, atol=1e-4)


def test_an_encoder_and_an_answer_of_two_tokens_are_refused(bert, llama):
    with pytest.raises(ModelError, match="is an encoder and predicts none"):
        attribution(bert, TEXT, **WORDS)
    with pytest.raises(TargetError, match="tokens for"):
        attribution(llama, TEXT, answer=" the bank", instead=" rate")
