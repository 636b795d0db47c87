"""Calibration: one for the reference machine, more on a slower one, measured in a moment; a change of speed is seen."""

import pytest

from labkit.suite import calibration
from labkit.suite.calibration import REFERENCE, Calibration, calibrate, disagreement, judge


@pytest.mark.parametrize("factor", [0.8, 1.0, 3.0])
def test_slowness_is_how_much_longer_all_three_take(factor):
    assert judge(*(factor * seconds for seconds in REFERENCE.values())).slowness == pytest.approx(factor)


@pytest.mark.parametrize("slowed", REFERENCE)
def test_each_piece_of_work_counts_the_same(slowed):
    seconds = (8 * took if name == slowed else took for name, took in REFERENCE.items())
    assert judge(*seconds).slowness == pytest.approx(2)


def test_slowness_keeps_within_reason():
    assert judge(1e-9, 1e-9, 1e-9).slowness == 0.5
    assert judge(1e3, 1e3, 1e3).slowness == 20


def test_this_machine_can_be_calibrated():
    measured = calibrate()
    assert measured == judge(measured.small, measured.large, measured.memory)
    assert min(measured.small, measured.large, measured.memory) > 0


def test_a_slowed_piece_of_work_is_seen(monkeypatch):
    monkeypatch.setattr(calibration, "_TRIES", 2)
    honest, read = calibrate(), calibration._memory
    monkeypatch.setattr(calibration, "_memory", lambda np: lambda: [read(np)() for _ in range(8)])
    assert calibrate().memory > 3 * honest.memory


@pytest.mark.parametrize(
    "before, after, said",
    [(1, 1.24, ""), (1.24, 1, ""), (1, 1.6, "became 1.6 x slower while it ran"), (3, 1.5, "became 2.0 x faster")],
)
def test_a_machine_whose_speed_changed_by_more_than_a_quarter_is_told(before, after, said):
    told = disagreement(Calibration(slowness=before), Calibration(slowness=after))
    assert said in told and bool(told) == bool(said)
