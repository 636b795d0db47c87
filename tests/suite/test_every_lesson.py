"""Every lesson there is, run seven times: the same seed gives the same claims, every bound holds for seeds 0 to 4, and
what the runs leave behind is whole.

    python -m pytest -m long tests/suite/test_every_lesson.py -k 02_attention        one lesson at a time
"""

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from labkit.suite import runner
from labkit.suite.baselines import ACCEPTABLE
from labkit.suite.pages import LIMIT, PLOTLY
from labkit.suite.planning import plan_run
from labkit.suite.reports import write_reports

LESSONS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
pytestmark = [pytest.mark.long, pytest.mark.notebooks, pytest.mark.weights, pytest.mark.timeout(3600),
              pytest.mark.divided("runs")]  # fmt: skip

AGAIN = "abc"
SEEDS = 5


@pytest.fixture(scope="module", params=LESSONS, ids=lambda path: path.stem)
def runs(request, tmp_path_factory):
    """(lesson, folder, subfolder → outcome): three runs of the lesson's own seed and one of each seed 0 to 4, FAST."""
    plan = plan_run([request.param], parameters={}, fast=True, seeds=SEEDS)
    once = plan_run([request.param], parameters={}, fast=True)
    plan = [replace(one, subfolder=name) for one in once for name in AGAIN] + plan
    folder = runner.new_folder(tmp_path_factory.mktemp(request.param.stem) / "run")
    result = runner.run(plan, folder=folder)
    result.write(folder)
    write_reports(result, folder)
    return request.param, folder, {one.subfolder: outcome for one, outcome in zip(plan, result.outcomes, strict=True)}


def test_three_runs_of_one_seed_give_the_same_claims_bit_for_bit(runs):
    """But for those of time or of rounding, which declare a tolerance."""
    lesson, _, outcomes = runs
    same = [outcomes[name] for name in AGAIN]
    assert [broken(outcome) for outcome in same] == [[]] * len(AGAIN)
    values = [{claim.name: claim.value for claim in outcome.claims if claim.tolerance is None} for outcome in same]
    assert values[0] == values[1] == values[2]
    assert len(values[0]) >= 5, f"{lesson.stem} claims too little to be compared"


def test_every_bound_holds_for_seeds_0_to_4(runs):
    lesson, _, outcomes = runs
    found = {seed: broken(outcomes[f"seed-{seed}"]) for seed in range(SEEDS)}
    assert not any(found.values()), (lesson.stem, found)


def broken(outcome):
    """Its problems but for those of the baseline, which `labkit run` judges."""
    return [(one.kind, one.message) for one in outcome.problems if one.kind not in ACCEPTABLE]


def test_the_page_of_the_run_is_whole_and_below_3_mb(runs):
    lesson, folder, _ = runs
    page, figures = (folder / "pages" / f"{lesson.stem}{end}" for end in (".html", ".figures.js"))
    assert page.stat().st_size + figures.stat().st_size <= LIMIT < 3_000_000
    assert "left out here: an output of" not in page.read_text()


def test_each_explorer_left_a_picture_and_each_picture_has_words(runs):
    lesson, folder, outcomes = runs
    book = nbformat.read(folder / outcomes["a"].executed, as_version=4)
    explored = [cell for cell in book.cells if cell.cell_type == "code" and "lab.explore(" in cell.source]
    assert explored, lesson.stem
    for cell in explored:
        assert len(pictures(cell)) >= 2, f"the line of its state and a picture: {cell.source}"
    for cell in book.cells:
        for data in pictures(cell) if cell.cell_type == "code" else ():
            assert data.get("text/plain", "").strip() or PLOTLY not in data, cell.source


def pictures(cell):
    """The data of each thing that a cell displayed."""
    return [output.data for output in cell.outputs if "data" in output]
