"""torch's Muon, with all matrices of one shape turned at once.

`torch.optim.Muon` turns one matrix after the other; at the widths of a lesson that is a hundred small products and as
many calls. Here matrices of the same shape are stacked, and each Newton-Schulz step is one batched product. State and
options are those of torch's class, so checkpoints of one can be continued by the other. torch's class turns in bfloat16
wherever it runs; here it is the number type that the device does best.

Law: moves the weights as `torch.optim.Muon` does (tests/training/test_optimizers.py).
Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
"""

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor

from ..core.devices import quick_type


class StackedMuon(torch.optim.Muon):
    """Muon over matrices and stacks of them, (row, column) or (matrix, row, column); arguments as for
    `torch.optim.Muon`, which takes matrices alone."""

    def __init__(self, params: Any, **options: Any) -> None:
        checked = torch.optim.Muon([torch.nn.Parameter(torch.zeros(1, 1))], **options)
        torch.optim.Optimizer.__init__(self, params, checked.defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Move the weights of every group."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    alike[weight.shape].append(weight)
            for shape, weights in alike.items():
                pushes = torch.stack([self.push(weight, group) for weight in weights])
                pushes = pushes.view(-1, *shape[-2:])  # (matrix, row, column)
                rate = group["lr"] * adjusted(shape[-2:], group["adjust_lr_fn"])
                for weight, turned in zip(weights, orthogonal(pushes, group).view(-1, *shape), strict=True):
                    if group["weight_decay"]:
                        weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(turned, alpha=-rate)

    def push(self, weight: Tensor, group: dict[str, Any]) -> Tensor:
        """The gradient averaged over time; with Nesterov's momentum one step further."""
        grad: Any = weight.grad
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(grad)
        average = state["momentum_buffer"].lerp_(grad, 1 - group["momentum"])
        return grad.lerp(average, group["momentum"]) if group["nesterov"] else average


def orthogonal(stack: Tensor, group: dict[str, Any]) -> Tensor:
    """(matrix, row, column): each matrix with its singular values brought near 1, by Newton-Schulz.

    Law: five steps leave the singular vectors as they are and bring each value near 1, as an SVD shows
    (tests/training/test_optimizers.py).
    """
    a, b, c = group["ns_coefficients"]
    x = stack.to(getattr(torch, quick_type(stack.device.type)))
    if tall := x.shape[1] > x.shape[2]:
        x = x.mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = x @ x.mT  # (matrix, row, row)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


def adjusted(shape: torch.Size, how: str | None) -> float:
    """What the learning rate is multiplied by for a matrix of this shape."""
    rows, columns = shape
    return max(1.0, rows / columns) ** 0.5 if how != "match_rms_adamw" else 0.2 * max(rows, columns) ** 0.5
