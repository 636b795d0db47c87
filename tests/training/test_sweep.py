"""A sweep: what was trained is read, a kill costs the run it hit, and what diverges is named."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from math import isnan
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from labkit.core.errors import OptionError, TrainingError
from labkit.text import Repeat, dataset, world
from labkit.training import TrainConfig, plan, sweep, sweep_table

ROOT = Path(__file__).resolve().parents[2]
DATA = world("repeated", vocabulary=8, length=8)
ASKED = {"corpus": DATA, "layers": 1, "heads": 2, "d_ff": 16, "batch": 4, "precision": "float32", "device": "cpu"}


def planned(*widths: int, steps: int = 6, **changes):
    return [plan("nano", d_model=width, steps=steps, **{**ASKED, **changes}) for width in widths]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))
    return tmp_path


def test_each_run_is_counted_and_the_table_tells_it():
    runs = list(sweep(planned(8, 16), name="sizes"))
    assert [run.name for run in runs] == ["d_model 8", "d_model 16"]
    for run, width in zip(runs, (8, 16), strict=True):
        assert run.table == DATA.vocab_size * width
        assert run.parameters > run.table
        assert run.tokens == 6 * 4 * DATA.context
        assert run.operations == 6 * run.parameters * run.tokens
        assert 0 < run.error < run.loss < 2 * np.log(DATA.vocab_size)
    assert [row[0] for row in sweep_table(runs).rows] == ["d_model 8", "d_model 16"]


def test_a_second_sweep_trains_nothing_and_a_new_plan_only_itself(monkeypatch):
    import importlib

    from labkit.training import sweep as _  # noqa: F401  # the module below

    module = importlib.import_module("labkit.training.sweep")
    first = list(sweep(planned(8, 16), name="sizes"))
    trained = []
    monkeypatch.setattr(module, "train", lambda one, name, real=module.train: trained.append(name) or real(one, name))
    again = list(sweep(planned(8, 16, 24), name="sizes"))
    assert trained == ["d_model 24"]
    assert again[:2] == first
    assert list(sweep(planned(8, seed=1), name="sizes")) != first[:1]


def test_a_run_that_diverges_is_named_and_the_others_end():
    plans = [*planned(8), *planned(8, lr=3e3, optimizer="adamw", clip=0, steps=60)]
    good, bad = sorted(sweep(plans, name="rates"), key=lambda run: bool(run.said))
    assert good.loss > 0 and not good.said
    assert isnan(bad.loss) and "learning rate" in bad.said
    assert "diverged" in {row[5] for row in sweep_table([good, bad]).rows}
    assert isnan(next(run.loss for run in sweep(plans, name="rates") if run.said))


@pytest.fixture
def text(tmp_path):
    """Words in a row, as tokens."""
    draw = np.random.default_rng(0)
    (tmp_path / "words.txt").write_text(" ".join(draw.choice(["one", "two", "three", "four"], 4000)))
    return dataset(tmp_path / "words.txt")


def test_processes_of_an_executor_give_the_same_losses(text):
    plans = planned(8, 16, corpus=text, context=16)
    here = {run.name: run.loss for run in sweep(plans, name="here")}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = {run.name: run.loss for run in sweep(plans, name="there", executor=pool)}
    assert there == here


def test_what_an_executor_loses_is_said_and_the_others_are_kept(text, place):
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        pytest.raises(TrainingError, match=r"lost .*pickle"),
    ):
        list(sweep([*planned(8, corpus=text, context=16), *planned(8)], name="lost", executor=pool))
    assert len(list((place / "sweeps" / "lost").glob("*.json"))) == 1


KILLED = """
import os, sys
sys.path.insert(0, {root!r})
from tests.training.test_sweep import planned
from labkit.training import sweep
for run in sweep(planned(8, 16, 24, steps=40), name="killed"):
    print(run.name, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system ends processes in another way")
def test_after_a_kill_the_sweep_goes_on_with_the_rest(place):
    env = os.environ | {"LABKIT_RUNS": str(place)}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED.format(root=str(ROOT))], stdout=subprocess.PIPE, text=True, env=env
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("d_model 8")
    process.kill()
    process.wait()
    left = [json.loads(path.read_text()) for path in (place / "sweeps" / "killed").glob("*.json")]
    assert 1 <= len(left) <= 2
    began = time.time()
    runs = list(sweep(planned(8, 16, 24, steps=40), name="killed"))
    assert sorted(run.name for run in runs) == ["d_model 16", "d_model 24", "d_model 8"]
    old = [path for path in (place / "sweeps" / "killed").glob("*.json") if path.stat().st_mtime < began]
    assert len(old) == len(left)


@pytest.mark.parametrize(
    "plans, name, says",
    [
        (lambda: planned(8, minutes=1), "x", "no other end"),
        (
            lambda: [replace(one, config=TrainConfig(minutes=1)) for one in planned(8)],
            "x",
            "steps=",
        ),
        (lambda: planned(8), "../x", "cannot name a sweep"),
        (lambda: planned(8), "", "cannot name a sweep"),
    ],
)
def test_what_cannot_be_compared_is_refused(plans, name, says):
    with pytest.raises(OptionError, match=says):
        list(sweep(plans(), name=name))


def test_repeated_data_come_again_after_so_many_batches_and_the_validation_is_left_alone(text):
    data = pickle.loads(pickle.dumps(Repeat(text, 3)))
    asked = {"batch": 4, "context": 16}
    first, fourth, second = (data.batch(at, **asked).rows() for at in (0, 3, 1))
    assert np.array_equal(first.targets, fourth.targets) and not np.array_equal(first.targets, second.targets)
    for at in (0, 3):
        same = data.batch(at, split="validation", **asked).rows().targets
        assert np.array_equal(same, text.batch(at, split="validation", **asked).rows().targets)
    assert data.vocab_size == text.vocab_size
