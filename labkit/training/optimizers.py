"""Which parameter is moved by which optimizer.

Muon turns the update of a matrix into the nearest orthogonal one, so that every direction moves equally far; it is
meant for matrices inside the layers. Embeddings and head are tables with one row per token, norms and biases are
vectors: AdamW moves those.

Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
"""

import torch
from torch import nn

from .config import TrainConfig
from .muon import StackedMuon

MOMENTUM = 0.85
"""Of Muon: torch's 0.95 averages over 20 steps, too long for runs of some hundred."""


def groups(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Trainable parameters by kind: `matrices` inside the layers, `tables` (embeddings and head), `vectors`.

    Law: each parameter once; matrices hold nothing that is not 2-D (tests/training/test_optimizers.py).
    """
    found: dict[str, list[nn.Parameter]] = {"matrices": [], "tables": [], "vectors": []}
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    for give in ("get_input_embeddings", "get_output_embeddings"):
        layer = getattr(model, give)() if hasattr(model, give) else None
        if layer is not None:
            tables.add(id(layer.weight))
    for parameter in model.parameters():
        if parameter.requires_grad:
            kind = "tables" if id(parameter) in tables else "matrices" if parameter.ndim == 2 else "vectors"
            found[kind].append(parameter)
    return found


def optimizers(model: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Muon on matrices and AdamW on the rest, or AdamW on all; each group knows its peak learning rate."""
    kinds, (lr, rest_lr), decay = groups(model), config.peak, config.weight_decay
    matrices = {"params": kinds["matrices"], "lr": lr, "peak": lr, "weight_decay": decay}
    rest = [{"params": kinds["tables"], "lr": rest_lr, "peak": rest_lr, "weight_decay": decay},
            {"params": kinds["vectors"], "lr": rest_lr, "peak": rest_lr, "weight_decay": 0.0}]  # fmt: skip
    rest = [group for group in rest if group["params"]]
    adamw = {"betas": (0.9, 0.95), "fused": True}
    if not kinds["matrices"]:
        return [torch.optim.AdamW(rest, **adamw)]
    if config.optimizer == "adamw":
        return [torch.optim.AdamW([matrices, *rest], **adamw)]
    muon = StackedMuon([matrices], lr=lr, momentum=MOMENTUM)
    return [muon, torch.optim.AdamW(rest, **adamw)] if rest else [muon]


def set_lr(optimizers: list[torch.optim.Optimizer], factor: float) -> None:
    """Every group's learning rate becomes its peak times `factor`."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor
