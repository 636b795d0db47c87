"""Runs: what is on disk recreates, continues and shows them, whatever happened to the process."""

import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

import labkit as lab
from labkit.core.errors import OptionError, RunExistsError, TrainingError
from labkit.text import world
from labkit.training import Record, add_sample, all_runs, begin, compare_runs, open_run, plan, runs
from labkit.training.recording import KEPT, alone
from labkit.training.runs import HISTORY, thinned

from .conftest import DATA, TINY, tiny


def done(name="one", go_on=False, until=None, **more):
    run, going = begin(tiny(**more), name=name, go_on=go_on)
    for step in going:
        if step.index == until:
            going.close()
            break
    return run


def numbers(run):
    """Everything of the history but the clock."""
    return [(r.index, r.loss, r.lr, r.grad_norm, r.tokens, r.validation) for r in run.steps]


def weights(run, step=None):
    return [p.numpy().copy() for p in run.load(step).model.parameters()]


def test_a_run_leaves_its_history_its_checkpoints_and_what_recreates_it(place):
    run = done()
    assert [r.index for r in run.steps] == list(range(1, 13))
    assert run.checkpoints[0] == 0
    assert run.checkpoints[-1] == 12
    assert run.steps[-1].validation == run.loss
    about = run.config
    assert about["data"] == {"name": "repeated", "hash": DATA.hash, "world": "repeated", "sizes": DATA.sizes}
    again, going = begin(
        plan(about["preset"], corpus=DATA, seed=about["seed"], **about["changes"], **{
            k: v for k, v in about["config"].items() if k not in ("seed", "context")}), name="two")  # fmt: skip
    list(going)
    assert numbers(again) == numbers(run)
    assert repr(run).startswith("Run('one': nano on repeated, 12 steps")


def test_each_checkpoint_is_a_language_model_and_the_run_opens_at_its_newest():
    run = done()
    lm = lab.load("runs/one")
    assert lm.name == "runs/one"
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(weights(run), lm.model.parameters(), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(weights(run, 0), weights(run), strict=True))
    assert run.load(0).name == "one at step 0"
    with pytest.raises(OptionError, match="the nearest is of step 12"):
        run.load(1000)


def test_only_the_newest_checkpoint_holds_an_optimizer():
    run = done()
    held = [step for step in run.checkpoints if (run.checkpoint(step) / "training.safetensors").exists()]
    assert held == [12]


def test_a_long_run_keeps_a_few_checkpoints_evenly_spaced():
    run = done(minutes=5, until_loss=0.001, steps=None, until=KEPT * 10 + 25)
    assert KEPT / 2 <= len(run.checkpoints) <= KEPT + 1
    assert set(np.diff(run.checkpoints[:-1])) == {20}
    assert run.checkpoints[-1] == KEPT * 10 + 25


@pytest.mark.parametrize("until", [1, 5, 11])
def test_stopped_and_continued_is_never_stopped_bit_for_bit(until):
    whole, parts = done("whole"), done("parts", until=until)
    assert parts.checkpoints[-1] == until
    parts = done("parts", go_on=True)
    assert numbers(parts) == numbers(whole)
    assert all(np.array_equal(a, b) for a, b in zip(weights(parts), weights(whole), strict=True))


KILLED = """
from labkit.text import world
from labkit.training import begin, plan
data = world("repeated", vocabulary=6, length=4)
options = dict(layers=1, heads=2, d_model=16, batch=4, validate_every=4, steps=40)
run, going = begin(plan("nano", corpus=data, **options), name="killed", go_on=True)
for step in going:
    print(step.index, flush=True)
"""


def test_killed_at_a_random_moment_and_continued_is_never_killed():
    """The moment falls anywhere: within a step, while a line or a checkpoint is written, between two."""
    whole = done("whole", steps=40)
    at, late = random.SystemRandom().randint(1, 30), random.SystemRandom().random() / 50
    with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE) as child:
        while int(child.stdout.readline()) != at:
            pass
        time.sleep(late)
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL, "it must be killed before its end"
    killed = open_run("killed")
    moment = f"killed {late:.4f} s after step {at}, checkpoints {killed.checkpoints}"
    assert killed.steps[-1].index >= at, moment
    killed = done("killed", go_on=True, steps=40)
    assert numbers(killed) == numbers(whole), moment
    assert all(np.array_equal(a, b) for a, b in zip(weights(killed), weights(whole), strict=True)), moment


def test_a_line_that_was_cut_off_counts_as_not_written():
    run = done()
    with (run.folder / HISTORY).open("ab") as file:
        file.write(b'{"index": 13, "lo')
    assert len(run.steps) == 12


def test_a_finished_run_can_be_made_longer():
    run = done()
    longer = done(go_on=True, steps=16)
    assert [r.index for r in longer.steps] == list(range(1, 17))
    assert open_run("one").config["config"]["steps"] == 16
    assert numbers(longer)[:12] == numbers(run)[:12]


def test_a_name_that_exists_is_refused_and_nothing_changes():
    run = done()
    before = numbers(run), run.checkpoints
    with pytest.raises(RunExistsError, match="resume=True"):
        done()
    assert (numbers(run), run.checkpoints) == before


def test_without_a_name_a_run_gets_the_next_free_number():
    names = [begin(tiny())[0].name for _ in range(3)]
    assert names == ["nano-repeated-1", "nano-repeated-2", "nano-repeated-3"]


@pytest.mark.parametrize(
    "more, says",
    [
        ({"lr": 0.5}, "lr was 0.015 and is now 0.5"),
        ({"layers": 2}, "layers was 1 and is now 2"),
        ({"seed": 1}, "seed was 0"),
    ],
)
def test_a_run_does_not_go_on_with_other_options(more, says):
    done()
    with pytest.raises(TrainingError, match=says):
        done(go_on=True, steps=20, **more)


def test_a_run_does_not_go_on_with_other_text():
    done()
    with pytest.raises(TrainingError, match="other text"):
        begin(plan("nano", corpus=world("repeated", vocabulary=7, length=4), **TINY, steps=20), name="one", go_on=True)


def test_two_loops_cannot_train_one_run():
    run = done(until=3)
    with alone(run), pytest.raises(TrainingError, match="trained elsewhere"):
        done(go_on=True)


def test_a_loss_that_is_no_number_stops_the_run_and_the_weights_on_disk_are_good():
    run, going = begin(tiny(), name="one")
    with pytest.raises(TrainingError, match="not a number"):
        for step in going:
            if step.index == 5:
                with torch.no_grad():
                    step.state.model.lm_head.weight.fill_(float("nan"))
    assert run.steps[-1].index == 5
    assert run.checkpoints[-1] <= 5
    assert all(np.isfinite(p).all() for p in weights(run))


def test_runs_are_listed_and_a_mistyped_name_offers_the_nearest():
    done("first")
    done("second", until=3)
    assert [run.name for run in all_runs()] == ["first", "second"]
    table = runs()
    assert table["run"] == ["first", "second"]
    assert table["steps"] == [12, 3]
    with pytest.raises(TrainingError, match="did you mean 'first'"):
        open_run("runs/frist")
    assert open_run("runs/first").folder == open_run("first").folder


def test_curves_show_both_losses_and_several_runs():
    one, two = done("one"), done("two", seed=1)
    curves = one.curves()
    assert [c.name for c in curves.curves] == ["training", "validation"]
    assert list(curves.curves[1].x) == [4, 8, 12]
    assert curves.y_label == "loss (nats per token)"
    assert [c.name for c in compare_runs(one, two, x="tokens").curves] == [
        "one: training", "one: validation", "two: training", "two: validation"]  # fmt: skip
    assert [c.name for c in one.curves("lr").curves] == ["one"]
    with pytest.raises(OptionError, match="no axis"):
        one.curves("speed")


def test_a_long_line_is_thinned_to_means_of_neighbours():
    x, y = thinned(np.arange(1000.0), np.arange(1000.0), most=100)
    assert len(x) == 100
    assert y[0] == np.arange(10).mean()
    assert np.array_equal(thinned(np.arange(5.0), np.ones(5))[0], np.arange(5.0))


def test_samples_and_a_record_come_back_as_they_were():
    run = done()
    add_sample(run, 12, 'odd\n"text" <script> 日本 \x1b')
    assert run.samples.rows == ((12, 'odd\n"text" <script> 日本 \x1b'),)
    assert run.steps[0] == Record(**json.loads((run.folder / HISTORY).read_text().splitlines()[0]))
