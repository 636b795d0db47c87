"""Every lesson there is: the same seed gives the same claims, and every bound holds for seeds 0 to 4."""

from pathlib import Path

import pytest

from labkit.suite import runner
from labkit.suite.planning import plan_run

LESSONS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
pytestmark = [pytest.mark.long, pytest.mark.notebooks, pytest.mark.weights]

LOOSE = 1.0
"""A claim that declares so much drift is of time or of rounding; it need not be the same bit for bit."""


def run(folder, **options):
    plan = plan_run(LESSONS, parameters={}, fast=True, **options)
    return runner.run(plan, folder=runner.new_folder(folder))


@pytest.mark.timeout(3600)
def test_three_runs_of_one_seed_give_the_same_claims_bit_for_bit(tmp_path):
    runs = [run(tmp_path / name) for name in "abc"]
    assert all(result.passed for result in runs), [o.problems for result in runs for o in result.outcomes if o.problems]
    values = [
        {claim.name: claim.value for outcome in result.outcomes for claim in outcome.claims if claim.drift < LOOSE}
        for result in runs
    ]
    assert values[0] == values[1] == values[2] and len(values[0]) > 10 * len(LESSONS) / 2


@pytest.mark.timeout(3600)
def test_every_bound_holds_for_seeds_0_to_4(tmp_path):
    result = run(tmp_path, seeds=5)
    assert len(result.outcomes) == 5 * len(LESSONS)
    broken = [
        (outcome.topic, outcome.parameters["SEED"], problem.message)
        for outcome in result.outcomes
        for problem in outcome.problems
    ]
    assert broken == []
