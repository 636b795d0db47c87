"""Steering: the same as editing the state in one pass, for every verb, and the given model stays as it was."""

import numpy as np
import pytest
import torch

import labkit as lab
from labkit.core.errors import OptionError, ShapeError
from labkit.interpretability import Edit, capture, steer
from labkit.models.store import fingerprint

DIRECTION = np.linspace(-1, 1, 32)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_it_equals_an_edit_of_the_state(loud, layer):
    before = lab.next_token(loud, "two banks").values
    by = torch.tensor(1.5 * DIRECTION).float()
    edit = Edit("resid_pre", lambda x: x + by, 0) if layer == 0 else Edit("resid_post", lambda x: x + by, layer - 1)
    expected = capture(loud, "two banks", ("logits",), edits=[edit])["logits"]
    steered = steer(loud, DIRECTION, layer, 1.5)
    with torch.no_grad():
        own = steered.model(torch.tensor([capture(loud, "two banks").ids])).logits[0].numpy()
    assert np.allclose(own, expected, atol=1e-4)
    assert np.allclose(capture(steered, "two banks", ("logits",))["logits"], expected, atol=1e-4)
    assert abs(expected - capture(loud, "two banks", ("logits",))["logits"]).max() > 0.1
    assert np.array_equal(lab.next_token(loud, "two banks").values, before)


def test_it_copies_no_tensor_and_is_another_model_to_what_is_kept(llama):
    steered = steer(llama, DIRECTION, 1)
    assert {p.data_ptr() for p in steered.model.parameters()} == {p.data_ptr() for p in llama.model.parameters()}
    models = (llama, steered, steer(llama, DIRECTION, 1, 2), steer(steered, DIRECTION, 1))
    assert len({fingerprint(lm.model) for lm in models}) == len(models)


def test_a_direction_or_layer_that_does_not_fit_is_said(llama):
    with pytest.raises(ShapeError, match=r"shape \(3,\), but a state of .* has 32 numbers"):
        steer(llama, [1, 2, 3], 1)
    with pytest.raises(OptionError, match="layer=4 is not a choice of 0 to 3"):
        steer(llama, DIRECTION, 4)
