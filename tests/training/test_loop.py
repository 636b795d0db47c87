"""The loop: it learns, it repeats, it goes on, it stops before harm."""

import copy
from dataclasses import replace

import pytest
import torch

from labkit.core.errors import TrainingError
from labkit.models import build
from labkit.training import TrainConfig, TrainState, evaluate, steps
from labkit.training.loop import spacing
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


@pytest.mark.parametrize("masked", [False, True])
def test_a_batch_in_pieces_is_the_batch(masked):
    one, two = model(), model()
    config = replace(CONFIG, precision="float32", steps=1)
    data = Counting(masked=masked)
    (whole,) = steps(one, data, config)
    (pieces,) = steps(two, data, replace(config, accumulate=3))  # of 4 rows: pieces of unequal size
    assert pieces.loss == pytest.approx(whole.loss, rel=1e-5)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_clipping_bounds_the_gradient_and_reports_its_length_before():
    one, two = model(), model()
    (free,) = steps(one, Counting(), replace(CONFIG, steps=1, clip=0))
    (bound,) = steps(two, Counting(), replace(CONFIG, steps=1, clip=0.01))

    def length(learner):
        return torch.cat([p.grad.flatten() for p in learner.parameters()]).norm().item()

    assert bound.grad_norm == pytest.approx(free.grad_norm) == pytest.approx(length(one), rel=1e-4)
    assert length(two) == pytest.approx(0.01, rel=1e-3)


def test_a_loss_beyond_sense_stops_too():
    learner = model()
    with torch.no_grad():
        learner.lm_head.weight.mul_(1e5)
    with pytest.raises(TrainingError, match=r"loss \d"):
        list(steps(learner, Counting(), CONFIG))


def test_until_loss_stops_when_it_is_reached_and_not_before():
    config = TrainConfig(until_loss=1.5, steps=500, batch=16, validate_every=5)
    *before, last = steps(model(), Counting(), config)
    assert last.validation <= 1.5 and last.index < 500
    assert all(step.validation is None or step.validation > 1.5 for step in before)
    seen = [
        s.validation
        for s in steps(model(), Counting(), TrainConfig(until_loss=1.5, steps=500, batch=16, validate_every=5))
    ]
    assert all(v is None or v > 1.5 for v in seen[:-1])


def test_the_loss_reached_is_that_of_the_weights_it_ends_with():
    learner = model()
    *_, last = steps(learner, Counting(), TrainConfig(until_loss=1.5, steps=500, batch=16, validate_every=5))
    assert evaluate(learner, Counting(), dtype=last.state.dtype).nats_per_token == last.validation
    assert list(steps(learner, Counting(), last.state.config, start=last.state)) == []


def test_towards_a_loss_stopped_and_continued_is_never_stopped():
    config = TrainConfig(until_loss=0.8, batch=8, validate_every=4)
    whole = model()
    *_, last = steps(whole, Counting(), config)
    first = model()
    for step in steps(first, Counting(), config):
        if step.index == last.index // 2:
            saved = copy.deepcopy(step.state.state_dict())
            break
    state = TrainState.new(model(seed=1), config)
    state.load_state_dict(saved)
    *_, again = steps(state.model, Counting(), config, start=state)
    assert (again.index, again.validation) == (last.index, last.validation)
    assert torch.equal(weights(state.model), weights(whole))


def test_looks_come_closer_as_the_loss_comes_near():
    config = TrainConfig(until_loss=2.0, validate_every=50)
    assert spacing(config, None, 4.0, 50) == 50
    assert spacing(config, 4.0, 3.5, 50) == 50  # 150 steps away at this pace
    assert spacing(config, 2.8, 2.3, 50) == 30
    assert spacing(config, 2.3, 2.01, 30) == 10  # not all the time either
    assert spacing(config, 2.1, 2.2, 30) == 50
    assert spacing(TrainConfig(steps=9, validate_every=50), 2.8, 2.3, 50) == 50


def test_minutes_end_a_run_with_a_rate_near_0():
    config = TrainConfig(minutes=0.01, batch=4, validate_every=0)
    *_, before, last = steps(model(), Counting(), config)
    left = 1 - before.seconds / 0.6  # of the time, when the last step began
    assert last.seconds >= 0.6 and last.lr == pytest.approx(min(1, left / config.decay) * config.peak[0])
    assert last.validation is not None


def test_tokens_are_counted():
    *_, last = steps(model(), Counting(), CONFIG)
    assert last.tokens == 6 * 4 * 8 and last.index == 6


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_both_optimizers_learn(optimizer):
    *_, last = steps(model(), Counting(), TrainConfig(steps=80, batch=16, optimizer=optimizer, lr=0.02))
    assert last.validation < 1.0


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_another_kind_of_model_learns_too(precision):
    lstm = build("nano", vocab_size=11, kind="lstm", layers=1, d_model=16, context=8)
    *_, last = steps(lstm, Counting(), TrainConfig(steps=80, batch=16, precision=precision))
    assert last.validation < 1.0
