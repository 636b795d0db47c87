"""Calibration: one for the reference machine, more on a slower one, measured in a moment."""

import pytest

from labkit.suite.calibration import REFERENCE_LOOP_SECONDS, REFERENCE_MATMUL_SECONDS, calibrate, judge


@pytest.mark.parametrize("factor", [0.8, 1.0, 3.0])
def test_slowness_is_how_much_longer_both_take(factor):
    judged = judge(factor * REFERENCE_MATMUL_SECONDS, factor * REFERENCE_LOOP_SECONDS)
    assert judged.slowness == pytest.approx(factor)


def test_slowness_keeps_within_reason():
    assert judge(1e-9, 1e-9).slowness == 0.5
    assert judge(1e3, 1e3).slowness == 20


def test_this_machine_can_be_calibrated():
    measured = calibrate()
    assert measured == judge(measured.matmul_seconds, measured.loop_seconds)
    assert measured.matmul_seconds > 0 and measured.loop_seconds > 0


def test_a_slowed_loop_is_seen(monkeypatch):
    from labkit.suite import calibration

    monkeypatch.setattr(calibration, "_TRIES", 2)
    honest, loop = calibrate(), calibration._loop
    monkeypatch.setattr(calibration, "_loop", lambda: [loop() for _ in range(8)])
    assert calibrate().loop_seconds > 3 * honest.loop_seconds
