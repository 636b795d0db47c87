"""What a training run is told: TrainConfig. Small, frozen, and enough to repeat the run."""

from dataclasses import dataclass, fields

from ..core.devices import PRECISIONS
from ..core.errors import OptionError

OPTIMIZERS = ("muon", "adamw")


@dataclass(frozen=True)
class TrainConfig:
    """How long, how large the steps, how often to look. Give one of `steps`, `minutes`, `until_loss` or several.

    With `steps` alone a run repeats bit for bit on one machine's CPU; `minutes` and `until_loss` read a clock.
    """

    steps: int | None = None
    """Optimizer steps in all."""
    minutes: float | None = None
    """Time in all, of the training itself: what the caller does between two steps does not count."""
    until_loss: float | None = None
    """Stop when the validation loss, nats per token, is at or below this."""
    batch: int = 16
    """Sequences per optimizer step, over all processes and pieces."""
    context: int | None = None
    """Tokens per sequence; None = what the model was built for."""
    optimizer: str = "muon"
    """`muon`: Muon on the matrices inside the layers and AdamW on the rest; `adamw`: AdamW on all."""
    lr: float | None = None
    """Peak learning rate of the matrices; None = 0.001 for AdamW; for Muon 0.03 where the clock or a loss ends the run,
    the fastest way down in the first hundreds of steps, and 0.015, a safer one, where a number of steps does."""
    rest_lr: float | None = None
    """Peak learning rate of embeddings, head, norms and biases; None = 0.4 × `lr` for Muon, `lr` for AdamW."""
    weight_decay: float = 0.0
    """Decoupled, on matrices and tables; norms and biases are left alone."""
    warmup: float = 0.02
    """Share of the run in which the learning rate rises."""
    decay: float = 0.5
    """Share of the run, at its end, in which the learning rate falls to 0 along a line."""
    clip: float = 1.0
    """Gradients are scaled down to this norm; 0 = never."""
    accumulate: int = 1
    """Pieces that a batch is cut into, to save memory; the result is the same."""
    precision: str = "auto"
    """Of the matrix products: one of `PRECISIONS`; `auto` = what the device does best (`core.devices.quick_type`)."""
    compile: bool = False
    """Whether torch compiles the model first, for half a minute. For long runs on a GPU, or of models that are no plain
    Llama; on a CPU the forward pass of `fused` leaves it nothing to gain (tests/benchmarks/bench_training.py)."""
    validate_every: int = 50
    """Steps between two looks at the validation split, fewer where `until_loss` is near; 0 = only at the end."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None and self.until_loss is None:
            raise OptionError("a run needs an end; give steps=, minutes= or until_loss=")
        for name, least in (("steps", 1), ("batch", 1), ("context", 1), ("accumulate", 1), ("validate_every", 0)):
            value = getattr(self, name)
            if value is not None and (int(value) != value or value < least):
                raise OptionError(f"{name} is {value}; use a whole number from {least} up")
        for name in ("minutes", "until_loss", "lr", "rest_lr"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise OptionError(f"{name} is {value}; use a number above 0")
        for name in ("weight_decay", "clip"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise OptionError(f"{name} is {getattr(self, name)}; use 0 or more")
        if min(self.warmup, self.decay) < 0 or self.warmup + self.decay > 1:
            raise OptionError(
                f"warmup {self.warmup} and decay {self.decay} are shares of the run; let them add up to 1"
            )
        if self.until_loss is not None and not self.validate_every:
            raise OptionError("until_loss looks at the validation loss; let validate_every be 1 or more")
        if self.accumulate > self.batch:
            raise OptionError(
                f"accumulate is {self.accumulate}, but a batch has {self.batch} sequences; use at most that"
            )
        for name, known in (("optimizer", OPTIMIZERS), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise OptionError(f"{name} {getattr(self, name)!r} is unknown; use {' or '.join(known)}")

    @property
    def peak(self) -> tuple[float, float]:
        """Peak learning rates: (matrices, rest)."""
        lr = self.lr or (1e-3 if self.optimizer == "adamw" else 0.03 if self.steps is None else 0.015)
        return lr, self.rest_lr or (0.4 * lr if self.optimizer == "muon" else lr)

    def as_dict(self) -> dict[str, object]:
        """Plain values, for a file."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
