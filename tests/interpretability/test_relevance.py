"""Value-weighted attention, gradient × attention: laws and peers."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from labkit.core.errors import OptionError
from labkit.interpretability import (
    capture,
    compare_with_effect,
    cosine_distance,
    gradient_times_attention,
    head_weights,
    value_weighted,
)

from .conftest import TEXT, ids_of

TARGET = " bank"


def test_value_weighted_counts_the_length_of_what_is_moved(any_model):
    seen = capture(any_model, TEXT, ("pattern", "v"))
    found = value_weighted(any_model, TEXT).values
    assert np.allclose(found.sum(-1), 1, atol=1e-5)
    layer, head, query = 1, 3, 6
    v = seen["v"][layer, :, head * seen["v"].shape[2] // 4]
    moved = np.linalg.norm(
        seen["pattern"][layer, head, query][:, None] * (v @ head_weights(any_model, layer, head)["W_O"]), axis=1
    )
    assert np.allclose(found[layer, head, query], moved / moved.sum(), atol=1e-5)


def test_value_weighted_is_attention_where_all_values_move_the_same(llama):
    """With one token repeated, all values of the first layer are alike."""
    seen = capture(llama, [9] * 8)
    assert np.allclose(value_weighted(llama, [9] * 8).values[0], seen["pattern"][0], atol=1e-5)


def test_gradient_times_attention_is_the_first_step_of_switching_off(llama):
    """Summed over a head it equals z · ∂log p/∂z, which central differences of a scaled z give too."""
    found = gradient_times_attention(llama, TEXT, target=TARGET).sum((2, 3))
    number = llama.tokenizer(TARGET)["input_ids"][0]

    def logp(layer, head, factor):
        def scale(z, hook):
            z = z.clone()
            z[:, :, head] *= factor
            return z

        with torch.no_grad():
            hooks = [(f"blocks.{layer}.attn.hook_z", scale)]
            return float(
                llama.bridge.run_with_hooks(ids_of(llama), fwd_hooks=hooks)[0, -1].double().log_softmax(-1)[number]
            )

    for layer, head in ((0, 0), (1, 2), (2, 3)):
        slope = (logp(layer, head, 1.01) - logp(layer, head, 0.99)) / 0.02
        assert found[layer, head] == pytest.approx(slope, abs=2e-3, rel=0.02)


def test_nothing_flows_from_the_future(llama):
    assert not np.triu(gradient_times_attention(llama, TEXT, target=TARGET), 1).any()


def test_what_knows_the_target_beats_the_weight_where_effects_are_small(llama):
    small = dataclasses.replace(llama, model=copy.deepcopy(llama.model))
    for layer in small.model.model.layers:
        layer.self_attn.o_proj.weight.mul_(1e-3)
    found = compare_with_effect(small, TEXT, target=TARGET, word="rate")
    assert set(found) == {"weight", "value-weighted", "gradient × weight", "summed over the head"}
    assert found["summed over the head"] > 0.99 > max(abs(found["weight"]), abs(found["value-weighted"]))
    some = compare_with_effect(small, TEXT, target=TARGET, word="rate", layers=[2, 0])
    assert some != found and some["summed over the head"] > 0.95
    with pytest.raises(OptionError, match="'zebra' ends at"):
        compare_with_effect(llama, TEXT, target=TARGET, word="zebra")


@pytest.mark.parametrize("angle, expected", [(0, 0.0), (90, 1.0), (180, 2.0)])
def test_cosine_distance_at_its_limits(angle, expected):
    turned = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    assert cosine_distance(np.array([3.0, 0.0]), 5 * turned) == pytest.approx(expected)
