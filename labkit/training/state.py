"""All that a run must remember to go on as if it had never stopped: TrainState."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .config import TrainConfig
from .optimizers import optimizers


@dataclass
class TrainState:
    """A model in training. `steps()` changes it in place; `state_dict()` is everything that a file must hold.

    Law: saved, loaded and continued gives the same numbers bit for bit as never stopped (tests/training/test_loop.py).
    """

    model: nn.Module
    config: TrainConfig
    optimizers: list[torch.optim.Optimizer]
    step: int = 0
    """Optimizer steps done; it is also the index of the next batch."""
    tokens: int = 0
    """Tokens trained on."""
    seconds: float = 0.0
    """Time of the training itself."""

    @classmethod
    def new(cls, model: nn.Module, config: TrainConfig) -> "TrainState":
        """Before the first step."""
        return cls(model, config, optimizers(model, config))

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values: counters, random generators, optimizers. The model's weights are `model`'s own."""
        return {
            "step": self.step, "tokens": self.tokens, "seconds": self.seconds,
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }  # fmt: skip

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go back to what `state_dict` gave; the model must have the same layout."""
        self.step, self.tokens, self.seconds = saved["step"], saved["tokens"], saved["seconds"]
        self.model.load_state_dict(saved["model"])
        for optimizer, held in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(held)
        torch.set_rng_state(saved["torch"])
        if saved["cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(saved["cuda"])
