"""The Llama layout, run lean: the same weights and the same arithmetic as the model's own forward, without its costs.

Reads   a LlamaForCausalLM of transformers.
Gives   a Runner whose logits equal the model's (float32: to 1e-4).
Ignores training, hooks, and whatever else a forward serves; a model that has any of these is not `fits`.

A step of a small model spends half its time between the matrix products. Here the products use the model's own
weights where they lie, those side by side at once, in the way that this processor does best (`products`); the cache is
written in place, the heads that share keys are attended together instead of copying keys for each, and nothing is
checked twice. A change of the weights is seen by the next text.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, scaled_dot_product_attention, silu

from .forward import pad_left
from .llama_step import Desk, Norm, Ready, Weights, norm_of, through_layers, weights_of
from .products import Product, times

CHUNK = 512
"""Tokens of a prompt read at a time: bounds the memory of the mask."""
ROOM = 128
"""Tokens of cache added at least whenever it is full."""


def fits(model: Any) -> bool:
    """Whether this is a plain Llama that `LlamaRunner` computes exactly."""
    from transformers import LlamaForCausalLM

    if type(model) is not LlamaForCausalLM or model.training or model.config.hidden_act != "silu":
        return False
    if model.config._attn_implementation not in ("eager", "sdpa") or len({p.device for p in model.parameters()}) > 1:
        return False
    for module in model.modules():
        changed = module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module)
        if changed or (isinstance(module, nn.Linear) and (type(module) is not nn.Linear or module.bias is not None)):
            return False
        if type(module).__name__.endswith("Linear") and not isinstance(module, nn.Linear):
            return False
    return True


class LlamaRunner:
    """A Llama that is fed tokens and gives logits."""

    def __init__(self, model: Any) -> None:
        c = model.config
        self._model = model
        self._kv, self._d_head = c.num_key_value_heads, model.model.layers[0].self_attn.head_dim
        self._group = c.num_attention_heads // self._kv
        self._turns: tuple[Any, Any] | None = None  # (place, 2, d_head/2) of a single text, in numpy
        self._cache = torch.empty(0)  # (layer, 2, batch, kv head, capacity, d_head): keys, values
        self._pads = torch.empty(0)  # (batch,) empty places before each row's first token
        self._padded = False
        self._length = 0

    def _read(self) -> None:
        """Look where the weights lie now."""
        inner = self._model.model
        self._layers = [weights_of(layer) for layer in inner.layers]
        self._last, self._embed, self._head = norm_of(inner.norm), inner.embed_tokens.weight, self._model.lm_head.weight
        self._ready: list[Ready] = []  # for one token of one text; made when the first comes

    @torch.inference_mode()
    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        self._read()
        ids, mask = pad_left(prompts, self._model.device)
        self._pads = (mask == 0).sum(-1)
        self._padded = bool(self._pads.any())
        self._length = 0
        shape = (len(self._layers), 2, len(ids), self._kv, ids.shape[1] + ROOM, self._d_head)
        self._cache, self._turns = torch.empty(shape, dtype=self._model.dtype, device=ids.device), None
        *early, last = ids.split(CHUNK, dim=1)
        for chunk in early:
            self._hidden(chunk)
        return self._logits(self._hidden(last)[:, -1:])[:, 0]

    @torch.inference_mode()
    def advance(self, tokens: Tensor, keep: int = 0) -> Tensor:
        tokens = tokens.to(self._cache.device)
        if tokens.shape == (1, 1) and tokens.device.type == "cpu" and not self._padded and self._steady:
            return self._step(tokens)
        return self._logits(self._hidden(tokens)[:, -keep:])

    @torch.inference_mode()
    def select(self, rows: Sequence[int]) -> None:
        index = torch.tensor(rows, device=self._cache.device)
        self._pads = self._pads[index]
        self._padded = bool(self._pads.any())
        used = self._cache[..., : self._length, :].index_select(2, index)
        self._cache = self._grown(used, self._cache.shape[4])

    def crop(self, new: int) -> None:
        self._length -= new

    def _step(self, token: Tensor) -> Tensor:
        """(1, 1, vocab) logits after one more token of one text."""
        if not self._ready:
            self._desk = Desk(self._layers[0], self._kv, self._d_head)
            self._ready = [Ready(weights) for weights in self._layers]
            self._speak = Product(self._head.detach())
        place = self._length
        self._make_room(place + 1)
        self._desk.x.copy_(self._embed[int(token)])
        if self._turns is None or place >= len(self._turns[0]):
            turns = self._turn(self._desk.x, torch.arange(self._cache.shape[4])[None])
            cos, sin = (each.view(-1, 2, self._d_head // 2).numpy() for each in turns)
            self._turns = cos, sin
        self._desk.move_to(self._turns[0][place], self._turns[1][place])
        through_layers(self._ready, self._desk, self._cache, place)
        self._length += 1
        self._desk.norm(self._last)
        return self._speak.into(self._desk.y, self._desk.y.new_empty(len(self._head)))[None, None]

    @property
    def _steady(self) -> bool:
        """Whether a position turns the same however long the text is."""
        kind = self._model.model.rotary_emb.rope_type
        return "dynamic" not in kind and kind != "longrope"

    def _turn(self, x: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine (batch*new, 1, d_head) of positions (batch, new); the sine's first half is negated."""
        cos, sin = self._model.model.rotary_emb(x, positions)  # (batch, new, d_head)
        half = self._d_head // 2
        negated = torch.cat((-sin[..., :half], sin[..., half:]), -1)
        return cos.reshape(-1, 1, self._d_head), negated.view(-1, 1, self._d_head)

    def _make_room(self, end: int) -> None:
        if end > self._cache.shape[4]:
            self._cache = self._grown(self._cache[..., : self._length, :], end + max(ROOM, end // 2))

    def _grown(self, used: Tensor, capacity: int) -> Tensor:
        layers, two, batch, kv, length, d_head = used.shape
        cache = used.new_empty((layers, two, batch, kv, capacity, d_head))
        cache[..., :length, :] = used
        return cache

    def _logits(self, hidden: Tensor) -> Tensor:
        batch, new, d_model = hidden.shape
        return times(hidden.reshape(-1, d_model), self._head).view(batch, new, -1)

    def _hidden(self, ids: Tensor) -> Tensor:
        """(batch, new, d_model) after the last norm; the cache grows by `new`."""
        batch, new = ids.shape
        end = self._length + new
        self._make_room(end)
        x = self._embed[ids.reshape(-1)]  # (batch*new, d_model)
        places = torch.arange(self._length, end, device=ids.device)
        positions = (places - self._pads[:, None]).clamp_(min=0)  # (batch, new)
        turn = self._turn(x, positions)
        mask = self._mask(places, end)
        for number, weights in enumerate(self._layers):
            x = self._layer(x, weights, self._cache[number], turn, mask)
        self._length = end
        return _norm(x, self._last).view(batch, new, -1)

    def _mask(self, places: Tensor, end: int) -> Tensor | None:
        """(batch or 1, 1, group*new, end) true where a query may look; None where it may look everywhere."""
        new = len(places)
        if new == 1 and not self._padded:
            return None
        keys = torch.arange(end, device=places.device)
        seen = (keys <= places[:, None]) & (keys >= self._pads[:, None, None])  # (batch, query, key)
        seen |= keys == places[:, None]  # an empty place sees itself, never nothing
        return seen.repeat(1, self._group, 1)[:, None]

    def _layer(self, x: Tensor, w: Weights, cache: Tensor, turn: tuple, mask: Tensor | None) -> Tensor:
        kv, group, d_head = self._kv, self._group, self._d_head
        batch, heads = cache.shape[1], kv * group
        new = len(x) // batch
        end = self._length + new
        asked = _each(_norm(x, w.norm_1), w.qkv).view(batch * new, -1, d_head)
        turned, v = _rotate(asked[:, : heads + kv], *turn), asked[:, heads + kv :]
        cache[0, :, :, self._length : end] = turned[:, heads:].view(batch, new, kv, d_head).transpose(1, 2)
        cache[1, :, :, self._length : end] = v.view(batch, new, kv, d_head).transpose(1, 2)
        q = turned[:, :heads].view(batch, new, kv, group, d_head).permute(0, 2, 3, 1, 4)
        q = q.reshape(batch, kv, group * new, d_head)
        seen = scaled_dot_product_attention(q, cache[0, :, :, :end], cache[1, :, :, :end], attn_mask=mask)
        seen = seen.view(batch, kv, group, new, d_head).permute(0, 3, 1, 2, 4).reshape(batch * new, -1)
        x = x.add_(times(seen, w.o))  # in place: x is this pass's own
        gate, up = _each(_norm(x, w.norm_2), w.gate_up).chunk(2, -1)
        return x.add_(times(silu(gate, inplace=True).mul_(up), w.down))


def _each(x: Tensor, weights: tuple[Tensor, ...]) -> Tensor:
    """(rows, out) of each weight, side by side."""
    products = [times(x, weight) for weight in weights]
    return products[0] if len(products) == 1 else torch.cat(products, -1)


def _norm(x: Tensor, norm: Norm) -> Tensor:
    """Root-mean-square norm; in a short number type rounded where the model rounds."""
    if x.dtype == torch.float32:
        return rms_norm(x, x.shape[-1:], norm.weight, norm.eps)
    long = x.float()
    return norm.weight * (long * torch.rsqrt(long.pow(2).mean(-1, keepdim=True) + norm.eps)).to(x.dtype)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding of (batch*new, head, d_head); `sin` has its first half negated."""
    half = x.shape[-1] // 2
    turned = torch.cat((x[..., half:], x[..., :half]), -1)
    if x.dtype == torch.float32:
        return torch.addcmul(x * cos, turned, sin)
    return x * cos + turned * sin
