"""One token of one text through a Llama: vectors instead of matrices, and nothing that a vector does not need.

Reads   the weights of each layer where they lie, the cache, the rotation of the new place.
Gives   the hidden vector after the last norm; keys and values are written into the cache.
Ignores prompts, batches and padding; `llama.LlamaRunner` calls it when there is one text on a processor.

A small model's step is bound by reading its weights, and each weight that streams by throws the code of the next
operation out of the processor's near memory. So what counts between the products is how few calls there are and how
little code they run: results go into rows that are there already, the residual is added by the product itself, and in
float32 the short vectors are numpy's, on the same memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention, silu

NEAR = 256
"""Keys up to which the attention of one query is numpy's; torch shares a longer one between the cores."""


@dataclass(frozen=True)
class Weights:
    """One layer's weights, those of the model itself."""

    norm_1: Tensor
    eps: float
    q: Tensor
    k: Tensor
    v: Tensor
    o: Tensor
    norm_2: Tensor
    gate: Tensor
    up: Tensor
    down: Tensor


def weights_of(layer: Any) -> Weights:
    """The weights of a layer of transformers' Llama."""
    attention, mlp, first = layer.self_attn, layer.mlp, layer.input_layernorm
    return Weights(
        first.weight, first.variance_epsilon, attention.q_proj.weight, attention.k_proj.weight,
        attention.v_proj.weight, attention.o_proj.weight, layer.post_attention_layernorm.weight,
        mlp.gate_proj.weight, mlp.up_proj.weight, mlp.down_proj.weight,
    )  # fmt: skip


class Desk:
    """Rows for what a layer computes on its way; the layers share them, for one ends before the next begins."""

    def __init__(self, weights: Weights, kv: int, d_head: int) -> None:
        queries, keys, d_ff = len(weights.q), len(weights.k), len(weights.gate)
        new = weights.q.new_empty
        self.x, self.y = new(weights.q.shape[1]), new(weights.q.shape[1])  # (d_model,) the text so far; normed
        row = new(queries + 2 * keys).detach()
        self.q, self.k, self.v = row.split([queries, keys, keys])
        self.turned = row[: queries + keys].view(-1, d_head)  # (head, d_head): queries and keys turn together
        self.fresh = row[queries:].view(2, kv, d_head)  # what the cache gets
        self.asks = self.q.view(1, kv, -1, d_head)  # (1, kv head, group, d_head)
        self.gate, self.up = new(d_ff), new(d_ff)

    def norm(self, weight: Tensor, eps: float) -> None:
        """y = x over its root mean square, times the weight; rounded where the model rounds."""
        long = self.x.float()
        scale = (float(torch.dot(long, long)) / len(long) + eps) ** -0.5
        torch.mul(long.mul_(scale).to(self.y.dtype), weight, out=self.y)

    def turn(self, cos: Tensor, sin: Tensor) -> None:
        """Rotate queries and keys; cos, sin (1, d_head), the sine's first half negated."""
        half = self.turned.shape[-1] // 2
        swapped = torch.cat((self.turned[:, half:], self.turned[:, :half]), -1)
        self.turned.mul_(cos).add_(swapped.mul_(sin))

    def attend(self, keys: Tensor, values: Tensor) -> Tensor:
        """(d_model,) what each head gathers from values (1, kv head, key, d_head)."""
        return scaled_dot_product_attention(self.asks, keys, values).view(-1)


class QuickDesk(Desk):
    """The same in float32 through numpy, whose calls on short vectors cost a fraction of torch's."""

    def __init__(self, weights: Weights, kv: int, d_head: int) -> None:
        super().__init__(weights, kv, d_head)
        self._x, self._y = self.x.numpy(), self.y.numpy()
        self._halves = self.turned.view(-1, 2, d_head // 2).numpy()  # (head, half, d_head/2)
        self._swapped, self._other = self._halves[:, ::-1], np.empty_like(self._halves)
        self._scaled, self._root = np.empty_like(self.asks[0].numpy()), np.float32(d_head**-0.5)

    def norm(self, weight: Tensor, eps: float) -> None:
        scale = (float(self._x.dot(self._x)) / len(self._x) + eps) ** -0.5
        np.multiply(self._x, weight.detach().numpy(), out=self._y)
        self._y *= np.float32(scale)

    def turn(self, cos: Tensor, sin: Tensor) -> None:
        shape = self._halves.shape[1:]
        np.multiply(self._swapped, sin.numpy().reshape(shape), out=self._other)
        self._halves *= cos.numpy().reshape(shape)
        self._halves += self._other

    def attend(self, keys: Tensor, values: Tensor) -> Tensor:
        if keys.shape[2] > NEAR:
            return super().attend(keys, values)
        np.multiply(self.asks[0].numpy(), self._root, out=self._scaled)
        chances = self._scaled @ keys[0].numpy().swapaxes(1, 2)  # (kv head, group, key)
        chances -= chances.max(-1, keepdims=True)
        np.exp(chances, out=chances)
        chances /= chances.sum(-1, keepdims=True)
        return torch.from_numpy(chances @ values[0].numpy()).view(-1)


def make_desk(weights: Weights, kv: int, d_head: int) -> Desk:
    """Rows for a step in this number type."""
    quick = weights.q.dtype == torch.float32 and weights.q.device.type == "cpu"
    return (QuickDesk if quick else Desk)(weights, kv, d_head)


def through_layers(layers: Sequence[Weights], desk: Desk, *, cache: Tensor, place: int, turn: tuple) -> None:
    """Let `desk.x`, the token's embedding, become the hidden vector after all layers.

    Args:
        cache: (layer, 2, 1, kv head, capacity, d_head); keys and values of the new place are written.
        place: of the new token, less than the capacity.
        turn: cosine and sine (1, d_head) of its position; the sine's first half is negated.

    Law: equals the model's own forward to 1e-4 in float32 (tests/sampling/test_runners.py).
    """
    for number, w in enumerate(layers):
        desk.norm(w.norm_1, w.eps)
        torch.mv(w.q, desk.y, out=desk.q)
        torch.mv(w.k, desk.y, out=desk.k)
        torch.mv(w.v, desk.y, out=desk.v)
        desk.turn(*turn)
        keys, values = cache[number]
        cache[number, :, 0, :, place] = desk.fresh
        desk.x.addmv_(w.o, desk.attend(keys[:, :, : place + 1], values[:, :, : place + 1]))
        desk.norm(w.norm_2, w.eps)
        torch.mv(w.gate, desk.y, out=desk.gate)
        torch.mv(w.up, desk.y, out=desk.up)
        desk.x.addmv_(w.down, silu(desk.gate, inplace=True).mul_(desk.up))
