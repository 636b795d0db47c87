"""The probe measures, decides by what it measured, leaves no trace, and is asked once."""

import pytest
import torch

from labkit.training import TrainConfig, begin, plan, probing
from labkit.training.probing import probe, settled
from tests.training.tiny import Counting, model

CONFIG = TrainConfig(minutes=1, batch=8)
OPEN = ("precision", "batch", "compile")


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path / "runs"))


def rated(monkeypatch, rates):
    """Speeds by (number type, batch, compiled) instead of measured ones; what was asked is kept."""
    asked = []

    def speed(model, data, config):
        asked.append((config.precision, config.batch, config.compile))
        return rates(*asked[-1])

    monkeypatch.setattr(probing, "speed", speed)
    monkeypatch.setattr(probing, "quick_type", lambda device: "bfloat16")
    return asked


@pytest.mark.parametrize("quick, rows", [("float32", 0), ("bfloat16", 2)])
def test_it_leaves_no_trace(quick, rows, monkeypatch):
    monkeypatch.setattr(probing, "quick_type", lambda device: quick)
    one, other = model(), model()
    kept = torch.get_rng_state()
    found = probe(one, Counting(), CONFIG, ("precision",))
    assert all(torch.equal(a, b) and a.grad is None for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert torch.equal(kept, torch.get_rng_state())
    assert found.config.batch == 8 and found.config.precision in ("auto", "float32", quick)
    assert found.config.minutes == 1 and len(found.table) == rows
    assert found.line.startswith("measured (tokens/s): " + "float32, batch 8: " * (rows > 0))


@pytest.mark.parametrize("short, chosen", [(0.5, "float32"), (1.05, "float32"), (2, "bfloat16")])
def test_bfloat16_is_taken_where_it_pays(short, chosen, monkeypatch):
    rated(monkeypatch, lambda precision, *_: 100.0 * (short if precision == "bfloat16" else 1))
    assert probe(model(), Counting(), CONFIG, ("precision",)).config.precision == chosen


def test_a_larger_batch_must_earn_its_place(monkeypatch):
    rates = {8: 100.0, 16: 180.0, 32: 300.0, 64: 320.0}
    asked = rated(monkeypatch, lambda _, batch, __: rates[batch])
    assert probe(model(), Counting(), CONFIG, ("batch",)).config.batch == 32
    assert [batch for _, batch, _ in asked] == [8, 16, 32, 64]


def test_a_batch_for_which_there_is_no_room_is_not_taken(monkeypatch):
    def rates(_, batch, __):
        if batch > 16:
            raise torch.OutOfMemoryError("no room")
        return 100.0 * batch

    rated(monkeypatch, rates)
    assert probe(model(), Counting(), CONFIG, ("batch",)).config.batch == 16


@pytest.mark.parametrize("gain, chosen", [(0.9, False), (1.5, True), (None, False)])
def test_compiling_is_taken_where_it_works_and_gains(gain, chosen, monkeypatch):
    def rates(_, __, compiled):
        if compiled and gain is None:
            raise RuntimeError("no C++ compiler")
        return 100.0 * (gain if compiled else 1)

    rated(monkeypatch, rates)
    assert probe(model(), Counting(), CONFIG, ("compile",)).config.compile is chosen


def test_it_is_measured_once(monkeypatch):
    asked = rated(monkeypatch, lambda precision, *_: 200.0 if precision == "bfloat16" else 100.0)
    first = settled(model(), Counting(), CONFIG, OPEN)
    assert first[0].precision == "bfloat16" and "bfloat16, batch 8: 200" in first[1] and len(asked) == 4
    assert settled(model(), Counting(), TrainConfig(until_loss=1, batch=8), OPEN)[0].precision == "bfloat16"
    assert settled(model(), Counting(), CONFIG, OPEN) == first and len(asked) == 4
    settled(model(hidden_size=32), Counting(), CONFIG, OPEN)
    assert len(asked) == 8


def test_nothing_is_measured_where_numbers_must_repeat_or_nothing_is_open(monkeypatch):
    asked = rated(monkeypatch, lambda *_: 1.0)
    for config, left_open in (
        (TrainConfig(steps=5), OPEN),
        (TrainConfig(steps=5, minutes=1), OPEN),
        (CONFIG, ("batch",)),
    ):
        assert settled(model(), Counting(), config, left_open) == (config, "")
    assert not asked


def test_a_long_run_tries_to_compile(monkeypatch):
    asked = rated(monkeypatch, lambda *_: 1.0)
    settled(model(), Counting(), TrainConfig(minutes=60, batch=8), OPEN)
    assert [compiled for *_, compiled in asked[4:]] == [False, True]


def test_a_run_goes_on_with_what_was_chosen_when_it_began(monkeypatch):
    from labkit.text import world

    def planned(minutes):
        sizes = {"layers": 1, "heads": 2, "d_model": 16}
        return plan("nano", corpus=world("repeated", vocabulary=6, length=4), minutes=minutes, **sizes)

    rated(monkeypatch, lambda precision, *_: 200.0 if precision == "bfloat16" else 100.0)
    run, going = begin(planned(0.001), name="one")
    list(going)
    assert run.config["config"]["precision"] == "bfloat16" and "bfloat16" in run.config["measured"]
    rated(monkeypatch, lambda *_: pytest.fail("measured a second time"))
    again, going = begin(planned(0.002), name="one", go_on=True)
    assert next(going).state.config.precision == "bfloat16"
    going.close()
    assert again.config["measured"] == run.config["measured"]
