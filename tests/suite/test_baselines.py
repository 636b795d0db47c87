"""Baselines: a planted drift, a removed claim, a new one and a slowed notebook are each caught; noise is not."""

import json
from dataclasses import replace

import pytest

from labkit.core.errors import NotebookError
from labkit.suite.baselines import Baseline, accept, check_claims, compare, read_baseline
from labkit.suite.outcomes import Calibration, ClaimRecord, Outcome, Problem

RATE = ClaimRecord("topic/rate", 0.5, "at_least", 0.1, True)
COUNT = ClaimRecord("topic/count", 12, "equals", 12, True)
NAME = ClaimRecord("topic/name", " Paris", "equals", " Paris", True)
MEASURED = Outcome("01_topic.ipynb", "fast", seconds=30, peak_memory=10**9, claims=(RATE, COUNT, NAME))
HERE = Calibration()


@pytest.fixture
def notebook(tmp_path):
    (tmp_path / "baselines").mkdir()
    return tmp_path / "01_topic.ipynb"


@pytest.fixture
def baseline(notebook):
    accept(MEASURED, notebook, HERE)
    return read_baseline(notebook, "fast")


def kinds(outcome):
    return [problem.kind for problem in outcome.problems]


def with_value(claim, value):
    others = tuple(other for other in MEASURED.claims if other.name != claim.name)
    return replace(MEASURED, claims=(*others, replace(claim, value=value)))


def test_what_was_accepted_passes(baseline):
    compared = compare(MEASURED, baseline, HERE)
    assert compared.passed and [claim.accepted for claim in compared.claims] == [0.5, 12, " Paris"]


@pytest.mark.parametrize(
    "claim, value, caught",
    [(RATE, 0.55, True), (RATE, 0.45, True), (RATE, 0.504, False), (RATE, 0.506, True), (COUNT, 13, True),
     (NAME, " Rome", True), (RATE, None, True)],
)  # fmt: skip
def test_a_drift_beyond_its_tolerance_is_caught(baseline, claim, value, caught):
    assert kinds(compare(with_value(claim, value), baseline, HERE)) == ["drift"] * caught


def test_a_claim_s_own_tolerance_counts(baseline):
    wide = replace(MEASURED, claims=(replace(RATE, value=0.6, tolerance=0.11), COUNT, NAME))
    assert compare(wide, baseline, HERE).passed
    narrow = replace(MEASURED, claims=(replace(RATE, value=0.6, tolerance=0.09), COUNT, NAME))
    assert kinds(compare(narrow, baseline, HERE)) == ["drift"]


def test_a_removed_claim_and_a_new_one_are_caught(baseline):
    assert kinds(compare(replace(MEASURED, claims=(RATE, COUNT)), baseline, HERE)) == ["missing"]
    more = replace(MEASURED, claims=(*MEASURED.claims, replace(RATE, name="topic/more")))
    assert kinds(compare(more, baseline, HERE)) == ["new"]


def test_claims_after_an_error_are_not_called_missing(baseline):
    broken = replace(MEASURED, claims=(RATE,)).with_problems(Problem("error", "boom", 3))
    assert kinds(compare(broken, baseline, HERE)) == ["error"]


def test_a_notebook_that_nobody_accepted_fails_with_the_way_out():
    (problem,) = compare(MEASURED, None, HERE).problems
    assert problem.kind == "new" and "--accept" in problem.message


def test_a_slowed_notebook_is_caught_on_a_slow_machine_and_on_a_fast_one(baseline):
    slow, fast = Calibration(slowness=3.0), Calibration(slowness=0.5)
    assert compare(replace(MEASURED, seconds=75), baseline, HERE).passed
    assert kinds(compare(replace(MEASURED, seconds=85), baseline, HERE)) == ["slow"]
    assert compare(replace(MEASURED, seconds=85), baseline, slow).passed
    assert kinds(compare(replace(MEASURED, seconds=45), baseline, fast)) == ["slow"]


def test_seconds_are_stored_as_the_reference_machine_s(notebook):
    accept(MEASURED, notebook, Calibration(slowness=2.0))
    assert read_baseline(notebook, "fast").seconds == 15


def test_rounding_noise_far_below_its_bound_does_not_drift():
    noise = ClaimRecord("topic/error", 3e-7, "at_most", 1e-3, True, accepted=5e-7)
    assert not noise.drifted
    assert replace(noise, value=0.9e-3, accepted=0.5e-3).drifted


def test_each_profile_keeps_its_own_values(notebook, baseline):
    accept(replace(MEASURED, profile="full", claims=(COUNT,)), notebook, HERE)
    assert read_baseline(notebook, "fast") == baseline
    assert read_baseline(notebook, "full").claims == {"topic/count": 12}


def test_accepting_settles_what_moved_but_hides_no_failure(notebook, baseline):
    moved = compare(with_value(RATE, 0.9), baseline, HERE)
    assert accept(moved, notebook, HERE).passed
    assert read_baseline(notebook, "fast").claims["topic/rate"] == 0.9
    with pytest.raises(NotebookError, match="cannot be accepted: boom"):
        accept(moved.with_problems(Problem("error", "boom")), notebook, HERE)


def test_a_bound_that_does_not_hold_fails_without_any_baseline():
    failed = check_claims(replace(MEASURED, claims=(replace(RATE, value=0.05, holds=False),)))
    assert kinds(failed) == ["claim"] and "0.05, must be ≥ 0.1" in failed.problems[0].message


def test_one_name_for_two_values_fails():
    assert kinds(check_claims(replace(MEASURED, claims=(RATE, replace(RATE, value=0.6))))) == ["twice"]
    assert check_claims(replace(MEASURED, claims=(RATE, RATE))).passed


@pytest.mark.parametrize("text", ["{", "[]", '{"profiles": {"fast": {"claims": {}}}}'])
def test_a_damaged_baseline_is_named_with_the_remedy(notebook, text):
    (notebook.parent / "baselines" / "01_topic.json").write_text(text)
    with pytest.raises(NotebookError, match=r"01_topic\.json is damaged.*--accept"):
        read_baseline(notebook, "fast")


def test_a_baseline_is_small_and_sorted_so_that_its_changes_can_be_read(notebook, baseline):
    text = (notebook.parent / "baselines" / "01_topic.json").read_text()
    names = list(json.loads(text)["profiles"]["fast"]["claims"])
    assert names == sorted(names) and text.endswith("}\n")
    assert isinstance(baseline, Baseline)
