"""What a loss is worth: at its limits, in its units, and with the right target at each place."""

from dataclasses import dataclass
from math import log

import numpy as np
import pytest
import torch

from labkit.core.errors import TrainingError
from labkit.training import evaluate, loss
from labkit.training.loss import IGNORED, inputs_and_targets, nats
from tests.training.tiny import CONTEXT, VOCAB, Batch, Counting, model


def test_targets_are_the_same_text_one_later():
    ids = torch.arange(12).view(2, 6)
    inputs, targets = inputs_and_targets(ids)
    assert inputs.tolist() == [[0, 1, 2, 3, 4], [6, 7, 8, 9, 10]]
    assert targets.tolist() == [[1, 2, 3, 4, 5], [7, 8, 9, 10, 11]]
    _, masked = inputs_and_targets(ids, torch.tensor([[True] * 5, [False] * 5]))
    assert masked.tolist() == [[1, 2, 3, 4, 5], [IGNORED] * 5]


@dataclass
class Says:
    """Stands for a model that is sure of `ahead` tokens after the one it reads, in a text that counts up."""

    ahead: int

    def __call__(self, input_ids, use_cache):
        self.logits = torch.nn.functional.one_hot((input_ids + self.ahead) % VOCAB, VOCAB) * 50.0
        return self


def test_being_right_one_place_early_or_late_is_being_wrong():
    ids = torch.from_numpy(Counting().batch(0, batch=4, context=CONTEXT).ids)
    losses = [nats(Says(ahead), *inputs_and_targets(ids)).mean().item() for ahead in (0, 1, 2)]  # pyright: ignore
    assert losses[1] < 1e-6 and min(losses[0], losses[2]) > 40


def test_a_model_that_knows_nothing_has_log_vocab_nats():
    blank = model()
    with torch.no_grad():
        blank.lm_head.weight.zero_()
    seen = evaluate(blank, Counting())
    assert seen.nats_per_token == pytest.approx(log(VOCAB), rel=1e-6)
    assert seen.by_position == pytest.approx(np.full(CONTEXT, log(VOCAB)), rel=1e-6)
    assert seen.tokens == 4 * 64 * CONTEXT


def test_bits_per_byte_are_nats_over_log_2_and_bytes():
    seen = evaluate(model(), Counting())  # tokens of two bytes
    assert seen.bits_per_byte == pytest.approx(seen.nats_per_token / log(2) / 2)


def test_masked_targets_do_not_count():
    class FirstOnly(Counting):
        def batch(self, index, *, batch, **more):
            made = super().batch(index, batch=batch, **more)
            return Batch(made.ids, np.arange(made.ids.shape[1] - 1)[None].repeat(batch, 0) == 0)

    one = model()
    part, whole = evaluate(one, FirstOnly()), evaluate(one, Counting())
    assert part.nats_per_token == pytest.approx(whole.by_position[0])
    assert np.isnan(part.by_position[1:]).all() and part.tokens == 4 * 64


def test_nothing_to_score_is_said():
    class Nothing(Counting):
        def batch(self, index, **more):
            made = super().batch(index, **more)
            return Batch(made.ids, np.zeros((len(made.ids), made.ids.shape[1] - 1), bool))

    with pytest.raises(TrainingError, match="no target counts"):
        evaluate(model(), Nothing())


def test_looking_changes_nothing():
    one = model()
    one.train()
    state = torch.get_rng_state()
    assert evaluate(one, Counting()).nats_per_token == evaluate(one, Counting()).nats_per_token
    assert one.training and torch.equal(state, torch.get_rng_state())
    assert all(p.grad is None for p in one.parameters())


def test_looking_in_pieces_is_looking(monkeypatch):
    whole = evaluate(model(), Counting())
    monkeypatch.setattr(loss, "AT_ONCE", 3 * CONTEXT)  # 64 rows in pieces of 3
    pieces = evaluate(model(), Counting())
    assert pieces.nats_per_token == pytest.approx(whole.nats_per_token, rel=1e-6)
    assert pieces.tokens == whole.tokens
