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
    """The weights of a layer of transformers' Llama: the same memory, without gradients."""
    attention, mlp, first, second = layer.self_attn, layer.mlp, layer.input_layernorm, layer.post_attention_layernorm
    q, k, v, o = (getattr(attention, f"{name}_proj").weight.detach() for name in "qkvo")
    gate, up, down = (getattr(mlp, f"{name}_proj").weight.detach() for name in ("gate", "up", "down"))
    return Weights(first.weight.detach(), first.variance_epsilon, q, k, v, o, second.weight.detach(), gate, up, down)


class Desk:
    """Rows for what a layer computes on its way; the layers share them, for one ends before the next begins."""

    def __init__(self, weights: Weights, kv: int, d_head: int) -> None:
        queries, keys, d_ff = len(weights.q), len(weights.k), len(weights.gate)
        new = weights.q.new_empty
        self.x, self.y = new(weights.q.shape[1]), new(weights.q.shape[1])  # (d_model,) the text so far; normed
        row = new(queries + 2 * keys)
        self.q, self.k, self.v = row.split([queries, keys, keys])
        self.turned = row[: queries + keys].view(-1, d_head)  # (head, d_head): queries and keys turn together
        self.fresh = row[queries:].view(2, kv, d_head)  # what the cache gets
        self.asks = self.q.view(1, kv, -1, d_head)  # (1, kv head, group, d_head)
        self.gate, self.up = new(d_ff), new(d_ff)
        self.cos, self.sin = new(1, d_head), new(1, d_head)

    def move_to(self, cos: Tensor, sin: Tensor) -> None:
        """The rotation (1, d_head) of the place to come; the sine's first half is negated."""
        self.cos.copy_(cos)
        self.sin.copy_(sin)

    def norm(self, weight: Tensor, eps: float) -> None:
        """y = x over its root mean square, times the weight; rounded where the model rounds."""
        long = self.x.float()
        scale = (float(torch.dot(long, long)) / len(long) + eps) ** -0.5
        torch.mul(torch.mul(long, scale).to(self.y.dtype), weight, out=self.y)

    def turn(self) -> None:
        """Rotate queries and keys to their place."""
        half = self.turned.shape[-1] // 2
        swapped = torch.cat((self.turned[:, half:], self.turned[:, :half]), -1)
        self.turned.mul_(self.cos).add_(swapped.mul_(self.sin))


class QuickDesk(Desk):
    """The same in float32 through numpy, whose calls on short vectors cost a fraction of torch's."""

    def __init__(self, weights: Weights, kv: int, d_head: int) -> None:
        super().__init__(weights, kv, d_head)
        self._x, self._y, shape = self.x.numpy(), self.y.numpy(), (2, d_head // 2)
        self._cos, self._sin = self.cos.view(shape).numpy(), self.sin.view(shape).numpy()
        self._halves = self.turned.view(-1, *shape).numpy()  # (head, half, d_head/2)
        self._swapped, self._other = self._halves[:, ::-1], np.empty_like(self._halves)

    def norm(self, weight: Tensor, eps: float) -> None:
        scale = (float(self._x.dot(self._x)) / len(self._x) + eps) ** -0.5
        np.multiply(self._x, weight.numpy(), out=self._y)
        np.multiply(self._y, np.float32(scale), out=self._y)

    def turn(self) -> None:
        np.multiply(self._swapped, self._sin, out=self._other)
        np.multiply(self._halves, self._cos, out=self._halves)
        np.add(self._halves, self._other, out=self._halves)


def make_desk(weights: Weights, kv: int, d_head: int) -> Desk:
    """Rows for a step in this number type."""
    quick = weights.q.dtype == torch.float32 and weights.q.device.type == "cpu"
    return (QuickDesk if quick else Desk)(weights, kv, d_head)


def through_layers(layers: Sequence[Weights], desk: Desk, cache: Tensor, place: int) -> None:
    """Let `desk.x`, the token's embedding, become the hidden vector after all layers.

    Args:
        cache: (layer, 2, 1, kv head, capacity, d_head); keys and values of the new place are written.
        place: of the new token, less than the capacity.

    Law: equals the model's own forward to 1e-4 in float32 (tests/sampling/test_runners.py).
    """
    fresh = cache[:, :, 0, :, place].unbind()  # for each layer, where its keys and values go
    seen = cache[..., : place + 1, :].unbind()
    for w, goes, (keys, values) in zip(layers, fresh, (held.unbind() for held in seen), strict=True):
        desk.norm(w.norm_1, w.eps)
        torch.mv(w.q, desk.y, out=desk.q)
        torch.mv(w.k, desk.y, out=desk.k)
        torch.mv(w.v, desk.y, out=desk.v)
        desk.turn()
        goes.copy_(desk.fresh)
        desk.x.addmv_(w.o, scaled_dot_product_attention(desk.asks, keys, values).view(-1))
        desk.norm(w.norm_2, w.eps)
        torch.mv(w.gate, desk.y, out=desk.gate)
        torch.mv(w.up, desk.y, out=desk.up)
        desk.x.addmv_(w.down, silu(desk.gate, inplace=True).mul_(desk.up))
