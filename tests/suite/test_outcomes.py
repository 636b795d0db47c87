"""results.json: what is written is what is read, and strangers are refused."""

import os
from dataclasses import replace

import pytest

from labkit.core.errors import NotebookError
from labkit.suite.calibration import Calibration
from labkit.suite.outcomes import Outcome, Problem, SuiteResult
from labkit.suite.records import ClaimRecord, counted, show_value

CLAIM = ClaimRecord("topic/α", 0.5, "within", [0.1, 0.9], True, says="<b>half</b>", cell=3, accepted=0.4)
OUTCOME = Outcome(
    "notebooks/01_tokenization.ipynb", "fast", "failed", 12.5, 10**9, (CLAIM,),
    (Problem("error", "ValueError: no", 4, "2 · why", ("line one", "line two")),), "01_tokenization.ipynb",
    kind={"processor": "AVX2"}, parameters={"SEED": 1}, moved=("topic/α",),
    before=Calibration(0.1, 0.2, 0.3, 1.0), after=Calibration(0.1, 0.2, 0.3, 2.0),
)  # fmt: skip
RESULT = SuiteResult((OUTCOME,), "fast", 1, versions={"torch": "2"})


def test_claims_that_were_only_measured_are_counted_apart():
    states = {"good": True, "bad": False, "seen": None}
    good, bad, seen = (replace(CLAIM, name=name, holds=holds) for name, holds in states.items())
    assert counted([good] * 14 + [seen] * 12) == "all 14 hold, 12 measured"
    assert counted([good] * 3 + [bad, seen]) == "3 of 4 hold, 1 measured"
    assert counted([bad]) == "0 of 1 hold"
    assert counted([seen]) == "1 measured" and counted([]) == ""


def test_what_is_written_is_what_is_read(tmp_path):
    RESULT.write(tmp_path)
    assert SuiteResult.read(tmp_path) == RESULT
    assert SuiteResult.read(tmp_path / "results.json") == RESULT


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"outcomes": 3}', '{"outcomes": [{}], "calibration": {}}'])
def test_a_file_that_is_no_result_is_refused_with_its_name(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(NotebookError, match=r"results\.json"):
        SuiteResult.read(tmp_path)


def test_a_folder_without_results_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(NotebookError, match="folder of a run"):
        SuiteResult.read(tmp_path)


def test_the_newest_run_can_be_named_without_its_time(tmp_path):
    for seconds, name in enumerate(("2026-01-02", "2026-01-01")):
        (tmp_path / name).mkdir()
        os.utime(SuiteResult(seed=seconds).write(tmp_path / name), (seconds, seconds))
    assert SuiteResult.read(tmp_path / "latest").seed == 1
    with pytest.raises(NotebookError, match="does not exist"):
        SuiteResult.read(tmp_path / "nowhere" / "latest")


def test_fields_of_a_newer_version_do_not_stop_an_older_reader(tmp_path):
    path = RESULT.write(tmp_path)
    path.write_text(path.read_text().replace('"profile"', '"new_field": 1, "profile"'))
    assert SuiteResult.read(tmp_path) == RESULT


def test_one_problem_makes_a_passed_notebook_fail():
    passed = replace(OUTCOME, verdict="passed", problems=())
    assert passed.passed and not passed.with_problems(Problem("drift", "moved")).passed
    assert replace(OUTCOME, verdict="stopped").with_problems(Problem("stopped", "")).verdict == "stopped"


def test_moved_is_in_the_value_s_unit_and_absent_without_numbers():
    assert CLAIM.moved == pytest.approx(0.1)
    assert replace(CLAIM, accepted=None).moved is None
    assert replace(CLAIM, value="a", accepted="b").moved is None
    assert replace(CLAIM, value=0, accepted=0).moved == 0


@pytest.mark.parametrize(
    "change, allowed",
    [
        ({}, 0.004),  # a hundredth of the accepted value
        ({"least": 0.3, "most": 0.45}, 0.15),
        ({"least": 0.4, "most": 0.4}, 0.004),
        ({"least": 0.3, "most": 0.45, "tolerance": 0.02}, 0.02),
        ({"value": 3, "accepted": 4, "least": 1, "most": 9}, None),
        ({"value": 3, "accepted": 4, "tolerance": 2.0}, 2),
        ({"value": "a", "accepted": "b"}, None),
        ({"value": True, "accepted": False}, None),
    ],
)
def test_the_seeds_scatter_is_the_tolerance_of_a_measure(change, allowed):
    assert replace(CLAIM, **change).allowed == (None if allowed is None else pytest.approx(allowed))


@pytest.mark.parametrize(
    "value, shown",
    [
        (12345, "12,345"),
        (0.123456, "0.1235"),
        (123456.7, "123,457"),
        ("x", "x"),
        (True, "True"),
        (None, "not a number"),
    ],
)
def test_values_are_printed_counts_exactly_and_measures_to_four_figures(value, shown):
    assert show_value(value) == shown


def test_slowness_is_the_mean_of_before_and_after_and_a_run_s_the_middle_of_its_notebooks():
    assert (OUTCOME.slowness, RESULT.slowness, SuiteResult().slowness) == (1.5, 1.5, 1.0)


def test_a_kind_reads_well_and_one_of_another_version_still_reads():
    kind = {"processor": "AVX2", "device": "cpu", "threads": 1, "torch": "2.13.0"}
    assert replace(OUTCOME, kind=kind).machine == "AVX2, cpu, 1 thread, torch 2.13.0"
    assert (OUTCOME.machine, replace(OUTCOME, kind=None).machine) == ("AVX2", "")


def test_the_ratio_compares_wall_time_with_the_notebooks_added_up():
    assert replace(RESULT, wall_seconds=6.25).ratio == pytest.approx(0.5)
    assert SuiteResult().ratio is None
