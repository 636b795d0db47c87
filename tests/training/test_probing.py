"""The probe measures, decides by what it measured, and leaves no trace."""

import pytest
import torch

from labkit.training import TrainConfig, probing
from labkit.training.probing import choose, probe
from tests.training.tiny import Counting, model

CONFIG = TrainConfig(steps=5, precision="auto")


def test_it_leaves_no_trace():
    one, other = model(), model()
    kept = torch.get_rng_state()
    found = probe(one, Counting(), CONFIG, batches=(2, 4))
    assert all(torch.equal(a, b) and a.grad is None for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert torch.equal(kept, torch.get_rng_state())
    assert found.config.batch in (2, 4) and found.config.precision in ("float32", "bfloat16")
    assert found.config.steps == 5 and len(found.table) == 3


@pytest.mark.parametrize("faster", ["float32", "bfloat16"])
def test_the_faster_number_type_and_the_batch_that_pays_are_taken(faster, monkeypatch):
    rates = {8: 50.0, 16: 85.0, 32: 100.0}
    monkeypatch.setattr(probing, "speed", lambda m, d, c: rates[c.batch] * (2 if c.precision == faster else 1))
    found = probe(model(), Counting(), CONFIG, batches=(8, 16, 32))
    assert (found.config.precision, found.config.batch) == (faster, 16)


def test_a_larger_batch_must_earn_its_place():
    assert choose({8: 100, 16: 101, 32: 102}) == 8
    assert choose({8: 10, 16: 20, 32: 40}) == 32
