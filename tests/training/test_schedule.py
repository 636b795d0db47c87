"""The learning rate's shape, for runs that end by steps, by time, or when they are good enough."""

from itertools import pairwise

import pytest

from labkit.training.schedule import SLOWEST, approach, factor, progress


def test_it_rises_stays_and_falls_to_nothing():
    shape = [factor(p, warmup=0.1, decay=0.4) for p in (0, 0.05, 0.1, 0.4, 0.6, 0.8, 1)]
    assert shape == pytest.approx([0, 0.5, 1, 1, 1, 0.5, 0])


@pytest.mark.parametrize("warmup, decay", [(0, 0), (0.5, 0.5), (0, 1), (1, 0)])
def test_it_never_leaves_0_to_1_and_has_no_jumps(warmup, decay):
    values = [factor(i / 1000, warmup=warmup, decay=decay) for i in range(1001)]
    assert all(0 <= v <= 1 for v in values)
    jumps = [abs(a - b) for a, b in pairwise(values)]
    assert max(jumps) < 0.01


def test_no_step_is_wasted_at_rate_0():
    rates = [factor(progress(step, 0, steps=5, minutes=None), warmup=0.2, decay=0.8) for step in range(5)]
    assert min(rates) > 0.05
    assert progress(4, 0, steps=5, minutes=None) < 1


def test_what_ends_the_run_first_counts():
    assert progress(1, 30, steps=100, minutes=1) == 0.5
    assert progress(79.5, 30, steps=100, minutes=1) == pytest.approx(0.8)
    assert progress(10**6, 10**6, steps=None, minutes=None) == 0.5


def test_near_its_goal_a_run_goes_slower_but_never_stands():
    rates = [approach(loss, 1.5) for loss in (9.0, 1.9, 1.7, 1.6, 1.5001, 1.4)]
    assert rates == sorted(rates, reverse=True) and rates[0] == 1 and rates[-1] == SLOWEST > 0
    assert approach(None, 1.5) == approach(2.0, None) == 1
