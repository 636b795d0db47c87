"""The browser's guards can fail: each fault is planted in a tiny notebook and must be named."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from . import jupyter
from .inspection import explorers, faint_text, move_explorers, troubles
from .photograph import photograph

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]

PLOT = "import plotly.graph_objects as go\nfrom IPython.display import HTML, Javascript, display\n"
PLANTED = {
    "a script from a content network": (
        'display(HTML("<p>x</p><script src=\'https://cdn.example/plotly.js\'></script>"))', "asked another host: https://cdn.example/plotly.js",
    ),
    "an image from a content network": (
        'display(HTML("<p>x</p><img src=\'https://cdn.example/a.png\'>"))', "asked another host: https://cdn.example/a.png",
    ),
    "an error that the page catches": ('display(Javascript("throw new Error(\'planted\')"))', "Javascript Error"),
    "an error that nobody catches": (
        'display(HTML("<p>x</p><script>setTimeout(() => { throw new Error(\'planted\') }, 5)</script>"))',
        "JavaScript error: planted",
    ),
    "an error inside a frame": (
        'display(HTML("<iframe srcdoc=\'<b>some text</b><script>nothere()</script>\'></iframe>"))',
        "JavaScript error: nothere is not defined",
    ),
    "a figure without traces": (
        "from labkit import views\ndisplay({views.PLOTLY: {'data': [], 'layout': {}}, 'text/plain': ''}, raw=True)",
        "a plotly figure without a mark",
    ),
    "a figure of nan": (
        "from labkit import views\ndisplay({views.PLOTLY: {'data': [{'type': 'bar', 'x': [1, 2], 'y': [None, None]}],"
        " 'layout': {}}, 'text/plain': ''}, raw=True)",
        "a plotly figure without a mark",
    ),
    "an empty drawing": (
        'display(HTML("<svg width=300 height=200></svg>"))', r"a blank picture \(svg, 300 × 200",
    ),
    "an empty canvas": ('display(HTML("<canvas width=300 height=200></canvas>"))', r"a blank picture \(canvas"),
    "an empty frame": (
        'display(HTML("<iframe width=300 height=200 style=\'border:none\' srcdoc=\'<p></p>\'></iframe>"))',
        r"a blank picture \(iframe",
    ),
    "a widget without its model": (
        "display({'application/vnd.jupyter.widget-view+json': {'version_major': 2, 'version_minor': 0,"
        " 'model_id': 'nothing'}, 'text/plain': ''}, raw=True)",
        "did not render|Error displaying widget|Loading widget",
    ),
    "a cell that fails": ("raise ValueError('planted')", "ValueError: planted"),
}  # fmt: skip
SOUND = """
from labkit.views import show, theme
display(HTML(theme.css()))
import numpy as np
from labkit.core.results import Bars, LayerGrid
show(Bars(("a", "b"), np.array([1.0, 2.0]), "amount", "Sound"), LayerGrid(np.eye(3)))
"""


def test_a_sound_notebook_has_no_troubles(desk):
    name = desk.written("sound", PLOT, SOUND)
    with desk.opened(name) as lesson:
        lesson.run_all(seconds=120)
        assert troubles(lesson) == []


def test_each_planted_fault_is_named_with_its_cell(desk, tmp_path):
    name = desk.written("planted", PLOT, *(source for source, _ in PLANTED.values()))
    with desk.opened(name) as lesson:
        lesson.run_all(seconds=120)
        lesson.page.wait_for_timeout(300)
        found = troubles(lesson)
        again = troubles(lesson, photograph(lesson, tmp_path / "planted"))
    blank = [said for said in found if "blank picture" in said]
    assert [said for said in again if "blank picture" in said] == blank != []
    for cell, (fault, (_, sign)) in enumerate(PLANTED.items(), start=2):
        where = "" if sign.startswith(("JavaScript error", "asked")) else f"cell {cell}, output [12]: (shows ')?"
        assert any(re.search(where + sign, said) for said in found), f"{fault} in cell {cell}: {found}"


def test_an_explorer_moves_by_keyboard_and_a_dead_one_is_named(desk):
    shutil.copy(Path(__file__).parents[1] / "explorers" / "letters.py", desk.server.folder / "letters.py")
    dead = (
        "from labkit.explorers.panel import Explorer\nfrom labkit.explorers.controls import Slider\n"
        "import numpy as np\nfrom labkit.core.results import Bars\n"
        "Explorer('dead', (Slider('top', 1, 1, 9, label='Top'),), lambda top: [Bars(('a',), np.ones(1))])"
    )
    name = desk.written("explorers", "import letters\nletters.build()", dead)
    with desk.opened(name) as lesson:
        lesson.run_all(seconds=120)
        assert troubles(lesson) == []
        assert len(explorers(lesson)) == 2
        assert move_explorers(lesson, seconds=5) == ["explorer 2: no control changed its picture within 5 s"]
        assert troubles(lesson) == []


def test_bad_input_is_said_in_place_and_the_copy_button_shows_parameters(desk):
    shutil.copy(Path(__file__).parents[1] / "explorers" / "letters.py", desk.server.folder / "letters.py")
    name = desk.written("input", "import letters\nletters.build()")
    with desk.opened(name) as lesson:
        lesson.run_all(seconds=120)
        panel = explorers(lesson)[0]
        box = panel.query_selector("textarea")
        box.fill("")
        lesson.page.wait_for_function("() => document.querySelector('[role=alert]')?.innerText.includes('is empty')")
        assert panel.query_selector(".labkit-picture .js-plotly-plot")
        box.fill("<b>bold</b> $x^2$")
        lesson.page.wait_for_function("() => !document.querySelector('[role=alert]')")
        panel.query_selector("button:has-text('copy as parameters')").click()
        lesson.page.wait_for_selector("code:has-text('EXPLORER'), code:has-text('lab.explore')")
        assert "<b>bold</b> $x^2$" in panel.inner_text()
        assert lesson.errors == []


def test_a_figure_folded_away_is_named(desk):
    folded = "display(HTML('<style>.js-plotly-plot { height: 0 !important; overflow: hidden }</style>'))"
    name = desk.written("folded", PLOT, SOUND, folded)
    with desk.opened(name) as lesson:
        lesson.run_all(seconds=120)
        assert len([said for said in troubles(lesson) if "without height" in said]) == 2


def test_text_follows_the_theme_and_text_that_does_not_is_named(desk):
    name = desk.written("themes", PLOT, SOUND)
    with desk.opened(name) as lesson:
        lesson.run_all(seconds=120)
        assert faint_text(lesson) == []
        lesson.use_theme(dark=True)
        assert faint_text(lesson) == []
        assert troubles(lesson) == []
        lesson.page.set_viewport_size({"width": 700, "height": 900})
        lesson.settle()
        assert troubles(lesson) == []
        wrong = "body .js-plotly-plot .main-svg g:not(.x) > text { fill: #222 !important; }"
        lesson.page.add_style_tag(content=wrong)
        assert faint_text(lesson)


def test_hostile_text_runs_nowhere(desk):
    shutil.copy(Path(__file__).parents[1] / "views" / "gallery.py", desk.server.folder / "gallery.py")
    shows = "import gallery\nfrom labkit.views import show\nshow(*gallery.hostile().values(), table=True)"
    name = desk.written("hostile", PLOT, shows)
    with desk.opened(name) as lesson:
        lesson.run_all(seconds=120)
        assert "run" not in lesson.page.title().split()
        assert troubles(lesson) == []
        texts = "".join(t.text_content() or "" for t in lesson.page.query_selector_all(".js-plotly-plot text"))
        assert "<script>" in texts
        assert "$x^2$" in texts
        made = ".jp-OutputArea :is(mjx-container, img:not(.plot-img), script, .main-svg a)"
        assert lesson.page.eval_on_selector_all(made, "all => all.map(e => e.outerHTML)") == []


def test_every_example_is_drawn(desk):
    shutil.copy(Path(__file__).parents[1] / "views" / "gallery.py", desk.server.folder / "gallery.py")
    shows = "import gallery\nfrom labkit.views import show\nshow(*gallery.examples().values())"
    name = desk.written("examples", PLOT, shows)
    with desk.opened(name) as lesson:
        lesson.run_all(seconds=120)
        assert troubles(lesson) == []


def test_kernels_and_pages_cannot_reach_other_hosts(desk):
    if not desk.server.isolated:
        pytest.skip(
            "this system cannot cut the network off (it takes Linux and root); requests are watched all the same"
        )
    reach = (
        "import socket\ntry:\n    socket.create_connection(('1.1.1.1', 443), 3)\n"
        "except OSError as error:\n    print('cut', error)"
    )
    name = desk.written("reach", reach)
    with desk.opened(name) as lesson:
        lesson.run_all(seconds=60)
        assert "cut" in str(lesson.cells()[0]["outputs"])


@pytest.mark.parametrize("required, verdict", [("1", "1 error"), ("0", "1 skipped")])
def test_without_chromium_the_tests_say_that_they_did_not_run(tmp_path, required, verdict):
    here = Path(__file__).parent
    for name in ("__init__.py", "jupyter.py", "keeper.py"):
        shutil.copy(here / name, tmp_path)
    shutil.copy(here / "desk.py", tmp_path / "conftest.py")
    (tmp_path / "test_it.py").write_text("def test_it(desk): ...\n")
    folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": str(folder), "LABKIT_REQUIRE_BROWSER": required}
    options = ["-rs", "-p", "no:cacheprovider", "--import-mode=importlib"]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert verdict in done.stdout, done.stdout
    assert "no Chromium on this machine" in done.stdout


def family_of(pid: int) -> list:
    import psutil

    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def still_running(family: list) -> list:
    import psutil

    return [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_nothing_is_left_running(tmp_path):
    if reason := jupyter.why_not():
        pytest.skip(reason)
    (tmp_path / "nb").mkdir()
    with jupyter.served(tmp_path / "nb", tmp_path / "home") as server:
        family = family_of(server.process.pid)
    assert len(family) > 1
    assert not still_running(family)


def test_nothing_is_left_running_when_the_test_itself_is_killed(tmp_path):
    if reason := jupyter.why_not():
        pytest.skip(reason)
    code = (
        "import sys, time; from pathlib import Path; from tests.browser import jupyter\n"
        f"with jupyter.served(Path({str(tmp_path)!r}), Path({str(tmp_path / 'home')!r})) as server:\n"
        "    print(server.process.pid, flush=True); time.sleep(600)"
    )
    test = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert test.stdout
    family = family_of(int(test.stdout.readline()))
    test.kill()
    test.wait()
    until = time.monotonic() + 30
    while still_running(family) and time.monotonic() < until:
        time.sleep(0.1)
    assert len(family) > 1
    assert not still_running(family)
