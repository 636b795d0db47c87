"""One token of one text through a Llama: vectors instead of matrices, and nothing that a vector does not need.

Reads   the weights of each layer where they lie, the cache, the rotation of the new place.
Gives   the hidden vector after the last norm; keys and values are written into the cache.
Ignores prompts, batches and padding; `llama.LlamaRunner` calls it when there is one text on a processor.

A small model's step is bound by reading its weights, and each weight that streams by throws the code of the next
operation out of the processor's near memory. So what counts between the products is how few calls there are and how
little code they run: weights that lie side by side are multiplied at once (`labkit.models.layout`), results go into
rows that are there already, and the short vectors are numpy's, on the same memory, in float32 whatever the weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from labkit.models.layout import joined

from .products import Product


@dataclass(frozen=True)
class Norm:
    """A root-mean-square norm."""

    weight: Tensor
    eps: float

    @cached_property
    def row(self) -> np.ndarray:
        """The weight in float32 (of a longer type, in that): the same memory, of a shorter type a copy."""
        return self.weight.to(_long(self.weight.dtype)).numpy()


@dataclass(frozen=True)
class Weights:
    """One layer's weights, those of the model itself."""

    norm_1: Norm
    qkv: tuple[Tensor, ...]
    """of queries, keys and values: one matrix where they lie side by side"""
    o: Tensor
    norm_2: Norm
    gate_up: tuple[Tensor, ...]
    down: Tensor


class Ready:
    """One layer, ready for one vector after another: its norms, and its weights in the way that is quickest here."""

    def __init__(self, weights: Weights) -> None:
        self.norm_1, self.norm_2 = weights.norm_1, weights.norm_2
        self.qkv, self.o = [Product(weight) for weight in weights.qkv], Product(weights.o)
        self.gate_up, self.down = [Product(weight) for weight in weights.gate_up], Product(weights.down)


def norm_of(module: Any) -> Norm:
    """A norm of transformers' Llama."""
    return Norm(module.weight.detach(), module.variance_epsilon)


def weights_of(layer: Any) -> Weights:
    """The weights of a layer of transformers' Llama: the same memory, without gradients."""
    q, k, v, o = (getattr(layer.self_attn, f"{name}_proj").weight.detach() for name in "qkvo")
    gate, up, down = (getattr(layer.mlp, f"{name}_proj").weight.detach() for name in ("gate", "up", "down"))
    first, second = norm_of(layer.input_layernorm), norm_of(layer.post_attention_layernorm)
    return Weights(first, joined((q, k, v)), o, second, joined((gate, up)), down)


def _long(kind: torch.dtype) -> torch.dtype:
    """The number type in which a step adds up."""
    return torch.promote_types(kind, torch.float32)


class Desk:
    """Rows for what a layer computes on its way; the layers share them, for one ends before the next begins.

    Products are in the type of the weights; the text so far, norms and turns are in float32, or a longer type, so that
    numpy can do them. For float32 weights a row and its long twin are the same memory.
    """

    def __init__(self, weights: Weights, kv: int, d_head: int) -> None:
        (d_model, queries), d_ff, kind = weights.o.shape, weights.down.shape[1], weights.o.dtype
        long, keys = _long(kind), kv * d_head
        self._exact = kind == long
        self.x, self._normed = torch.empty(2, d_model, dtype=long).unbind()  # (d_model,) the text so far; normed
        self.y = self._twin(self._normed, kind)
        self._more = torch.empty(d_model, dtype=kind)
        row = torch.empty(queries + 2 * keys, dtype=long)
        self._long, self.qkv = row, self._twin(row, kind)
        self._queries = row[:queries], self.qkv[:queries]
        self.asks = self._queries[1].view(1, kv, -1, d_head)  # (1, kv head, group, d_head)
        fresh = row[queries:].view(2, kv, d_head)
        self.fresh = fresh.numpy() if self._exact else fresh  # keys and values, for the cache
        self.wide, self._gated = torch.empty(2 * d_ff, dtype=kind), torch.empty(d_ff, dtype=kind)
        self._gate, self._up = self.wide.split(d_ff)
        self._x, self._y = self.x.numpy(), self._normed.numpy()
        self._halves = row[: queries + keys].view(-1, 2, d_head // 2).numpy()  # (head, half, d_head/2)
        self._swapped, self._other = self._halves[:, ::-1], np.empty_like(self._halves)
        self._cos = self._sin = np.empty(0)

    def _twin(self, row: Tensor, kind: torch.dtype) -> Tensor:
        return row if row.dtype == kind else torch.empty_like(row, dtype=kind)

    def move_to(self, cos: np.ndarray, sin: np.ndarray) -> None:
        """The rotation (2, d_head/2) of the place to come; the sine's first half is negated."""
        self._cos, self._sin = cos, sin

    def places(self, cache: Tensor, place: int) -> Sequence[Any]:
        """(layer, 2, kv head, d_head) where the keys and values of this place go, as what `fresh` is."""
        goes = cache[:, :, 0, :, place]
        return list(goes.numpy()) if self._exact else goes.unbind()

    def norm(self, norm: Norm) -> None:
        """y = x over its root mean square, times the weight."""
        scale = (float(self._x.dot(self._x)) / len(self._x) + norm.eps) ** -0.5
        np.multiply(self._x, norm.row, out=self._y)
        np.multiply(self._y, scale, out=self._y)
        if not self._exact:
            self.y.copy_(self._normed)

    def turn(self) -> None:
        """Rotate queries and keys to their place."""
        if not self._exact:
            self._long.copy_(self.qkv)
        np.multiply(self._swapped, self._sin, out=self._other)
        np.multiply(self._halves, self._cos, out=self._halves)
        np.add(self._halves, self._other, out=self._halves)
        if not self._exact:
            self._queries[1].copy_(self._queries[0])

    def gate(self) -> Tensor:
        """(d_ff,) silu of the gates, times what they let through."""
        return torch.sigmoid(self._gate, out=self._gated).mul_(self._gate).mul_(self._up)

    def add(self, product: Product, vector: Tensor) -> None:
        """x += the product with a vector."""
        self.x.add_(product.into(vector, self._more))


def multiply(products: Sequence[Product], vector: Tensor, row: Tensor) -> None:
    """row = each product with the vector, one after the other."""
    if len(products) == 1:
        products[0].into(vector, row)
        return
    for product, part in zip(products, row.split([product.out for product in products]), strict=True):
        product.into(vector, part)


def through_layers(layers: Sequence[Ready], desk: Desk, cache: Tensor, place: int) -> None:
    """Let `desk.x`, the token's embedding, become the hidden vector after all layers.

    Args:
        cache: (layer, 2, 1, kv head, capacity, d_head); keys and values of the new place are written.
        place: of the new token, less than the capacity.

    Law: equals the model's own forward to 1e-4 in float32 (tests/sampling/test_runners.py).
    """
    goes = desk.places(cache, place)
    seen = cache[..., : place + 1, :].unbind()
    for w, to, (keys, values) in zip(layers, goes, (held.unbind() for held in seen), strict=True):
        desk.norm(w.norm_1)
        multiply(w.qkv, desk.y, desk.qkv)
        desk.turn()
        to[:] = desk.fresh
        desk.add(w.o, scaled_dot_product_attention(desk.asks, keys, values).view(-1))
        desk.norm(w.norm_2)
        multiply(w.gate_up, desk.y, desk.wide)
        desk.add(w.down, desk.gate())
