"""Which parameter is moved by which optimizer.

Muon turns the update of a matrix into the nearest orthogonal one, so that every direction moves equally far; it is
meant for matrices inside the layers: the weights of linear and recurrent layers, and of experts, whose 3-D weight is a
stack of matrices, each turned alone. Embeddings and head are tables with one row per token. All else is a vector to
AdamW, which moves each number by itself: norms, biases, kernels of convolutions, what a router has for each expert,
what a state-space layer has for each of its states.

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

    Laws: each parameter once; experts are matrices, routers and kernels are not (tests/training/test_optimizers.py).
    """
    found: dict[str, list[nn.Parameter]] = {"matrices": [], "tables": [], "vectors": []}
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    for give in ("get_input_embeddings", "get_output_embeddings"):
        layer = getattr(model, give)() if hasattr(model, give) else None
        if layer is not None:
            tables.add(id(layer.weight))
    matrices = {id(p) for module in model.modules() for p in module.parameters(recurse=False) if _multiplies(module, p)}
    for parameter in model.parameters():
        if parameter.requires_grad:
            kind = "tables" if id(parameter) in tables else "matrices" if id(parameter) in matrices else "vectors"
            found[kind].append(parameter)
    return found


def _multiplies(module: nn.Module, parameter: nn.Parameter) -> bool:
    """Whether a module's parameter is a matrix, or a stack of them, that vectors are multiplied with."""
    if parameter.ndim == 2:  # GPT-2's Conv1D is a linear layer with its weight turned round
        return isinstance(module, (nn.Linear, nn.RNNBase)) or type(module).__name__ == "Conv1D"
    return parameter.ndim == 3 and not isinstance(module, (nn.Conv1d, nn.ConvTranspose1d))


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
