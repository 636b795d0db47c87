"""Intervals: they hold the truth as often as they say, groups are drawn whole, and scipy is the oracle."""

import numpy as np
import pytest
from scipy.stats import binomtest, false_discovery_control, ttest_rel

from labkit.core.errors import OptionError, ShapeError
from labkit.evaluation import Measure, bootstrap, difference, discoveries, p_value, wilson
from labkit.evaluation.intervals import resamples
from labkit.evaluation.scoring import both_kinds


def mean(x):
    return x.mean(-1)


def people(seed, count=40, each=6):
    """Marks of `count` people, `each` of them alike: half of the spread lies between people. Truth: 0."""
    rng = np.random.default_rng((seed, count))  # another stream than that of the draws
    marks = rng.normal(size=(count, 1)) + rng.normal(size=(count, each))
    return marks.ravel(), np.repeat(np.arange(count), each)


def coverage(of, times=1000):
    """Share of simulations whose interval holds 0."""
    found = (of(seed) for seed in range(times))
    return np.mean([m.low <= 0 <= m.high for m in found])


@pytest.mark.parametrize("count", [8, 40])
def test_with_groups_the_interval_holds_the_truth_and_without_them_it_does_not(count):
    def whole(seed):
        marks, names = people(seed, count)
        return bootstrap(mean, marks, groups=names, seed=seed)

    def apart(seed):
        return bootstrap(mean, people(seed, count)[0], seed=seed)

    assert 0.93 <= coverage(whole) <= 0.97
    assert coverage(apart, 300) < 0.8


def test_the_interval_of_separate_items_holds_the_truth():
    assert 0.93 <= coverage(lambda n: bootstrap(mean, people(n, 60, 1)[0], seed=n)) <= 0.97


def test_groups_of_one_are_no_groups():
    _, names = people(0, 50, 1)
    assert np.array_equal(resamples(50, seed=3, draws=20), resamples(50, groups=names, seed=3, draws=20))


def test_a_draw_holds_whole_groups_of_any_size():
    names = ["a"] * 3 + ["b"] + ["c"] * 2 + ["a"]
    size = {"a": 4, "b": 1, "c": 2}
    for row in resamples(7, groups=names, draws=50):
        drawn = np.array(names)[row]
        assert all((drawn == name).sum() % many == 0 for name, many in size.items())
        assert sum((drawn == name).sum() // many for name, many in size.items()) == 3


def test_a_statistic_for_one_draw_at_a_time_gives_the_same():
    marks, _ = people(1)
    assert bootstrap(np.mean, marks) == bootstrap(mean, marks)
    assert bootstrap(lambda x: sorted(x)[3], marks, draws=50).low <= sorted(marks)[3]


@pytest.mark.parametrize("groups", [None, list("abcabccbaab")])
def test_draws_that_are_refused_are_drawn_again(groups):
    wrong = np.array([True] + [False] * 10)
    drawn = resamples(11, groups=groups, draws=300, keep=lambda rows: both_kinds(wrong[rows]))
    assert all(both_kinds(wrong[row]) for row in drawn)


def test_a_sample_without_spread_has_an_interval_without_width():
    assert bootstrap(mean, np.full(9, 2.0)) == Measure(2.0, 2.0, 2.0)
    assert difference([1, 2, 3], [1, 2, 3]) == Measure(0.0, 0.0, 0.0)


def test_pairs_make_a_small_difference_visible():
    rng = np.random.default_rng(0)
    before = rng.normal(size=80)
    after = before + 0.2 + 0.1 * rng.normal(size=80)
    found = difference(after, before)
    assert found.low > 0 and found.high - found.low < 0.1
    assert p_value(after, before) < 0.001


def test_the_p_value_is_close_to_students_and_counts_people_not_answers():
    a, b = np.random.default_rng(4).normal(size=(2, 60))
    a += 0.3
    assert p_value(a, b) == pytest.approx(ttest_rel(a, b).pvalue, abs=0.02)
    alone = [p_value(m, np.zeros(len(m)), draws=200) for m, _ in map(people, range(100))]
    whole = [p_value(m, np.zeros(len(m)), groups=g, draws=200) for m, g in map(people, range(100))]
    assert np.mean(np.array(whole) <= 0.05) <= 0.12 < np.mean(np.array(alone) <= 0.05)


def test_discoveries_are_those_of_scipy_and_few_of_them_are_chance():
    p = np.random.default_rng(0).uniform(size=40) ** 2
    assert np.array_equal(discoveries(p, at=0.1), false_discovery_control(p) <= 0.1)
    assert discoveries([]).tolist() == []
    assert discoveries([0.04]).tolist() == [True]
    assert discoveries([0.04, 0.9]).tolist() == [False, False]
    rng = np.random.default_rng(1)
    nothing = [discoveries(rng.uniform(size=30)).any() for _ in range(1000)]
    assert np.mean(nothing) == pytest.approx(0.05, abs=0.02)


def test_wilsons_interval_is_that_of_scipy_and_stays_within_0_and_1():
    low, high = wilson(np.array([0.0, 0.3, 1.0]), np.array([10, 10, 10]), z=1.959964)
    for k, a, b in zip((0, 3, 10), low, high, strict=True):
        oracle = binomtest(k, 10).proportion_ci(method="wilson")
        assert (a, b) == pytest.approx((oracle.low, oracle.high), abs=1e-6)


@pytest.mark.parametrize(
    "call, error, says",
    [
        (lambda: bootstrap(mean, []), ShapeError, "one value for each item"),
        (lambda: bootstrap(mean, [1, 2], [1, 2, 3]), ShapeError, r"\(2,\), \(3,\)"),
        (lambda: bootstrap(mean, [1, 2, 3], groups=["a", "b"]), ShapeError, "2,.* groups were given for 3 items"),
        (lambda: bootstrap(mean, [1, 2, 3], groups=["a", "b", "b"]), OptionError, "2 groups cannot stand for others"),
        (lambda: discoveries([0.1, np.nan]), OptionError, "must lie between 0 and 1"),
    ],
)
def test_what_cannot_be_judged_is_said_with_its_numbers(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_a_measure_reads_as_a_number_and_its_interval():
    assert str(Measure(0.871, 0.8, 0.936)) == "0.87 [0.80, 0.94]"
    assert str(Measure(-0.001, -0.0, 0.004)) == "0.00 [0.00, 0.00]"  # nothing is less than nothing
