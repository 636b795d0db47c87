"""What a loss is worth: at its limits, in its units, and with the right target at each place."""

from math import log

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from labkit.core.errors import TrainingError
from labkit.text.batches import IGNORED, Batch
from labkit.training import evaluate, loss
from labkit.training.loss import on_device
from labkit.training.objectives import token_nats
from tests.training.tiny import CONTEXT, VOCAB, Counting, model


def test_targets_are_the_same_text_one_later():
    ids = np.arange(12).reshape(2, 6)
    rows = Batch(ids).rows()
    assert rows.inputs["input_ids"].tolist() == [[0, 1, 2, 3, 4], [6, 7, 8, 9, 10]]
    assert rows.targets.tolist() == [[1, 2, 3, 4, 5], [7, 8, 9, 10, 11]]
    masked = Batch(ids, np.array([[True] * 5, [False] * 5])).rows()
    assert masked.targets.tolist() == [[1, 2, 3, 4, 5], [IGNORED] * 5]


def test_being_right_one_place_early_or_late_is_being_wrong():
    """Three that are sure of the token 0, 1 and 2 places on, in a text that counts up."""
    rows = on_device(Counting().batch(0, batch=4, context=CONTEXT), torch.device("cpu"))
    losses = [
        token_nats(lambda told, ahead=ahead: one_hot((told["input_ids"] + ahead) % VOCAB, VOCAB) * 50.0, rows).mean()
        for ahead in (0, 1, 2)
    ]
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
