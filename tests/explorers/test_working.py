"""A panel at work in a kernel's loop: stops, interrupts and newer values come between the parts of a drawing."""

import asyncio
import os
import signal

import numpy as np
import pytest

from labkit.core.results import Bars
from labkit.explorers import live
from labkit.explorers.controls import Slider
from labkit.explorers.panel import Explorer
from labkit.explorers.working import Progress

PARTS = 200


def slow(done: list) -> Explorer:
    """An explorer that takes some time, in steps; it notes each step."""

    def draw(top: int):
        for part in range(1, PARTS + 1):
            done.append((top, part))
            yield Progress(part, PARTS)
            if part == PARTS // 2:
                yield [Bars(("half",), np.ones(1))]
        yield [Bars(("whole",), np.array([float(top)]))]

    return Explorer("slow", (Slider("top", 1, 1, 9, label="Top"),), draw)


def play(act, *, seconds: float = 0.2) -> tuple[live.Panel, list, list]:
    """Move a slow explorer's slider in a loop, do `act(panel)` once it draws; (panel, its steps, what it said)."""
    done, said = [], []

    async def go() -> live.Panel:
        panel = live.Panel(slow(done))
        panel.line.observe(lambda change: said.append(change["new"]), "said")
        panel.widgets["top"].value = 2
        while not done:
            await asyncio.sleep(0.005)
        act(panel)
        await asyncio.sleep(seconds)
        return panel

    return asyncio.run(go()), done, said


@pytest.fixture(autouse=True)
def every_part_is_told(monkeypatch):
    monkeypatch.setattr(live, "BETWEEN", 0)
    monkeypatch.setattr(live, "WAIT", 0.02)


def test_progress_comes_before_the_result():
    panel, _, said = play(lambda panel: None, seconds=PARTS * 0.011 + 3)
    assert said[0] == "working …" and said[1] == f"working: step 1 of {PARTS}"
    assert panel.line.state == panel.line.said == ""
    assert "whole" in panel.picture.outputs[0]["data"]["text/plain"]


@pytest.mark.parametrize("stop", [
    lambda panel: panel.stop(),
    lambda panel: os.kill(os.getpid(), signal.SIGINT),
    lambda panel: panel.line._handle_custom_msg("stop", []),
], ids=["call", "interrupt", "button"])  # fmt: skip
def test_nothing_is_computed_after_a_stop_and_the_old_picture_is_dimmed(stop):
    before = signal.getsignal(signal.SIGINT)
    panel, done, _ = play(stop)
    assert len(done) < PARTS // 2
    assert (panel.line.state, panel.line.said) == ("stopped", live.STOPPED)
    assert panel.picture.outputs == ()
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_in_the_midst_of_a_step_ends_it():
    reached = []

    def draw(top: int) -> list:
        reached.append("begun")
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("not interrupted")
        return [Bars(("a",), np.ones(1))]

    async def go() -> live.Panel:
        panel = live.Panel(Explorer("one", (Slider("top", 1, 1, 9),), draw))
        panel.widgets["top"].value = 2
        await asyncio.sleep(0.3)
        return panel

    panel = asyncio.run(go())
    assert reached == ["begun"]
    assert panel.line.state == "stopped"


def test_a_newer_value_ends_the_drawing_of_the_older_one():
    def move(panel: live.Panel) -> None:
        panel.widgets["top"].value = 7

    panel, done, _ = play(move, seconds=PARTS * 0.011 + 3)
    assert sum(top == 2 for top, _ in done) < PARTS // 2
    assert [part for top, part in done if top == 7] == list(range(1, PARTS + 1))
    assert panel.explorer.state["top"] == 7


def test_an_interrupt_in_a_cell_leaves_a_sentence():
    def draw(top: int) -> list:
        raise KeyboardInterrupt

    panel = live.Panel(Explorer("one", (Slider("top", 1, 1, 9),), draw))
    panel.update()
    assert panel.line.said == live.STOPPED
