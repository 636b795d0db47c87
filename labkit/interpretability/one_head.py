"""One head, step by step: its matrices, and what the model itself computed with them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labkit.core.errors import ModelError

from .capture import capture, check_heads
from .inputs import Text, require_attention

if TYPE_CHECKING:
    from labkit.models import LanguageModel


@dataclass(frozen=True)
class OneHead:
    """Every step of one head in one forward pass."""

    tokens: tuple[str, ...]
    """(seq,)"""
    x: np.ndarray
    """(seq, d_model) what it reads"""
    q: np.ndarray
    """(seq, d_head)"""
    k: np.ndarray
    v: np.ndarray
    q_rotated: np.ndarray
    """(seq, d_head) after rotary positions; equal to q where the model has none"""
    k_rotated: np.ndarray
    scores: np.ndarray
    """(query, key) before the softmax; 0 where the mask hides the key"""
    pattern: np.ndarray
    """(query, key) weights"""
    z: np.ndarray
    """(query, d_head) output"""
    rope_base: float
    """Of the rotation's angles; 0 = this model does not rotate"""


def one_head(lm: "LanguageModel", text: Text, layer: int, head: int) -> OneHead:
    """What one head of a decoder computed on a text, every step.

    Raises:
        OptionError: no such head.
        ModelError: an encoder, which does not show its scores, or a model that does not show one of the other steps.

    Law: the steps follow from each other by hand (lesson 02; tests/interpretability/test_one_head.py).
    """
    check_heads(lm.bridge, [(layer, head)])
    parameters = getattr(lm.model.config, "rope_parameters", None) or {}
    base = float(parameters.get("rope_theta", 0))
    if base and parameters.get("rope_type", "default") != "default":
        raise ModelError(
            f"{lm.name} rotates by its own rule ({parameters['rope_type']}), which is not shown step by step"
        )
    rotated = ("q_rotated", "k_rotated") if base else ("q", "k")
    seen = capture(lm, text, ("attn_in", "q", "k", "v", *rotated, "scores", "pattern", "z"), layers=[layer])
    key = head * seen["k"].shape[2] // lm.card.heads  # several query heads can share one key and value
    q_rotated, k_rotated = seen[rotated[0]][0, :, head], seen[rotated[1]][0, :, key]
    return OneHead(
        seen.tokens, seen["attn_in"][0], seen["q"][0, :, head], seen["k"][0, :, key], seen["v"][0, :, key],
        q_rotated, k_rotated, np.tril(seen["scores"][0, head]), seen["pattern"][0, head], seen["z"][0, :, head], base,
    )  # fmt: skip


def head_weights(lm: "LanguageModel", layer: int, head: int) -> dict[str, np.ndarray]:
    """The four matrices of one head, float32: `W_Q W_K W_V` (d_model, d_head), `W_O` (d_head, d_model).

    Where several queries share a key and a value (grouped-query attention), the shared ones are returned. Biases
    `b_Q b_K b_V` (d_head,) are zero where the model has none.
    """
    require_attention(lm)
    check_heads(lm.bridge, [(layer, head)])
    attention = lm.bridge.blocks[layer].attn
    found = {}
    for name in ("W_Q", "W_K", "W_V", "W_O"):
        matrices = getattr(attention, name)
        found[name] = matrices[head * len(matrices) // lm.bridge.cfg.n_heads].detach().float().cpu().numpy()
    for letter in "QKV":
        width = found[f"W_{letter}"].shape[1]
        bias = getattr(getattr(attention, letter.lower()), "bias", None)
        rows = None if bias is None else bias.detach().float().cpu().numpy().reshape(-1, width)
        found[f"b_{letter}"] = (
            np.zeros(width, np.float32) if rows is None else rows[head * len(rows) // lm.bridge.cfg.n_heads]
        )
    return found
