"""A world that is learned in seconds, by a model that is trained in less; runs lie in the test's own folder."""

import pytest

from labkit.text import world
from labkit.training import plan

DATA = world("repeated", vocabulary=6, length=4)
TINY = {"layers": 1, "heads": 2, "d_model": 16, "batch": 4, "validate_every": 4}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def tiny(**more):
    return plan("nano", corpus=DATA, **{**TINY, "steps": 12, **more})
