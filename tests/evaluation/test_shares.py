"""Shares: each in its interval, each kind and label at its place."""

import numpy as np
import pytest

from labkit.core.errors import OptionError
from labkit.evaluation import share_bars, share_curve


def test_each_share_lies_in_its_interval():
    half, none = np.arange(20) < 10, np.zeros(20, bool)
    bars = share_bars({"a": {"right": half, "wrong": ~half}, "b": {"right": none, "wrong": ~none}}, "?")
    assert bars.labels == ("a", "b") and bars.values.tolist() == [[0.5, 0.0], [0.5, 1.0]]
    assert bars.low is not None and bars.high is not None
    assert (bars.low <= bars.values).all() and (bars.values <= bars.high).all()
    assert bars.high[0, 1] > 0.1, "none of twenty is not never"
    curve = share_curve("right", {1: half, 8: none})
    assert curve.x.tolist() == [1, 8] and curve.y.tolist() == [0.5, 0.0]


def test_labels_of_different_numbers_name_them_and_an_empty_one_goes():
    bars = share_bars({"a": [True], "b": [True, False], "none": []}, "?")
    assert bars.labels == ("a (1)", "b (2)") and bars.values.tolist() == [1.0, 0.5]
    whole = share_bars({"a": [True] * 8}, "?", groups={"a": [1, 1, 1, 1, 2, 2, 2, 2]})
    assert whole.low is not None and whole.low[0] == share_bars({"a": [True, True]}, "?").low[0]  # pyright: ignore
    assert share_curve("x", {1: [True] * 4}, groups={1: [0, 0, 1, 1]}).low[0] == whole.low[0]  # pyright: ignore
    with pytest.raises(OptionError, match="no marks"):
        share_bars({"none": []}, "?")
