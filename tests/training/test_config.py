"""Options out of their range are refused with the range."""

import pytest

from labkit.core.errors import OptionError
from labkit.training import TrainConfig


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({}, "needs an end"),
        ({"steps": 0}, "steps is 0"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"minutes": 0}, "minutes is 0"),
        ({"minutes": float("nan")}, "minutes is nan"),
        ({"until_loss": 1.5, "validate_every": 0}, "validate_every"),
        ({"steps": 1, "batch": 0}, "batch is 0"),
        ({"steps": 1, "lr": -1}, "lr is -1"),
        ({"steps": 1, "accumulate": 64}, "a batch has"),
        ({"steps": 1, "warmup": 0.7, "decay": 0.7}, "add up"),
        ({"steps": 1, "optimizer": "sgd"}, "muon or adamw"),
        ({"steps": 1, "precision": "int8"}, "bfloat16"),
    ],
)
def test_nonsense_is_refused(wrong, says):
    with pytest.raises(OptionError, match=says):
        TrainConfig(**wrong)


def test_one_learning_rate_moves_both():
    low, high = TrainConfig(steps=1, lr=0.01).peak, TrainConfig(steps=1, lr=0.02).peak
    assert high == (2 * low[0], 2 * low[1])
    assert TrainConfig(steps=1, optimizer="adamw").peak == (1e-3, 1e-3)
    assert TrainConfig(until_loss=1).peak == TrainConfig(minutes=1).peak != TrainConfig(steps=1, minutes=1).peak
