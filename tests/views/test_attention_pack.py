"""Packing attention: what comes back, how exact, how small."""

import base64
import time
import zlib

import numpy as np
import pytest

from labkit.views.attention_pack import BUDGET, EDGES, pack, pooled


def unpack(packed, shape, *, causal):
    """The other way, as attention.js does it; `shape` is (map, query cell, key cell)."""
    raw = np.frombuffer(zlib.decompress(base64.b64decode(packed.data)), np.uint8)
    if packed.bits == 4:
        raw = np.stack([raw >> 4, raw & 15], 1).ravel()
    full = np.zeros(shape, np.float32)
    where = np.broadcast_to(np.tril(np.ones(shape[1:], bool)) if causal else np.ones(shape[1:], bool), shape)
    full[where] = (raw[: where.sum()] / (2**packed.bits - 1)) ** 2
    return full


def weights(maps, size, *, causal=True, seed=0, sharp=0.15):
    """Rows like a model's: a few keys take most."""
    raw = np.random.default_rng(seed).gamma(sharp, size=(maps, size, size)).astype(np.float32) + 1e-9
    if causal:
        raw *= np.tril(np.ones((size, size), np.float32))
    return raw / raw.sum(-1, keepdims=True)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("budget, bits, step", [(BUDGET, 8, 1 / 255), (1_900, 4, 1 / 15)])
def test_weights_come_back_to_half_a_step_of_their_square_root(causal, budget, bits, step):
    maps = weights(3, 40, causal=causal)
    packed = pack(maps[None], causal=causal, budget=budget * (1 if causal else 2))
    assert (packed.bits, packed.pool) == (bits, 1)
    back = unpack(packed, maps.shape, causal=causal)
    assert abs(np.sqrt(back) - np.sqrt(maps)).max() <= step / 2 + 1e-6


def test_pooled_rows_still_sum_to_1():
    maps = weights(2, 100)
    for pool in (2, 4, 7):
        cells = pooled(maps, pool)
        assert cells.shape == (2, -(-100 // pool), -(-100 // pool))
        assert np.allclose(cells.sum(-1), 1, atol=1e-5)


def test_the_strongest_edges_survive_pooling():
    maps = weights(2, 200)
    packed = pack(maps[None], causal=True, budget=6_000)
    assert packed.pool > 1
    raw = zlib.decompress(base64.b64decode(packed.edges))
    count = 2 * 200 * EDGES
    keys = np.frombuffer(raw[: 2 * count], "<u2").reshape(2, 200, EDGES)
    kept = (np.frombuffer(raw[2 * count :], np.uint8).reshape(2, 200, EDGES) / 255) ** 2
    assert np.array_equal(keys[:, :, 0], maps.argmax(-1))
    best = -np.sort(-maps, axis=-1)[:, :, :EDGES]
    assert abs(np.sqrt(kept) - np.sqrt(best)).max() <= 0.5 / 255 + 1e-6


def test_thirty_layers_of_nine_heads_and_256_tokens_fit():
    maps = weights(270, 256, sharp=0.05)
    start = time.perf_counter()
    packed = pack(maps.reshape(30, 9, 256, 256), causal=True)
    assert packed.size <= BUDGET
    assert time.perf_counter() - start < 60
    assert packed.bits == 4


def test_2048_tokens_of_one_layer_fit_with_their_strongest_edges():
    packed = pack(weights(9, 2048, sharp=0.02)[None], causal=True)
    assert packed.size <= 2_000_000
    assert packed.pool > 1
    assert packed.edges


def test_even_what_cannot_be_compressed_fits():
    noise = np.random.default_rng(0).random((1, 8, 700, 700), np.float32)
    assert pack(noise, causal=False, budget=100_000).size <= 100_000 + 8 * 700 * EDGES * 4
