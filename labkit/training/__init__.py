"""Training: a model, text and a TrainConfig in, one Step after another out.

    for step in steps(model, data, TrainConfig(steps=500)):
        print(step.index, step.loss)
    evaluate(model, data).bits_per_byte

Reads   a transformers causal language model; batches by number.
Gives   Step, TrainState, Loss.
Ignores notebooks and pictures.
"""

from .config import TrainConfig
from .loop import Step, steps
from .loss import Loss, evaluate
from .state import TrainState

__all__ = ["Loss", "Step", "TrainConfig", "TrainState", "evaluate", "steps"]
