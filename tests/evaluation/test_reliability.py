"""Reliability: what is stated honestly has no error, and a temperature that was applied is found."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from labkit.core.errors import OptionError, ShapeError
from labkit.evaluation import calibration, fit_temperature, reliability, scaled
from labkit.evaluation.reliability import ece


def honest(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.02, 0.98, n)
    return rng.uniform(size=n) >= confidence, confidence


def test_honest_confidence_has_nearly_no_error():
    wrong, confidence = honest()
    found = calibration(wrong, confidence)
    assert found.ece.value < 0.03
    assert found.brier.value == pytest.approx(brier_score_loss(~wrong, confidence))
    assert found.count.sum() == 4000


@pytest.mark.parametrize("claimed, expected", [(1.0, 0.5), (0.5, 0.0), (0.0, 0.5)])
def test_calibration_error_at_its_limits(claimed, expected):
    assert ece(np.array([True, False] * 10), np.full(20, claimed), bins=1) == pytest.approx(expected)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 3.0])
def test_a_temperature_that_was_applied_is_found(temperature):
    wrong, confidence = honest()
    bent = scaled(confidence, 1 / temperature)  # sharper by the temperature
    found, shift = fit_temperature(wrong, bent)
    assert found == pytest.approx(temperature, rel=0.1) and shift == 0
    assert calibration(wrong, scaled(bent, found)).ece.value < 0.03


def test_a_shift_that_was_applied_is_found():
    wrong, confidence = honest()
    found = fit_temperature(wrong, scaled(confidence, 1, -1.5), shift=True)
    assert found == pytest.approx((1, 1.5), abs=0.15)


def test_scaling_keeps_the_order():
    p = np.linspace(0, 1, 11)
    assert (np.diff(scaled(p, 2.5)) > 0).all()
    np.testing.assert_allclose(scaled(p[1:-1], 1.0), p[1:-1])


def test_curves_can_be_shown():
    from labkit.views import figure

    wrong, confidence = honest(200)
    assert len(figure(reliability(before=calibration(wrong, confidence))).data) >= 2


def test_one_class_alone_is_calibrated_but_not_fitted():
    assert calibration([True] * 5, [0.0] * 5).ece.value == 0
    with pytest.raises(OptionError, match="all 5 answers are wrong"):
        fit_temperature([True] * 5, [0.5] * 5)


def test_what_is_no_confidence_is_refused():
    with pytest.raises(OptionError, match=r"must lie in \[0, 1\]"):
        calibration([True, False], [0.2, 1.2])
    with pytest.raises(ShapeError, match="give one of each"):
        calibration([True, False], [0.2])
    with pytest.raises(OptionError, match="no answer"):
        calibration([], [])


def test_the_interval_of_the_ece_holds_it_with_groups_too():
    rng = np.random.default_rng(1)
    for _ in range(20):
        sure = rng.random(60)
        wrong = rng.random(60) > sure
        for groups in (None, np.repeat(np.arange(20), 3)):
            found = calibration(wrong, sure, bins=5, groups=groups).ece
            assert 0 <= found.low <= found.value <= found.high
