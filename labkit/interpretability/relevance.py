"""What a weight is worth: weights scaled by the values they carry, by the gradient, and compared with effects."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.core.errors import ModelError
from labkit.core.results import HeadPatterns

from .ablation import head_effects
from .capture import capture
from .inputs import Text, require_attention, require_decoder, target_id, token_ids
from .one_head import head_weights

if TYPE_CHECKING:
    from labkit.models import LanguageModel


def value_weighted(lm: "LanguageModel", text: Text) -> HeadPatterns:
    """Attention in which a weight counts by the length of the vector that it moves: ‖weight · v · W_O‖.

    Rows are scaled to sum to 1, so they read like attention. A head that parks its weight on a token with a tiny value
    vector looks elsewhere here.

    Source: Kobayashi et al. 2020, "Attention is not only a weight: analyzing transformers with vector norms".
    Law: equals plain attention where all moved vectors have the same length (tests/interpretability/test_relevance.py).
    """
    seen = capture(lm, text, ("pattern", "v"))
    layers, heads = seen["pattern"].shape[:2]
    lengths = np.empty((layers, heads, len(seen)), np.float32)  # of what each key would add to the residual stream
    for layer in range(layers):
        shared = heads // seen["v"].shape[2]
        for head in range(heads):
            moved = seen["v"][layer, :, head // shared] @ head_weights(lm, layer, head)["W_O"]  # (key, d_model)
            lengths[layer, head] = np.linalg.norm(moved, axis=1)
    weighted = seen["pattern"] * lengths[:, :, None, :]
    weighted /= np.maximum(weighted.sum(-1, keepdims=True), 1e-30)
    title = f"Value-weighted attention in {lm.name}"
    return HeadPatterns(seen.tokens, seen.tokens, weighted, seen.layers, seen.causal, title)


def gradient_times_attention(lm: "LanguageModel", text: Text, *, target: str) -> np.ndarray:
    """Attention weight times the gradient of log p(target) with respect to it: what each weight does, to first order.

    Returns:
        (layer, head, query, key) in nats; positive = the weight supports the target. Summed over query and key it is
        the first-order estimate of what is lost when the head is switched off.

    Raises:
        ModelError: an encoder, or a model whose weights let no gradient through.

    Source: Hao et al. 2021, "Self-attention attribution" (the gradient at the model's own weights).
    Law: summed over a head it equals z · ∂log p/∂z (tests/interpretability/test_relevance.py).
    """
    import torch

    require_attention(lm)
    require_decoder(lm, "gradient_times_attention", "choose a decoder such as smollm2-135m")
    ids, number = token_ids(lm, text, at_least=2), target_id(lm, target)
    seen = capture(lm, ids, ("pattern", "logits"), gradients=True)
    if not all(one.requires_grad for one in (seen["logits"], *seen["pattern"])):
        raise ModelError(
            f"no gradient flows through the attention of {lm.name} ({type(lm.model).__name__}) in TransformerLens; "
            "choose a model such as smollm2-135m"
        )
    with torch.enable_grad():
        gradients = torch.autograd.grad(seen["logits"][-1].log_softmax(-1)[number], seen["pattern"])
    pairs = zip(seen["pattern"], gradients, strict=True)  # (head, query, key) each
    return np.stack([(weight.detach() * gradient).float().cpu().numpy() for weight, gradient in pairs])


def compare_with_effect(
    lm: "LanguageModel", prompt: Text, *, target: str, word: str, layers: Sequence[int] | None = None
) -> dict[str, float]:
    """How well four quantities order the heads by what is lost when each is switched off: Spearman's ρ of each.

    Args:
        target: the continuation; one token.
        word: the word of the prompt whose weight, seen from the last token, is compared.
        layers: whose heads; None = all.

    Returns:
        `weight`: attention of the last token on the word. `value-weighted`: the same, scaled by the vectors moved.
        `gradient × weight`: of the same cell; it knows the target, the other two do not. `summed over the head`: the
        gradient × weight of all cells, which is the effect itself to first order.

    Raises:
        as `head_effects`; OptionError: the word is not in the prompt.

    Law: the sum orders heads as switching them off does where each does little
    (tests/interpretability/test_relevance.py).
    """
    from scipy.stats import spearmanrho

    seen = capture(lm, prompt)
    at = seen.where(word)
    grid = head_effects(lm, prompt, target=target, layers=layers)
    gradient = gradient_times_attention(lm, prompt, target=target)
    rivals = {
        "weight": seen["pattern"][:, :, -1, at],
        "value-weighted": value_weighted(lm, prompt).values[:, :, -1, at],
        "gradient × weight": gradient[:, :, -1, at],
        "summed over the head": gradient.sum((2, 3)),
    }
    rows = [int(layer) for layer in grid.row_labels]
    lost = -grid.values.ravel()
    found: dict[str, Any] = {name: spearmanrho(lost, rival[rows].ravel()) for name, rival in rivals.items()}
    return {name: float(one.statistic) for name, one in found.items()}


def cosine_distance(a: np.ndarray, b: np.ndarray) -> float:
    """1 − cosine of the angle between two vectors: 0 = same direction, 1 = at right angles."""
    return float(1 - a @ b / np.sqrt((a @ a) * (b @ b)))
