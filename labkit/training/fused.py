"""The forward pass of a Llama, written so that the numbers travel through memory as few times as possible.

A small model spends most of its time not on matrix products but on carrying vectors to the processor and back. This
is the same function as `transformers`' LlamaForCausalLM with the same weights, and six things are done at once:

- the norm's weights are multiplied into the matrix that follows, so that only the length of each vector is divided out
- queries, keys and values come from one product, and so do the two halves of SwiGLU
- queries and keys are turned together
- the causal mask is added inside the product of queries and keys
- the residual is added inside the product that ends each part of a layer
- norm, rotation and SwiGLU write their gradients by formula

Law: logits and gradients are those of transformers (tests/training/test_fused.py).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

LONGEST = 128
"""Up to so many tokens the whole (query, key) table is the fastest way on a CPU; above, blockwise attention is."""


def fits(model: Any) -> bool:
    """Whether `logits` computes what this model would: a plain Llama without biases, dropout, shared heads or hooks."""
    from transformers import LlamaForCausalLM

    if type(model) is not LlamaForCausalLM:
        return False
    c = model.config
    plain = not (c.attention_bias or c.mlp_bias or c.attention_dropout) and c.hidden_act == "silu"
    heads = c.num_key_value_heads == c.num_attention_heads
    ways = ("sdpa", "eager")
    hooked = any(m._forward_hooks or m._forward_pre_hooks or "forward" in vars(m) for m in model.modules())
    return plain and heads and not hooked and c._attn_implementation in ways and not model.is_activation_checkpointing


def logits(model: Any, ids: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """What the model says comes next.

    Args:
        model: one that `fits`.
        ids: (batch, seq).
        dtype: number type of the products and of the vectors between them.

    Returns:
        (batch x seq, vocab), in `dtype`.
    """
    body = model.model
    x = F.embedding(ids, body.embed_tokens.weight).to(dtype).flatten(0, 1)  # (batch x seq, d_model)
    turn = rotation(body.rotary_emb, ids, dtype)
    for layer in body.layers:
        x = attend(layer, x, ids.shape, turn)
        x = think(layer, x)
    head = model.lm_head.weight * body.norm.weight  # (vocab, d_model)
    return Normed.apply(x, body.norm.variance_epsilon) @ head.to(dtype).T  # (batch x seq, vocab)


def attend(layer: Any, x: Tensor, shape: tuple[int, ...], turn: tuple[Tensor, Tensor]) -> Tensor:
    """x plus what its heads read from earlier positions: (batch x seq, d_model)."""
    part, (batch, seq), norm = layer.self_attn, shape, layer.input_layernorm
    weights = torch.cat([part.q_proj.weight, part.k_proj.weight, part.v_proj.weight]) * norm.weight
    qkv = Normed.apply(x, norm.variance_epsilon) @ weights.to(x.dtype).T  # (batch x seq, 3 x head x d_head)
    q, k, v = Turned.apply(qkv.view(batch, seq, 3, -1, part.head_dim), *turn).unbind()  # (batch, head, seq, d_head)
    if x.device.type == "cpu" and seq <= LONGEST:
        mixed = table_attention(q, k, v, part.scaling)
    else:  # on a CPU blockwise attention is faster in float32 than in bfloat16
        q, k, v = (one.float() if x.device.type == "cpu" else one for one in (q, k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=part.scaling).to(x.dtype)
    mixed = mixed.transpose(1, 2).reshape(batch * seq, -1)  # (batch x seq, head x d_head)
    return torch.addmm(x, mixed, part.o_proj.weight.to(x.dtype).T)


def table_attention(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """Attention through the whole table of scores: (batch, head, seq, d_head)."""
    future = torch.full((q.shape[2], k.shape[2]), float("-inf"), dtype=q.dtype, device=q.device).triu(1)
    q2, k2, v2 = (one.flatten(0, 1) for one in (q, k, v))  # (batch x head, seq, d_head)
    scores = torch.baddbmm(future, q2, k2.transpose(1, 2), alpha=scale)  # (batch x head, query, key)
    return (scores.softmax(-1) @ v2).view_as(q)


def think(layer: Any, x: Tensor) -> Tensor:
    """x plus what the feed-forward part makes of it: (batch x seq, d_model)."""
    part, norm = layer.mlp, layer.post_attention_layernorm
    weights = torch.cat([part.gate_proj.weight, part.up_proj.weight]) * norm.weight
    both = Normed.apply(x, norm.variance_epsilon) @ weights.to(x.dtype).T  # (batch x seq, 2 x d_ff)
    return torch.addmm(x, SwiGLU.apply(both), part.down_proj.weight.to(x.dtype).T)


def rotation(rotary: nn.Module, ids: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines, and sines with the sign that they have in the turned vector: (seq, d_head) each."""
    positions = torch.arange(ids.shape[1], device=ids.device)[None]
    cos, sin = rotary(torch.empty(0, device=ids.device), position_ids=positions)  # (1, seq, d_head)
    left, right = sin[0].chunk(2, -1)
    return cos[0].to(dtype), torch.cat([-left, right], -1).to(dtype)


class Normed(Function):
    """Vectors divided by their root mean square."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        scale = (length.square() / x.shape[-1] + eps).rsqrt().to(x.dtype)  # (batch x seq, 1)
        y = x * scale
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        y, scale = ctx.saved_tensors
        along = (grad * y).mean(-1, keepdim=True)  # (batch x seq, 1)
        return torch.addcmul(grad, y, along, value=-1).mul_(scale), None


class Turned(Function):
    """Queries, keys and values by head; the first two turned by their position: x cos + swapped(x) sin."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        heads = qkv.permute(2, 0, 3, 1, 4).contiguous()  # (3, batch, head, seq, d_head)
        swapped = heads[:2].roll(heads.shape[-1] // 2, -1)
        heads[:2].mul_(cos).addcmul_(swapped, sin)
        return heads

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        cos, sin = ctx.saved_tensors
        three, batch, head, seq, d_head = grad.shape
        out = grad.new_empty(batch, seq, three, head, d_head)
        heads = out.permute(2, 0, 3, 1, 4)  # the same numbers, seen as (3, batch, head, seq, d_head)
        torch.mul(grad[:2], cos, out=heads[:2])  # backwards, turned the other way
        heads[:2].addcmul_(grad[:2].roll(d_head // 2, -1), sin, value=-1)
        heads[2].copy_(grad[2])
        return out, None, None


class SwiGLU(Function):
    """silu(gate) x up, of vectors that hold gate and up side by side (Shazeer 2020)."""

    @staticmethod
    def forward(ctx: Any, both: Tensor) -> Tensor:
        ctx.save_for_backward(both)
        gate, up = both.chunk(2, -1)  # (batch x seq, d_ff) each
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        (both,) = ctx.saved_tensors
        gate, up = both.chunk(2, -1)
        out = torch.empty_like(both)
        to_gate, to_up = out.chunk(2, -1)
        torch.mul(grad, F.silu(gate), out=to_up)
        torch.mul(grad, up, out=to_gate)
        to_gate.copy_(torch.ops.aten.silu_backward(to_gate, gate))
        return out
