"""All that a run must remember to go on as if it had never stopped: TrainState."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from ..core.devices import quick_type
from .config import TrainConfig
from .loss import Forward, Loss, forward_of
from .optimizers import optimizers


@dataclass
class TrainState:
    """A model in training. `steps()` changes it in place; `state_dict()` is everything that a file must hold.

    Law: saved, loaded and continued gives the same numbers bit for bit as never stopped (tests/training/test_loop.py).
    """

    model: Any
    config: TrainConfig
    optimizers: list[torch.optim.Optimizer]
    step: int = 0
    """Optimizer steps done; it is also the index of the next batch."""
    tokens: int = 0
    """Tokens trained on."""
    seconds: float = 0.0
    """Time of the training itself."""
    validation: float | None = None
    """The newest validation loss, nats per token."""
    measured: Loss | None = None
    """All of the newest look; not kept in a checkpoint."""
    looked: int = 0
    """The step after which it was measured."""
    next_look: int = 0
    """The step after which it is measured again."""

    @classmethod
    def new(cls, model: Any, config: TrainConfig) -> "TrainState":
        """Before the first step."""
        return cls(model, config, optimizers(model, config), next_look=config.validate_every)

    @property
    def dtype(self) -> torch.dtype:
        """Number type of the matrix products; weights, gradients and optimizers are float32."""
        device = next(self.model.parameters()).device
        precision = self.config.precision
        return getattr(torch, quick_type(device.type) if precision == "auto" else precision)

    @cached_property
    def forward(self) -> Forward:
        """The way to the model's logits; compiled where that was asked for."""
        return forward_of(self.model, compiled=self.config.compile)

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values: counters, random generators, optimizers. The model's weights are `model`'s own."""
        return {
            "step": self.step, "tokens": self.tokens, "seconds": self.seconds,
            "validation": self.validation, "looked": self.looked, "next_look": self.next_look,
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }  # fmt: skip

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go back to what `state_dict` gave; the model must have the same layout."""
        self.step, self.tokens, self.seconds = saved["step"], saved["tokens"], saved["seconds"]
        self.validation = saved["validation"]
        self.looked, self.next_look = saved.get("looked", 0), saved.get("next_look", 0)
        self.model.load_state_dict(saved["model"])
        for optimizer, held in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(held)
        torch.set_rng_state(saved["torch"])
        if saved["cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(saved["cuda"])
