"""Explorers in the hand: keys stay in the panel, hostile texts stay texts, it is there at once, and it can be stopped.

Each kind of control once in a tiny explorer; every explorer of the lessons in `make test-long`.
"""

import shutil
from pathlib import Path

import pytest

from labkit.lessons.exploring import kinds

from .driving import CUT, PLOTS, driven, faults_by_keys, rests, said
from .jupyter import Lesson

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]

SLOW = """
import time
import numpy as np
from labkit.core.results import Bars
from labkit.explorers.controls import Slider
from labkit.explorers.panel import Explorer
from labkit.explorers.working import Progress

DONE = []
def draw(top):
    for step in range(top):
        time.sleep(0.2)
        DONE.append((top, step))
        yield Progress(step + 1, top)
    yield [Bars(("a",), np.array([float(top)]))]

Explorer("Slow", (Slider("top", 4, 1, 500, label="Top"),), draw)
"""


def test_each_kind_of_control_keeps_its_keys_and_takes_hostile_texts(desk):
    shutil.copy(Path(__file__).parents[1] / "explorers" / "letters.py", desk.server.folder / "letters.py")
    with desk.opened(desk.written("kinds", "import letters\nletters.build()", "below = 1")) as lesson:
        lesson.run_all(seconds=120)
        assert driven(lesson) == []


@pytest.mark.long
@pytest.mark.weights
@pytest.mark.parametrize("kind", kinds())
def test_every_explorer_takes_the_whole_list(desk, kind):
    cell = f"import labkit as lab\nlab.begin('00_start_here')\nlab.explore({kind!r})"
    with desk.opened(desk.written(kind, cell, "below = 1")) as lesson:
        lesson.run_all(seconds=600)
        assert driven(lesson) == []


FIGURES = """
import numpy as np
import labkit as lab
from labkit.core.results import Bars, Curve, Curves, Points

title, names = "What comes after each of the words that were said, and how often it does", ("one name", "another name")
line = np.arange(30.0)
lab.show(Bars(("a", "b"), np.ones((2, 2)), groups=names, title=title))
lab.show(Curves(tuple(Curve(f"curve of {name}", line, line, points_only=True) for name in names), "x", "y", title))
lab.show(Points(line, line, tuple("x" * 30), groups=names * 15, title=title))
"""


def test_titles_and_legends_of_figures_fit_a_narrow_window(desk):
    with desk.opened(desk.written("figures", FIGURES), width=533) as lesson:
        lesson.run_all(seconds=120)
        assert lesson.page.locator(".js-plotly-plot .gtitle").count() == 3
        assert lesson.page.evaluate(PLOTS) == []


def test_keys_that_reach_the_notebook_and_what_is_cut_are_seen(desk):
    """The guards can fail: a picture wider than the panel; without the attribute, `d d` deletes the panel's cell."""
    shutil.copy(Path(__file__).parents[1] / "explorers" / "letters.py", desk.server.folder / "letters.py")
    with desk.opened(desk.written("planted", "import letters\nletters.build()", "below = 1")) as lesson:
        lesson.page.evaluate("() => { Element.prototype.toggleAttribute = () => false; }")
        lesson.run_all(seconds=120)
        rests(lesson)
        lesson.page.evaluate("""() => { const wide = document.createElement('div');
            wide.style = 'width: 3000px; height: 9px';
            document.querySelector('.labkit-picture').append(wide); }""")
        assert any("is cut" in fault for fault in lesson.page.evaluate(CUT))
        assert any("reached the notebook" in fault for fault in faults_by_keys(lesson))


def test_it_is_there_at_once_says_how_far_it_is_stops_and_looks_old(desk):
    with desk.opened(desk.written("slow", SLOW, "below = 1")) as lesson:
        page = lesson.page
        page.evaluate("() => { window.lkSaid = []; jupyterapp.commands.execute('notebook:run-all-cells'); }")
        page.wait_for_selector(".labkit-explorer .noUi-handle", timeout=60_000)
        page.wait_for_function("() => document.querySelector('.lk-line span').textContent.includes('step')")
        assert page.locator(".labkit-picture .js-plotly-plot").count() == 0, "the panel is there before its picture"
        assert rests(lesson) == ""
        handle = page.locator(".noUi-handle").first

        def begin() -> None:
            handle.focus()
            handle.press("End")
            page.wait_for_function("() => document.querySelector('.lk-line span').textContent.includes('of 500')")
            assert page.evaluate("() => +getComputedStyle(document.querySelector('.labkit-picture')).opacity") < 0.6
            page.wait_for_function("() => jupyterapp.shell.currentWidget.sessionContext.kernelDisplayStatus === 'busy'")

        def stopped() -> None:
            page.wait_for_function("() => document.querySelector('.labkit-explorer').dataset.state === 'stopped'",
                                   timeout=5_000)  # fmt: skip
            assert "stopped" in said(lesson)
            lesson.settle()
            count = "print(len(DONE))"
            assert printed(lesson, count) == printed(lesson, count), "nothing is computed after a stop"

        begin()
        page.locator(".lk-stop").click()
        stopped()
        assert page.evaluate("() => document.activeElement.closest('.labkit-explorer') !== null")
        handle.press("Home")
        assert rests(lesson) == ""
        begin()
        page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
        stopped()
        handle.press("Home")
        assert rests(lesson) == ""
        assert lesson.errors == []


def test_what_a_control_asks_is_said_before_the_kernel_answers_and_taken_back_where_nothing_follows(desk):
    with desk.opened(desk.written("asked", SLOW, "below = 1")) as lesson:
        lesson.run_all(seconds=120)
        rests(lesson)
        page = lesson.page
        page.evaluate("""() => { const panel = document.querySelector('.labkit-explorer'); window.lkStates = [];
            window.lkKernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            new MutationObserver(() => lkStates.at(-1) === panel.dataset.state || lkStates.push(panel.dataset.state))
                .observe(panel, {attributeFilter: ['data-state']});
            lkKernel.requestExecute({code: 'time.sleep(3)'}); }""")
        page.locator(".noUi-handle").first.press("ArrowRight")
        page.wait_for_function("() => lkStates.includes('asked')", timeout=2_000)
        assert page.evaluate("() => lkStates") == ["asked"], "the kernel is still in its cell"
        assert not page.locator(".lk-stop").is_visible(), "it would end the cell"
        assert rests(lesson) == ""
        assert page.evaluate("() => lkStates") == ["asked", "working", "growing", ""]
        page.evaluate("""() => { lkStates.length = 0;
            for (const comm of lkKernel._comms.values()) comm.send({method: 'request_state'}); }""")
        page.wait_for_function("() => lkStates.length === 2", timeout=5_000)
        assert page.evaluate("() => lkStates") == ["asked", ""]


def test_after_a_restart_it_says_that_its_cell_must_be_run_again(desk):
    with desk.opened(desk.written("restarted", SLOW, "below = 1")) as lesson:
        lesson.run_all(seconds=120)
        lesson.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        lesson.page.wait_for_selector(".labkit-explorer.jupyter-widgets-disconnected")
        words = lesson.page.evaluate(
            "() => getComputedStyle(document.querySelector('.labkit-explorer'), '::before').content"
        )
        assert "run its cell again" in words
        assert lesson.page.evaluate("() => +getComputedStyle(document.querySelector('.labkit-picture')).opacity") < 0.6
        assert not lesson.page.locator(".lk-line").is_visible()


def printed(lesson: Lesson, code: str) -> str:
    """What the kernel prints."""
    return lesson.page.evaluate(
        """async code => { const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        const asked = kernel.requestExecute({code}); let said = '';
        asked.onIOPub = message => { said += message.content.text ?? ''; };
        await asked.done; return said; }""",
        code,
    )
