"""Explorers in the hand: keys stay in the panel, hostile texts stay texts, it is there at once, and it can be stopped.

What is driven is read off the panel on the page: a new explorer or kind of control is driven without a line here. Each
kind of control once in a tiny explorer; every explorer of the lessons in `make test-long`.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.lessons.exploring import kinds

from .inspection import troubles
from .jupyter import Lesson

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]

KEYS = ("d", "d", "x", "a", "b", "m", "ArrowDown", "ArrowUp", "Enter", "Escape", "Home", "End")
CONTROLS = ".noUi-handle, select, textarea, input, .widget-readout, button, [data-moves][tabindex]"
HOSTILE = (
    "",
    " ",
    "\n\n",
    "a\nb\n",
    "<script>window.lkHit = 1</script><b>",
    "مرحبا بالعالم 日本語 🏳️‍🌈",
    "word " * 3000,
)
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


def state(lesson: Lesson) -> str:
    return lesson.page.evaluate("() => document.querySelector('.labkit-explorer')?.dataset.state ?? 'none'")


def rests(lesson: Lesson, seconds: float = 240) -> str:
    """Wait until the panel has drawn what it was asked for; its state."""
    lesson.page.wait_for_timeout(250)  # a change waits for a further one
    lesson.page.wait_for_function(
        "() => !['working', 'growing', undefined].includes(document.querySelector('.labkit-explorer')?.dataset.state)",
        timeout=seconds * 1000,
    )
    return state(lesson)


def said(lesson: Lesson) -> str:
    return lesson.page.locator(".lk-line span").first.inner_text()


def notebook(lesson: Lesson) -> Any:
    """Cells, which are selected, and the mode."""
    return lesson.page.evaluate("""() => { const n = jupyterapp.shell.currentWidget.content;
        return [n.widgets.map(w => [w.model.sharedModel.getSource(), n.isSelectedOrActive(w)]), n.mode]; }""")


def value(control: Any) -> str:
    return control.evaluate("e => String(e.ariaValueNow ?? e.value ?? e.textContent)")


def faults_by_keys(lesson: Lesson) -> list[str]:
    """Every control given each key; a sentence for each that reached the notebook, or did not move the control."""
    found, page = [], lesson.page
    for index in range(page.locator(f".labkit-explorer :is({CONTROLS})").count()):
        control = page.locator(f".labkit-explorer :is({CONTROLS})").nth(index)
        if not control.is_visible() or not control.is_enabled():
            continue
        kind = control.evaluate("e => [e.tagName, e.type, e.className.baseVal ?? e.className].join(' ')")
        control.focus()
        before = notebook(lesson)
        if "noUi" in kind or "SELECT" in kind:
            was = value(control)
            page.keyboard.press("ArrowDown")
            if value(control) == was:
                page.keyboard.press("ArrowUp")
            found += [f"{kind}: arrows do not change it"] if value(control) == was else []
        for key in KEYS:
            page.keyboard.press(key)
            page.wait_for_timeout(30)
            if notebook(lesson) != before:
                return [*found, f"{kind}: {key!r} reached the notebook"]
        rests(lesson)
        found += [f"{kind}: {said(lesson)}"] if "fault of the lab" in said(lesson) else []
    return found


def faults_by_texts(lesson: Lesson) -> list[str]:
    """Every text box given each hostile text; a sentence for each that was changed, run, or ended in a fault."""
    found, page = [], lesson.page
    for box in page.locator(".labkit-explorer .widget-textarea textarea").all():
        first = value(box)
        for text in (*HOSTILE, first):
            box.fill(text)
            ended, words = rests(lesson), said(lesson)
            found += [f"{text[:20]!r} became {value(box)[:20]!r}"] if value(box) != text else []
            found += [f"{text[:20]!r}: {words}"] if "fault of the lab" in words or ended == "stopped" else []
            found += [f"{text[:20]!r} is refused without a word"] if ended == "error" and len(words) < 20 else []
            if len(text) > 10_000 and ("takes at most" not in words or "characters" not in words):
                found.append(f"a text of {len(text):,} characters is taken")
    return found + (["a script of a text ran"] if page.evaluate("() => window.lkHit") else [])


CUT = """() => { const panel = document.querySelector('.labkit-explorer') ?? document.body;
    const edge = panel.getBoundingClientRect();
    const scrolls = e => getComputedStyle(e).overflowX !== 'visible', plot = '.js-plotly-plot *, svg *, .noUi-target *';
    const cut = e => e.clientWidth && e.scrollWidth > e.clientWidth + 1 && (e === panel || scrolls(e));
    const out = e => { const box = e.getBoundingClientRect();
        return box.width * box.height && (box.right > edge.right + 1 || box.left < edge.left - 1); };
    return [panel, ...panel.querySelectorAll('*')].filter(e => !e.matches(plot) && (cut(e) || out(e)))
        .map(e => `${e.tagName} ${e.className.baseVal ?? e.className} is cut at ${Math.round(edge.width)} px`); }"""
"""What is wider than it may show, or stands out of the panel; inside a frame of the panel, out of that."""
WATCH = """() => { const panel = document.querySelector('.labkit-explorer');
    const next = panel.closest('.jp-Cell').nextElementSibling;
    window.lkHigh = () => Math.round(next.getBoundingClientRect().top - panel.getBoundingClientRect().top);
    window.lkSeen = new Set(); clearInterval(window.lkEye);
    window.lkEye = setInterval(() => { if (panel.dataset.state === 'working') lkSeen.add(lkHigh()); }, 20); }"""


def faults_of_room(lesson: Lesson) -> list[str]:
    """In a narrow and a wide window: what is cut off, and what moves the next cell while a control goes to and fro."""
    found, page = [], lesson.page
    for width in (800, 1400):
        page.set_viewport_size({"width": width, "height": 1500})
        lesson.settle()
        frames = [page, *(frame for frame in page.frames if frame.parent_frame == page.main_frame)]
        found += [fault for frame in frames for fault in frame.evaluate(CUT)]
        page.evaluate(WATCH)
        at = [page.evaluate("() => lkHigh()")]
        for _ in to_and_fro(lesson):
            rests(lesson)
            lesson.settle()  # it keeps its height a little longer than its work
            at.append(page.evaluate("() => lkHigh()"))
        stray = set(page.evaluate("() => [...lkSeen]")) - set(at)
        found += [f"at {width} px the next cell moves while it works: {at}, then {sorted(stray)}"] if stray else []
        found += [f"at {width} px the next cell does not come back: {at}"] if at[0] != at[2] else []
    return found


def to_and_fro(lesson: Lesson) -> Iterator[None]:
    """The first slider one step on and back or, where there is none, two characters of the first text."""
    sliders, box = (
        lesson.page.locator(".labkit-explorer .noUi-handle"),
        lesson.page.locator(".labkit-explorer textarea"),
    )
    if sliders.count():
        keys, was = ["ArrowLeft", "ArrowRight"], value(sliders.first)
        sliders.first.press(keys[0])
        if value(sliders.first) == was:  # its end
            keys.reverse()
            sliders.first.press(keys[0])
        yield
        sliders.first.press(keys[1])
    else:
        text = value(box.first)
        box.first.fill(text + " x")
        yield
        box.first.fill(text)
    yield


def driven(lesson: Lesson) -> list[str]:
    """The whole list for the panel on the page."""
    rests(lesson)
    narrow = faults_of_room(lesson)
    named = lesson.page.locator(".labkit-explorer .noUi-handle").all()
    found = [f"slider {i} has no name" for i, one in enumerate(named) if not one.get_attribute("aria-label")]
    return narrow + found + faults_by_texts(lesson) + faults_by_keys(lesson) + troubles(lesson)


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
