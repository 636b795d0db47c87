"""Baselines: a planted drift, a removed claim, a new one and a slowed notebook are each caught; noise is not; and on
another kind of machine than the baseline's only bounds decide."""

import json
from dataclasses import replace

import pytest

from labkit.core.devices import Kind
from labkit.core.errors import NotebookError
from labkit.suite.baselines import Accepted, Baseline, accept, check_claims, compare, read_baseline
from labkit.suite.calibration import Calibration
from labkit.suite.outcomes import Outcome, Problem
from labkit.suite.records import ClaimRecord

RATE = ClaimRecord("topic/rate", 0.5, "at_least", 0.1, True)
COUNT = ClaimRecord("topic/count", 12, "equals", 12, True)
NAME = ClaimRecord("topic/name", " Paris", "equals", " Paris", True)
KIND = Kind("AVX512", "cpu", 1, "2.13.0").as_dict()
OTHER = Kind("AVX2", "cpu", 1, "2.13.0").as_dict()
MEASURED = Outcome(
    "01_topic.ipynb", "fast", seconds=30, peak_memory=10**9, claims=(RATE, COUNT, NAME), kind=KIND
)  # fmt: skip


@pytest.fixture
def notebook(tmp_path):
    (tmp_path / "baselines").mkdir()
    return tmp_path / "01_topic.ipynb"


@pytest.fixture
def baseline(notebook):
    accept([MEASURED], notebook)
    return read_baseline(notebook, "fast")


def slowed(before, after=None):
    """MEASURED on a machine of such slowness before and after."""
    speeds = {"before": Calibration(slowness=before), "after": Calibration(slowness=after or before)}
    return replace(MEASURED, **speeds)


def seeds(*values):
    """One run for each value of the rate."""
    return [replace(with_value(RATE, value), parameters={"SEED": seed}) for seed, value in enumerate(values)]


def kinds(outcome):
    return [problem.kind for problem in outcome.problems]


def with_value(claim, value):
    others = tuple(other for other in MEASURED.claims if other.name != claim.name)
    return replace(MEASURED, claims=(*others, replace(claim, value=value)))


def test_a_run_with_the_lessons_own_parameters_judges_every_claim():
    left_out = replace(MEASURED, claims=(RATE, replace(COUNT, holds=None)))
    assert check_claims(left_out).passed
    (problem,) = check_claims(left_out, own=True).problems
    assert problem.kind == "claim" and problem.message.startswith("topic/count is not judged")
    assert check_claims(MEASURED, own=True).passed


def test_what_was_accepted_passes(baseline):
    compared = compare(MEASURED, baseline)
    assert compared.passed and [claim.accepted for claim in compared.claims] == [0.5, 12, " Paris"]


@pytest.mark.parametrize(
    "claim, value, caught",
    [(RATE, 0.55, True), (RATE, 0.45, True), (RATE, 0.504, False), (RATE, 0.506, True), (COUNT, 13, True),
     (NAME, " Rome", True), (RATE, None, True)],
)  # fmt: skip
def test_a_drift_beyond_its_tolerance_is_caught(baseline, claim, value, caught):
    assert kinds(compare(with_value(claim, value), baseline)) == ["drift"] * caught


def test_a_claim_s_own_tolerance_counts(baseline):
    wide = replace(MEASURED, claims=(replace(RATE, value=0.6, tolerance=0.11), COUNT, NAME))
    assert compare(wide, baseline).passed
    narrow = replace(MEASURED, claims=(replace(RATE, value=0.6, tolerance=0.09), COUNT, NAME))
    assert kinds(compare(narrow, baseline)) == ["drift"]


def test_a_removed_claim_and_a_new_one_are_caught(baseline):
    assert kinds(compare(replace(MEASURED, claims=(RATE, COUNT)), baseline)) == ["missing"]
    more = replace(MEASURED, claims=(*MEASURED.claims, replace(RATE, name="topic/more")))
    assert kinds(compare(more, baseline)) == ["new"]


def test_claims_after_an_error_are_not_called_missing(baseline):
    broken = replace(MEASURED, claims=(RATE,)).with_problems(Problem("error", "boom", 3))
    assert kinds(compare(broken, baseline)) == ["error"]


def test_a_notebook_that_nobody_accepted_fails_with_the_way_out():
    (problem,) = compare(MEASURED, None).problems
    assert problem.kind == "new" and "--accept" in problem.message


def test_a_slowed_notebook_is_caught_on_a_slow_machine_and_on_a_fast_one(baseline):
    slow, fast = slowed(3.0), slowed(0.5)
    assert compare(replace(MEASURED, seconds=75), baseline).passed
    assert kinds(compare(replace(MEASURED, seconds=85), baseline)) == ["slow"]
    assert compare(replace(slow, seconds=85), baseline).passed
    assert kinds(compare(replace(fast, seconds=45), baseline)) == ["slow"]


def test_seconds_are_judged_by_the_mean_of_both_calibrations_and_a_change_is_told(baseline):
    (problem,) = compare(replace(slowed(1, 3), seconds=200), baseline).problems
    assert problem.kind == "slow" and "this machine became 3.0 x slower while it ran" in problem.message
    assert compare(replace(slowed(1, 3), seconds=110), baseline).passed


def test_seconds_are_stored_as_the_reference_machine_s(notebook):
    accept([slowed(2.0)], notebook)
    assert read_baseline(notebook, "fast").seconds == 15


def test_on_another_kind_what_moved_is_listed_and_does_not_fail(baseline):
    for kind in (OTHER, None):
        moved = compare(replace(with_value(RATE, 0.6), kind=kind), baseline)
        assert moved.passed and moved.moved == ("topic/rate",) and moved.accepted_kind == KIND
        strict = compare(replace(with_value(RATE, 0.6), kind=kind), baseline, strict=True)
        assert kinds(strict) == ["drift"] and strict.moved == ()
    assert compare(replace(MEASURED, kind=OTHER), baseline).moved == ()


def test_on_another_kind_bounds_decide_and_claims_must_be_the_same(baseline):
    elsewhere = replace(with_value(replace(RATE, holds=False), 0.05), kind=OTHER)
    assert kinds(compare(check_claims(elsewhere), baseline)) == ["claim"]
    gone = replace(MEASURED, claims=(RATE, COUNT, replace(NAME, name="topic/other")), kind=OTHER)
    assert kinds(compare(gone, baseline)) == ["new", "missing"]


def test_a_baseline_holds_each_claim_s_range_over_the_seeds(notebook):
    accept(seeds(0.5, 0.45, 0.52, 0.5, 0.48), notebook)
    kept = json.loads((notebook.parent / "baselines" / "01_topic.json").read_text())["profiles"]["fast"]
    assert kept["claims"]["topic/rate"] == {"value": 0.5, "least": 0.45, "most": 0.52}
    assert kept["claims"]["topic/count"] == {"value": 12, "least": 12, "most": 12}
    assert kept["claims"]["topic/name"] == {"value": " Paris"}
    assert (kept["seeds"], kept["kind"]) == (5, KIND)
    baseline = read_baseline(notebook, "fast")
    assert compare(with_value(RATE, 0.56), baseline).passed  # within 0.07, the scatter of the seeds
    assert kinds(compare(with_value(RATE, 0.58), baseline)) == ["drift"]


def test_seconds_of_a_baseline_are_the_seeds_median_and_memory_their_most(notebook):
    times = [replace(MEASURED, seconds=took, peak_memory=took * 10**7) for took in (30, 90, 20, 40, 33)]
    accept(times, notebook)
    baseline = read_baseline(notebook, "fast")
    assert (baseline.seconds, baseline.peak_memory) == (33, 900_000_000)


def test_a_machine_that_became_slower_accepts_nothing(notebook):
    with pytest.raises(NotebookError, match=r"became 1\.6 x slower while it ran; run it again when nothing else runs"):
        accept([slowed(1, 1.6)], notebook)
    with pytest.raises(NotebookError, match="slower"):
        accept([MEASURED, slowed(1, 1.6), slowed(1, 1.6), slowed(1, 1.6), MEASURED], notebook)
    assert not (notebook.parent / "baselines" / "01_topic.json").exists()


def test_a_neighbour_that_came_and_went_leaves_the_median_of_the_steady_seeds(notebook):
    accept([MEASURED, replace(slowed(1, 1.6), seconds=99), MEASURED], notebook)
    assert read_baseline(notebook, "fast").seconds == 30


def test_a_seed_that_fails_is_named_and_nothing_is_accepted(notebook):
    runs = seeds(0.5, 0.5)
    runs[1] = runs[1].with_problems(Problem("claim", "topic/rate is 0.05, must be ≥ 0.1"))
    with pytest.raises(NotebookError, match=r"seed 1 cannot be accepted: topic/rate is 0\.05"):
        accept(runs, notebook)


def test_a_baseline_of_bare_values_is_still_read_and_of_no_known_kind(notebook):
    entry = {"claims": {"topic/rate": 0.5, "topic/count": 12, "topic/name": " Paris"}, "seconds": 30, "peak_memory": 1}
    (notebook.parent / "baselines" / "01_topic.json").write_text(json.dumps({"profiles": {"fast": entry}}))
    baseline = read_baseline(notebook, "fast")
    assert baseline.claims["topic/rate"] == Accepted(0.5) and baseline.kind is None
    moved = compare(with_value(RATE, 0.52), baseline)
    assert moved.passed and moved.moved == ("topic/rate",)


def test_rounding_noise_far_below_its_bound_does_not_drift():
    noise = ClaimRecord("topic/error", 3e-7, "at_most", 1e-3, True, accepted=5e-7)
    assert not noise.drifted
    assert replace(noise, value=0.9e-3, accepted=0.5e-3).drifted


def test_each_profile_keeps_its_own_values(notebook, baseline):
    accept([replace(MEASURED, profile="full", claims=(COUNT,))], notebook)
    assert read_baseline(notebook, "fast") == baseline
    assert read_baseline(notebook, "full").claims == {"topic/count": Accepted(12, 12, 12)}


def test_accepting_settles_what_moved_but_hides_no_failure(notebook, baseline):
    moved = compare(with_value(RATE, 0.9), baseline)
    assert accept([moved], notebook).passed
    assert read_baseline(notebook, "fast").claims["topic/rate"].value == 0.9
    with pytest.raises(NotebookError, match="cannot be accepted: boom"):
        accept([moved.with_problems(Problem("error", "boom"))], notebook)


def test_a_bound_that_does_not_hold_fails_without_any_baseline():
    failed = check_claims(replace(MEASURED, claims=(replace(RATE, value=0.05, holds=False),)))
    assert kinds(failed) == ["claim"] and "0.05, must be ≥ 0.1" in failed.problems[0].message


def test_one_name_for_two_values_fails():
    assert kinds(check_claims(replace(MEASURED, claims=(RATE, replace(RATE, value=0.6))))) == ["twice"]
    assert check_claims(replace(MEASURED, claims=(RATE, RATE))).passed


@pytest.mark.parametrize("text", ["{", "[]", '{"profiles": {"fast": {"claims": {}}}}',
                                  '{"profiles": {"fast": {"claims": {"a": {"valeu": 1}}}}}'])  # fmt: skip
def test_a_damaged_baseline_is_named_with_the_remedy(notebook, text):
    (notebook.parent / "baselines" / "01_topic.json").write_text(text)
    with pytest.raises(NotebookError, match=r"01_topic\.json is damaged.*--accept"):
        read_baseline(notebook, "fast")


def test_a_baseline_is_small_and_sorted_so_that_its_changes_can_be_read(notebook, baseline):
    text = (notebook.parent / "baselines" / "01_topic.json").read_text()
    names = list(json.loads(text)["profiles"]["fast"]["claims"])
    assert names == sorted(names) and text.endswith("}\n")
    assert isinstance(baseline, Baseline)
