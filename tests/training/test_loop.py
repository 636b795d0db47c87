"""The loop: it learns, it repeats, it goes on, it stops before harm."""

import copy

import pytest
import torch

from labkit.core.errors import TrainingError
from labkit.training import TrainConfig, TrainState, evaluate, steps
from tests.training.tiny import Counting, model

CONFIG = TrainConfig(steps=6, batch=4, validate_every=3)


def weights(one):
    return torch.cat([p.detach().flatten() for p in one.parameters()])


def test_counting_is_learned():
    learner = model()
    before = evaluate(learner, Counting()).nats_per_token
    *_, last = steps(learner, Counting(), TrainConfig(steps=60, batch=16))
    assert last.validation < 0.3 < before


def test_twice_is_the_same_bit_for_bit():
    one, two = model(), model()
    first, second = list(steps(one, Counting(), CONFIG)), list(steps(two, Counting(), CONFIG))
    assert [s.loss for s in first] == [s.loss for s in second]
    assert [s.validation for s in first] == [s.validation for s in second]
    assert torch.equal(weights(one), weights(two))


def test_stopped_and_continued_is_never_stopped():
    whole = model()
    list(steps(whole, Counting(), CONFIG))
    first = model()
    for step in steps(first, Counting(), CONFIG):
        if step.index == 4:
            saved = copy.deepcopy(step.state.state_dict())
            break
    state = TrainState.new(model(seed=1), CONFIG)
    state.load_state_dict(saved)
    list(steps(state.model, Counting(), CONFIG, start=state))
    assert torch.equal(weights(state.model), weights(whole))


def test_a_loss_that_is_no_number_stops_before_the_weights_move():
    learner = model()
    with torch.no_grad():
        learner.lm_head.weight[0, 0] = float("nan")
    before = weights(learner)
    with pytest.raises(TrainingError, match=r"step 1 .*batch 0.*smaller lr"):
        list(steps(learner, Counting(), CONFIG))
    assert torch.equal(weights(learner).nan_to_num(), before.nan_to_num())
