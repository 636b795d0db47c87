"""Attribution: what each head and each feed-forward part writes into the answer directly.

A prediction reads a sum: the embedding and all that the layers added. The last norm only scales it, once it is known
how long the sum is, so each part's share of a difference of logits can be told, and the shares add up.

Sources: Elhage et al. 2021, "A mathematical framework for transformer circuits"; Wang et al. 2023. Laws
(tests/interpretability/test_attribution.py): the shares add up to the difference of the logits; they equal
TransformerLens's direct logit attribution to 1e-4.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.core.errors import ModelError

from .capture import capture
from .inputs import Text, require_attention, require_decoder, target_id

if TYPE_CHECKING:
    from labkit.models import LanguageModel

ROUNDING = 1e-3
"""Of the sum of all shares, relative to the largest logit."""


@dataclass(frozen=True)
class Attribution:
    """Shares of logit(answer) − logit(instead); the four together are the whole."""

    heads: np.ndarray
    """(layer, head)"""
    mlps: np.ndarray
    """(layer,)"""
    start: float
    """of the embedding, with what it knows of the position"""
    biases: float
    """of constants, where the model has some"""
    difference: float
    """logit(answer) − logit(instead), as the model gives it"""

    @property
    def total(self) -> float:
        """The sum of all shares."""
        return float(self.heads.sum() + self.mlps.sum() + self.start + self.biases)


def attribution(lm: "LanguageModel", prompt: Text, *, answer: str | int, instead: str | int) -> Attribution:
    """Who writes one answer rather than another, after the prompt's last token.

    Args:
        answer, instead: one token each, or its number.

    Raises:
        TargetError: one of them is not one token.
        ModelError: no decoder with attention, or one whose layers do more than add to the stream: where a norm stands
            behind a layer, or logits are bent, shares do not add up.
    """
    require_attention(lm)
    require_decoder(lm, "attribution", "choose a decoder such as smollm2-135m")
    numbers = [target_id(lm, word) for word in (answer, instead)]
    seen = capture(lm, prompt, ("resid_pre", "z", "attn_out", "mlp_out", "resid_post", "logits"))
    end = {site: seen[site][:, -1].astype(float) for site in ("resid_pre", "z", "attn_out", "mlp_out", "resid_post")}
    direction, constant = _read_by(lm, end["resid_post"][-1], numbers)
    heads = np.stack([
        np.einsum("hk,hkd,d->h", z, lm.bridge.blocks[layer].attn.W_O.detach().double().cpu().numpy(), direction)
        for layer, z in enumerate(end["z"])
    ])  # fmt: skip
    difference = float(np.subtract(*seen["logits"][-1][numbers].astype(float)))
    biases = _biases(lm, direction)
    start = float(end["resid_pre"][0] @ direction)
    found = Attribution(heads, end["mlp_out"] @ direction, start, float(biases.sum() + constant), difference)
    expected = np.append(end["attn_out"] @ direction, difference)
    shares = np.append(heads.sum(1) + biases, found.total)
    if not np.allclose(shares, expected, atol=ROUNDING * abs(seen["logits"][-1]).max()):
        raise ModelError(
            f"what the layers of {lm.name} ({type(lm.model).__name__}) add up to {found.total:.3f}, but its logits "
            f"differ by {difference:.3f}: it does more than add; choose a model such as smollm2-135m"
        )
    return found


def _biases(lm: "LanguageModel", direction: np.ndarray) -> np.ndarray:
    """(layer,) what the constant beside each layer's W_O gives."""
    given = [getattr(block.attn.o, "bias", None) for block in lm.bridge.blocks]
    return np.array([0.0 if b is None else b.detach().double().cpu().numpy() @ direction for b in given])


def _read_by(lm: "LanguageModel", end: np.ndarray, numbers: list[int]) -> tuple[np.ndarray, float]:
    """(d_model,) what the difference of two logits multiplies the stream by, and what it adds: the last norm's own
    weights, its mean taken away where it takes one, and its scale at this state, all read off the norm itself."""
    import torch

    norm, table = lm.bridge.ln_final, lm.model.get_output_embeddings()
    even = np.where(np.arange(len(end)) % 2, -1.0, 1.0)

    def through(x: np.ndarray) -> np.ndarray:
        given = torch.tensor(x, dtype=lm.model.dtype, device=lm.model.device)[None, None]
        with torch.no_grad():
            return norm(given)[0, 0].double().cpu().numpy()

    up, down = through(1e3 * even), through(-1e3 * even)
    weights, shift = even * (up - down) / 2, (up + down) / 2
    centred = np.allclose(through(end + 1e3 * abs(end).max()) - shift, through(end) - shift, rtol=0.05, atol=0.05)
    moved = weights * (end - end.mean() * centred)
    scale = float((through(end) - shift) @ moved / (moved @ moved))
    rows = table.weight.detach()[numbers].double().cpu().numpy()
    towards = (rows[0] - rows[1]) * weights * scale
    bias: Any = getattr(table, "bias", None)
    constant = 0.0 if bias is None else float(bias[numbers[0]] - bias[numbers[1]])
    return towards - towards.mean() * centred, constant + float((rows[0] - rows[1]) @ shift)
