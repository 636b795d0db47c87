"""Supervision: a budget is scaled by the speed of the process that keeps it, and a change of speed is told."""

from labkit.suite import supervision
from labkit.suite.calibration import Calibration
from labkit.suite.planning import Job
from labkit.suite.supervision import SLACK, execute


def test_a_budget_is_scaled_here_and_a_machine_that_became_slower_is_named(tmp_path, make_notebook, monkeypatch):
    speeds = iter([Calibration(slowness=0.5), Calibration(slowness=2.0)])
    monkeypatch.setattr(supervision, "calibrate", lambda: next(speeds))
    path = make_notebook(tmp_path / "a.ipynb", "import time\ntime.sleep(60)")
    outcome = execute(Job(path, folder=tmp_path / "run", minutes=16 / 60 / SLACK))
    assert outcome.budget_seconds == 8 and (outcome.before.slowness, outcome.after.slowness) == (0.5, 2.0)
    (problem,) = outcome.problems
    assert problem.kind == "time" and "stopped after 8 s" in problem.message
    assert problem.message.endswith("this machine became 4.0 x slower while it ran")
