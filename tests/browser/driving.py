"""An explorer driven as by a person: every key on every control, hostile texts, a narrow and a wide window.

driven(lesson) -> sentences; none = the panel on the page takes the whole list
What is driven is read off the panel on the page: a new explorer or kind of control is driven without a line here.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from .inspection import troubles
from .jupyter import Lesson

KEYS = ("d", "d", "x", "a", "b", "m", "ArrowDown", "ArrowUp", "Enter", "Escape", "End", "Home")
CONTROLS = ".noUi-handle, select, textarea, input, .widget-readout, button, [data-moves][tabindex]"
EQUALS = 3
"""Of what a picture holds many times, such as the nodes of a tree: driven are the first ones."""
HOSTILE = (
    "",
    " ",
    "\n\n",
    "a\nb\n",
    "<script>window.lkHit = 1</script><b>",
    "مرحبا بالعالم 日本語 🏳️‍🌈",
    "שלום \u202eright to left\n" * 9,
    "word " * 399,
    "word " * 3000,
)


def state(lesson: Lesson) -> str:
    return lesson.page.evaluate("() => document.querySelector('.labkit-explorer')?.dataset.state ?? 'none'")


def rests(lesson: Lesson, seconds: float = 600) -> str:
    """Wait until the panel has drawn what it was asked for; its state."""
    lesson.page.wait_for_timeout(250)  # a change waits for a further one
    lesson.page.wait_for_function(
        "() => !['asked', 'working', 'growing', undefined].includes("
        "document.querySelector('.labkit-explorer')?.dataset.state)",
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
    return control.evaluate("e => String(e.ariaValueText ?? e.value ?? e.textContent)")  # valuenow is rounded


def faults_by_keys(lesson: Lesson) -> list[str]:
    """Every control given each key; a sentence for each that reached the notebook, or did not move the control."""
    found, seen = [], Counter()
    controls = lesson.page.locator(f".labkit-explorer :is({CONTROLS})")
    for index in range(controls.count()):
        control = controls.nth(index)
        if not control.is_visible() or not control.is_enabled():
            continue
        kind = control.evaluate("e => [e.tagName, e.type, e.className.baseVal ?? e.className].join(' ')")
        if "lk-" in kind:  # one of a picture's many equals
            seen[kind] += 1
            if seen[kind] > EQUALS:
                continue
        faults = _by_keys(lesson, control, kind)
        print(f"  keys on {kind}: {faults or 'passed'}", flush=True)
        found += faults
    return found


def _by_keys(lesson: Lesson, control: Any, kind: str) -> list[str]:
    found, page = [], lesson.page
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
    options = control.locator("option").count()
    for key in ("End", *("ArrowUp",) * options, "Home") if "noUi" in kind or options else ("Escape",):
        page.keyboard.press(key)
        ended = rests(lesson)
        found += [f"{kind}: {said(lesson)}"] if "fault of the lab" in said(lesson) or ended == "stopped" else []
    return found


def faults_by_texts(lesson: Lesson) -> list[str]:
    """Every text box given each hostile text; a sentence for each that was changed, run, or ended in a fault."""
    found, page = [], lesson.page
    for box in page.locator(".labkit-explorer .widget-textarea textarea").all():
        for text in (*HOSTILE, value(box)):
            faults = _by_text(lesson, box, text)
            print(f"  text {text[:20]!r}: {faults or 'passed'}, {said(lesson) or 'drawn'}", flush=True)
            found += faults
    return found + (["a script of a text ran"] if page.evaluate("() => window.lkHit") else [])


def _by_text(lesson: Lesson, box: Any, text: str) -> list[str]:
    box.fill(text)
    ended, words = rests(lesson), said(lesson)
    found = [f"{text[:20]!r} became {value(box)[:20]!r}"] if value(box) != text else []
    found += [f"{text[:20]!r}: {words}"] if "fault of the lab" in words or ended == "stopped" else []
    found += [f"{text[:20]!r} is refused without a word"] if ended == "error" and len(words) < 20 else []
    if len(text) > 10_000 and ("takes at most" not in words or "characters" not in words):
        found.append(f"a text of {len(text):,} characters is taken")
    return found


CUT = """() => { const panel = document.querySelector('.labkit-explorer') ?? document.body;
    const edge = panel.getBoundingClientRect();
    const scrolls = e => getComputedStyle(e).overflowX !== 'visible', plot = '.js-plotly-plot *, svg *, .noUi-target *';
    const cut = e => e.clientWidth && e.scrollWidth > e.clientWidth + 1 && (e === panel || scrolls(e));
    const out = e => { const box = e.getBoundingClientRect();
        return box.width * box.height && (box.right > edge.right + 1 || box.left < edge.left - 1); };
    return [panel, ...panel.querySelectorAll('*')].filter(e => !e.matches(plot) && (cut(e) || out(e)))
        .map(e => `${e.tagName} ${e.className.baseVal ?? e.className} is cut at ${Math.round(edge.width)} px`); }"""
"""What is wider than it may show, or stands out of the panel; inside a frame of the panel, out of that."""
PLOTS = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => {
    const box = part => plot.querySelector(part)?.getBoundingClientRect(), edge = plot.getBoundingClientRect();
    const [title, legend] = [box('.gtitle'), box('.legend')], at = `at ${Math.round(edge.width)} px`;
    return [title?.right > edge.right + 1 && `a title is cut ${at}`,
        legend?.right > edge.right + 1 && `a legend is cut ${at}`,
        legend?.top < title?.bottom - 1 && `a legend touches its title ${at}`].filter(Boolean); })"""
"""Titles and legends of figures that do not fit."""
WATCH = """() => { const panel = document.querySelector('.labkit-explorer');
    const next = panel.closest('.jp-Cell').nextElementSibling;
    window.lkHigh = () => Math.round(next.getBoundingClientRect().top - panel.getBoundingClientRect().top);
    window.lkSeen = new Set(); clearInterval(window.lkEye);
    window.lkEye = setInterval(() => { if (panel.dataset.state === 'working') lkSeen.add(lkHigh()); }, 20); }"""


def faults_of_room(lesson: Lesson) -> list[str]:
    """In a narrow and a wide window: what is cut off, and what moves the next cell while a control goes to and fro."""
    page = lesson.page
    page.set_viewport_size({"width": 533, "height": 1000})  # 800 at 150 %, where a tree or a table may scroll
    lesson.settle()
    found = page.evaluate(PLOTS)
    for width in (800, 1400):
        page.set_viewport_size({"width": width, "height": 1500})
        lesson.settle()
        found += page.evaluate(PLOTS)
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
    found = faults_of_room(lesson)
    print(f"  room: {found or 'passed'}", flush=True)
    named = lesson.page.locator(".labkit-explorer .noUi-handle").all()
    found += [f"slider {i} has no name" for i, one in enumerate(named) if not one.get_attribute("aria-label")]
    return found + faults_by_texts(lesson) + faults_by_keys(lesson) + troubles(lesson)
