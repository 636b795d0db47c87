"""Steering: push every token's state in one direction, and see what the model says then.

    happy = steer(lm, liked - disliked, layer=16, strength=1)     # a LanguageModel like any other
    lab.sample(happy, "The film was", n=4)

Source: Turner et al. 2023, "Activation addition"; Li et al. 2023, "Inference-time intervention". Law
(tests/interpretability/test_steering.py): equals editing the state in a pass of `capture`, and the model given is left
as it was.
"""

import copy
from typing import TYPE_CHECKING, Any

from labkit.core.errors import OptionError, ShapeError
from labkit.models import LanguageModel

from .inputs import require_attention
from .patching import blocks, hook

if TYPE_CHECKING:
    from collections.abc import Sequence


def steer(lm: LanguageModel, direction: "Sequence[float] | Any", layer: int, strength: float = 1.0) -> LanguageModel:
    """A model whose state after so many layers is moved by `strength` × `direction`, at every token.

    It shares the tensors of the given model, so it costs no memory.

    Args:
        direction: (d_model,) such as the difference of two mean states.
        layer: after how many layers; 0 = what the first layer reads.

    Raises:
        ShapeError: the direction is not as wide as the model.
        OptionError: there is no such layer.
        ModelError: the model has no attention, or keeps its layers in no list.
    """
    import torch

    require_attention(lm)
    model = copy.deepcopy(lm.model, {id(t): t for t in (*lm.model.parameters(), *lm.model.buffers())})
    by = strength * torch.as_tensor(direction).to(model.device, model.dtype)
    if by.shape != (lm.card.d_model,):
        raise ShapeError(
            f"the direction has shape {tuple(by.shape)}, but a state of {lm.name} has {lm.card.d_model} numbers"
        )
    if not 0 <= layer <= lm.card.layers:
        raise OptionError(f"layer={layer} is not a choice of 0 to {lm.card.layers}, the number of layers passed")
    steered = LanguageModel(lm.name, model, lm.tokenizer, lm.card)
    hook(blocks(steered), layer, lambda x: x + by)
    model.config.steered = [*getattr(model.config, "steered", ()), layer, *by.tolist()]  # another fingerprint
    return steered
