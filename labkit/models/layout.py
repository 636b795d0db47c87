"""Layout: weights that multiply the same vector lie one below the other in memory, and no number lies across two lines.

Reads   a model of transformers that is not trained.
Gives   the same model, parameters and numbers; only the memory that holds them is another.
Ignores who multiplies them, and other architectures: where no module has such siblings nothing moves.

One text's next token has to read every weight once, so its time is the time of reading memory. A file's tensors lie
where its header leaves them, eight bytes past a cache line as often as not, and queries, keys and values apart. Side
by side they are one matrix: `joined` gives it, and it sees every change, for it is the same memory.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Linear

SIBLINGS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
"""Linear maps of one module that read the same vector."""
LINE = 64
"""Bytes of a cache line."""


def lay_side_by_side(model: Any) -> Any:
    """Move a model's weights into fresh memory of the processor, siblings together; returns the model.

    The parameters stay the objects that they are, tied ones tied. Matrix after matrix the old memory is let go, so the
    peak is one matrix above the model; only a mapped file is let go as a whole, at the end. It takes as long as copying
    the model once. Call it before anyone holds views of the weights: those would keep the old memory.

    Law: numbers, gradients, saved files and copies are as before (tests/models/test_layout.py).
    """
    if model.device.type != "cpu":
        return model
    groups = [group for module in model.modules() for names in SIBLINGS if (group := _siblings(module, names))]
    for group in groups:
        if len(joined(group)) > 1 or _crooked(group[0]):
            together = torch.cat([weight.detach() for weight in group])
            for weight, part in zip(group, together.split([len(weight) for weight in group]), strict=True):
                weight.data = part
    placed = {id(weight) for group in groups for weight in group}
    for weight in model.parameters():
        if id(weight) not in placed and _crooked(weight):
            weight.data = weight.detach().clone()
    return model


def joined(weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The one matrix that (out, in) weights are where they lie one below the other; else the weights as they are."""
    first, end = weights[0], weights[0].data_ptr()
    for weight in weights:
        apart = weight.data_ptr() != end or weight.untyped_storage().data_ptr() != first.untyped_storage().data_ptr()
        if apart or not weight.is_contiguous() or not _alike((first, weight)):
            return tuple(weights)
        end += weight.nbytes
    return (first.as_strided((sum(map(len, weights)), first.shape[1]), first.stride()),)


def _siblings(module: Any, names: Sequence[str]) -> list[Tensor]:
    """The module's weights of these names; empty if they cannot be one matrix."""
    weights = [each.weight for each in (getattr(module, name, None) for name in names) if type(each) is Linear]
    return weights if len(weights) == len(names) and _alike(weights) else []


def _alike(weights: Sequence[Tensor]) -> bool:
    return len({(weight.dtype, weight.device, weight.shape[1]) for weight in weights}) == 1


def _crooked(weight: Tensor) -> bool:
    """Whether it does not begin with a cache line."""
    return weight.data_ptr() % LINE != 0
