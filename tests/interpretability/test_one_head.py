"""One head by hand: each step follows from the one before."""

import numpy as np
import pytest

from labkit.core.errors import OptionError
from labkit.interpretability import head_weights, one_head

from .conftest import TEXT


def rotated(x, base):
    half = x.shape[1] // 2
    angle = np.outer(np.arange(len(x)), base ** -(np.arange(half) / half))
    a, b = x[:, :half], x[:, half:]
    return np.hstack([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)])


@pytest.mark.parametrize("layer, head", [(0, 0), (1, 3), (2, 2)])
def test_every_step_follows_from_the_one_before(decoder, layer, head):
    its, weights = one_head(decoder, TEXT, layer, head), head_weights(decoder, layer, head)
    for name in "QKV":
        assert np.allclose(its.x @ weights[f"W_{name}"] + weights[f"b_{name}"], getattr(its, name.lower()), atol=1e-4)
    q, k = (rotated(x, its.rope_base) if its.rope_base else x for x in (its.q, its.k))
    assert np.allclose(q, its.q_rotated, atol=1e-4)
    assert np.allclose(k, its.k_rotated, atol=1e-4)
    scores = q @ k.T / np.sqrt(q.shape[1])
    assert np.allclose(np.tril(scores), its.scores, atol=1e-4)
    weight = np.exp(scores) * np.tril(np.ones_like(scores))
    weight /= weight.sum(1, keepdims=True)
    assert np.allclose(weight, its.pattern, atol=1e-5)
    assert np.allclose(weight @ its.v, its.z, atol=1e-4)


def test_only_rotating_models_have_a_base(llama, gpt2):
    assert one_head(llama, TEXT, 0, 0).rope_base > 0
    assert one_head(gpt2, TEXT, 0, 0).rope_base == 0


def test_a_head_that_is_not_there_is_refused(llama):
    with pytest.raises(OptionError, match="L0H4 does not exist"):
        one_head(llama, TEXT, 0, 4)
