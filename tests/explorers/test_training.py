"""The explorer of training: trains when told to, keeps what it trained beside it, compares with runs on disk."""

import pytest

import labkit
from labkit.core.results import Curves, Table
from labkit.explorers.training import CORPORA, KEPT, MODELS
from labkit.explorers.working import Progress
from labkit.lessons.exploring import explore
from labkit.text import world
from labkit.training import begin, plan

TINY = {"corpus": "copy", "layers": 1, "batch": 4, "steps": 20}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path / "runs"))


def test_the_first_state_is_a_run_with_its_curve_and_its_row():
    curves, table = explore("training", **TINY).results()
    assert isinstance(curves, Curves)
    assert [c.name for c in curves.curves] == ["training", "validation"]
    assert len(curves.curves[0].x) == 20
    assert table["run"] == ["nano transformer, 1 layers, copy, rate 0.02, batch 4, 20 steps"]
    assert "▸" in table["writes after ▸"][0]


def test_a_moved_control_waits_for_the_button_and_then_both_are_shown():
    explorer = explore("training", **TINY)
    explorer.results()
    _, waiting = explorer.set(lr=0.05).results()
    assert waiting["writes after ▸"][1] == "not trained yet: press Train"
    curves, table = explorer.set(train=2).results()
    assert len(table) == 2
    assert None not in table["validation loss (nats)"]
    assert len(curves.curves) == 4
    assert curves.curves[1].y[-1] != curves.curves[3].y[-1]


def test_before_the_button_is_pressed_there_is_no_run():
    (table,) = explore("training", **TINY, train=0).results()
    assert isinstance(table, Table)
    assert table["writes after ▸"] == ["not trained yet: press Train"]


def test_the_curve_grows_while_it_trains():
    parts = list(explore("training", **TINY).parts())
    assert isinstance(parts[0], Progress), "what it does is said before there is a curve"
    seen = [part[0].curves[0].x[-1] for part in parts if isinstance(part, list)]
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] == 20


def test_a_run_that_its_minutes_end_writes_too(monkeypatch):
    monkeypatch.setattr("labkit.explorers.training.MOST_MINUTES", 0.001)
    curves, table = explore("training", **{**TINY, "steps": 600}).results()
    assert len(curves.curves[0].x) < 600
    assert "▸" in table["writes after ▸"][0]


def test_the_same_state_gives_the_same_losses():
    one, two = (explore("training", **TINY).results()[0].curves[0].y for _ in range(2))
    assert list(one) == list(two)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("corpus", [name for name in CORPORA if name != "sotu"])
def test_every_model_trains_and_writes_on_every_world(model, corpus):
    curves, table = explore("training", **{**TINY, "corpus": corpus, "model": model, "lr": 0.005}).results()
    assert len(curves.curves[0].y) == 20
    assert curves.curves[0].y.std() > 0
    assert table["writes after ▸"][0].partition("▸")[2].strip()


def test_a_world_of_ones_own_comes_first():
    explorer = explore("training", world("repeated", vocabulary=5, length=4), **{**TINY, "corpus": "repeated"})
    assert explorer.controls[2].options[0] == "repeated"
    assert explorer.results()[1]["run"][0].startswith("nano transformer, 1 layers, repeated")


def test_runs_on_disk_can_be_laid_beside():
    _, going = begin(plan("nano", corpus="copy", layers=1, batch=4, steps=5), name="old")
    list(going)
    curves, _ = explore("training", **TINY, compare=("old",)).results()
    assert {c.name.split(":")[0] for c in curves.curves} == {
        "runs/old",
        "nano transformer, 1 layers, copy, rate 0.02, batch 4, 20 steps",
    }


def test_the_copied_call_is_one_that_can_be_made():
    explorer = explore("training", **TINY, model="LSTM", train=0)
    assert eval(explorer.as_call(), {"lab": labkit}).state == explorer.state


def test_only_the_newest_runs_are_kept():
    explorer = explore("training", **TINY)
    for press in range(1, KEPT + 3):
        _, table = explorer.set(train=press, batch=4 + press).results()
    assert len(table) == KEPT
