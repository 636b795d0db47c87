"""Attention weights made small enough to live in a notebook.

    weight -> square root -> 8 or 4 bits -> (lower triangle only, if causal) -> zlib -> base64

The square root spends the steps where weights are: most are near 0. Eight bits are tried first, then four, then
pooling: a pooled cell is the weight that a block of queries gives to a block of keys, mean over the queries, so rows
still sum to 1. What pooling blurs is kept beside it: the strongest edges of every query, exactly to 8 bits.
"""

import base64
import zlib
from dataclasses import dataclass

import numpy as np

BUDGET = 1_850_000
"""Bytes of base64 that the weights may take; with the edges and the page around them a view stays below 2 MB."""
MOST_CELLS = 512
"""Cells along one side of a map; more would be smaller than a pixel."""
HOPELESS = 3
"""Cells for each byte of budget beyond which eight bits are not even tried: a cell needs about a third of a byte."""
EDGES = 3
"""Strongest keys kept for each query where weights are pooled."""


@dataclass(frozen=True)
class Packed:
    """Weights as text."""

    data: str
    """base64 of zlib of the quantised cells, map after map, row after row"""
    bits: int
    """8 or 4 for each cell; two 4-bit cells share a byte, the first in its high half"""
    pool: int
    """Tokens along a cell's side; 1 = nothing pooled"""
    edges: str
    """base64 of zlib: for each map and query, EDGES keys (uint16, little-endian), then as many weights (uint8 of the
    square root); empty where nothing is pooled"""

    @property
    def size(self) -> int:
        """Bytes as text."""
        return len(self.data) + len(self.edges)


def pack(values: np.ndarray, *, causal: bool, budget: int = BUDGET) -> Packed:
    """Weights (layer, head, query, key) as text of at most `budget` bytes.

    Law: unpacking gives each weight back to ±1/255 in its square root at 8 bits, ±1/30 at 4; pooled rows sum to 1
    (tests/views/test_attention_pack.py).
    """
    maps = np.clip(values.reshape(-1, *values.shape[2:]), 0, 1)
    pool = 1
    while max(maps.shape[1:]) > MOST_CELLS * pool:
        pool *= 2
    while True:
        cells = _rows(pooled(maps, pool), causal)
        for bits in (8, 4) if len(cells) <= HOPELESS * budget else (4,):
            data = _text(_quantised(cells, bits))
            if len(data) <= budget or (bits == 4 and max(maps.shape[1:]) <= 32 * pool):
                return Packed(data, bits, pool, _strongest(maps) if pool > 1 else "")
        pool *= 2


def pooled(maps: np.ndarray, pool: int) -> np.ndarray:
    """(map, query, key) → blocks: summed over the block's keys, mean over its queries."""
    if pool == 1:
        return maps
    queries = np.arange(0, maps.shape[1], pool)
    keys = np.arange(0, maps.shape[2], pool)
    sums = np.add.reduceat(np.add.reduceat(maps, keys, axis=2), queries, axis=1)
    sizes = np.diff(np.append(queries, maps.shape[1]))
    return np.clip(sums / sizes[None, :, None], 0, 1)


def _rows(maps: np.ndarray, causal: bool) -> np.ndarray:
    """All cells in order; of a causal map only key ≤ query."""
    return maps[:, np.tril(np.ones(maps.shape[1:], bool))].ravel() if causal else maps.ravel()


def _quantised(cells: np.ndarray, bits: int) -> bytes:
    steps = np.rint(np.sqrt(cells) * (2**bits - 1)).astype(np.uint8)
    if bits == 8:
        return steps.tobytes()
    steps = np.append(steps, np.zeros(len(steps) % 2, np.uint8))
    return (steps[::2] << 4 | steps[1::2]).tobytes()


def _strongest(maps: np.ndarray) -> str:
    count = min(EDGES, maps.shape[2])
    keys = np.argpartition(-maps, count - 1, axis=2)[:, :, :count]
    weights = np.take_along_axis(maps, keys, 2)
    order = np.argsort(-weights, axis=2, kind="stable")
    keys, weights = np.take_along_axis(keys, order, 2), np.take_along_axis(weights, order, 2)
    return _text(keys.astype("<u2").tobytes() + np.rint(np.sqrt(weights) * 255).astype(np.uint8).tobytes())


def _text(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw, 6)).decode()
