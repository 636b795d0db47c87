"""Laws of explorers on a tiny one: pure state, widgets beside pictures, errors in place, a copy that recreates."""

import asyncio
import inspect
import json
import shlex
import shutil
from pathlib import Path

import nbformat
import numpy as np
import papermill
import pytest

from labkit import views
from labkit.core.errors import OptionError
from labkit.core.results import Bars
from labkit.explorers import live
from labkit.explorers.controls import Action, Choice, Choices, Slider, Switch, Text
from labkit.explorers.copying import as_written
from labkit.explorers.panel import KINDS, RESERVED, Explorer
from labkit.lessons import exploring

from .letters import build

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def letters(tmp_path, monkeypatch):
    """The tiny explorer as a kind that `explore` finds; gives the folder that holds it."""
    shutil.copy(Path(__file__).with_name("letters.py"), tmp_path / "letters.py")
    monkeypatch.setitem(KINDS, "letters", build)
    return tmp_path


def notebook(path: Path, folder: Path, call: str) -> Path:
    """A notebook with one parameter and one explorer."""
    book = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    parameters = nbformat.v4.new_code_cell('EXPLORER: str = ""', metadata={"tags": ["parameters"]})
    ready = nbformat.v4.new_code_cell(
        f"import sys; sys.path.append({str(folder)!r})\nimport labkit as lab, letters\n"
        "from labkit.explorers.panel import KINDS\nKINDS['letters'] = letters.build"
    )
    book.cells = [parameters, ready, nbformat.v4.new_code_cell(call)]
    nbformat.write(book, path)
    return path


def run(path: Path, **parameters: object) -> list[dict]:
    """Every output's data of the last cell, run by papermill."""
    done = path.with_name("out.ipynb")
    papermill.execute_notebook(path, done, parameters=parameters, progress_bar=False)
    book = nbformat.read(done, 4)
    assert "widgets" not in book.metadata or live.WIDGET in json.dumps(book.cells)
    return [output["data"] for output in book.cells[-1].outputs]


def test_the_state_starts_with_every_control_and_draws_results():
    explorer = build()
    assert explorer.state == {
        "text": "to be or not to be", "top": 5, "heat": 1.0, "order": "most", "kinds": ("vowels", "others"),
        "split": False, "again": 0,
    }  # fmt: skip
    (bars,) = explorer.results()
    assert isinstance(bars, Bars)
    assert bars.labels[:2] == (" ", "o")
    assert list(bars.values[:2]) == [5, 4]


def test_the_same_state_gives_the_same_results():
    one, two = (views.bundle(build().set(text="banana", again=3).results()[0]) for _ in range(2))
    assert one == two


@pytest.mark.parametrize(
    "change, says",
    [
        ({"tpo": 3}, "did you mean 'top'"),
        ({"top": 11}, "must lie between 1 and 10"),
        ({"top": 2.5}, "whole number"),
        ({"top": float("nan")}, "wants a number"),
        ({"order": "mostly"}, "did you mean 'most'"),
        ({"kinds": ("vowel",)}, "did you mean 'vowels'"),
        ({"split": 1}, "True or False"),
        ({"again": -1}, "counts presses"),
        ({"text": None}, "wants a text"),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_remedy_and_nothing_changes(change, says):
    explorer = build()
    before = dict(explorer.state)
    with pytest.raises(OptionError, match=says):
        explorer.set(text="changed", **change) if "text" not in change else explorer.set(**change)
    assert explorer.state == before


@pytest.mark.parametrize("names, says", [(("kind",), "'kind': lab.explore"), (("view",), "'view': lab.explore"),
                                         (("top", "top"), "two controls are called 'top'")])  # fmt: skip
def test_a_control_whose_name_is_taken_is_refused_where_it_is_written(names, says):
    with pytest.raises(OptionError, match=says):
        Explorer("E", tuple(Switch(name) for name in names), lambda **state: [])


def test_the_names_kept_back_are_those_that_explore_takes():
    parameters = inspect.signature(exploring.explore).parameters.values()
    assert {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)} == set(RESERVED)


def test_every_probe_of_every_kind_of_control_is_accepted():
    for control in build().controls:
        assert control.clean(control.default) == control.default
        for value in control.probes():
            control.clean(value)
    slider = Slider("s", 1.0, 0.1, 10, log=True)
    assert slider.clean(10 ** np.log10(10.0)) == 10.0


def test_the_copy_recreates_the_state(letters):
    explorer = exploring.explore("letters", 2.0, text="say \"hi\" $HOME 'x' ünï", top=7, kinds=("vowels",), again=2)
    option, name, view = shlex.split(explorer.as_parameters())
    assert (option, name) == ("-p", "EXPLORER")
    assert exploring.explore("letters", 2.0, view=view).state == explorer.state
    call = explorer.as_call("2.0")
    again = eval(call, {"lab": exploring})
    assert again.state == explorer.state


def test_single_controls_win_over_the_view(letters):
    assert exploring.explore("letters", view='{"top": 3, "order": "least"}', top=4).state["top"] == 4
    assert exploring.explore("letters", view={"order": "least"}).state["order"] == "least"


@pytest.mark.parametrize("view, says", [("{", "no JSON"), ("-p EXPLORER '{}'", "no JSON"), ("[1]", "JSON object"),
                                        ('{"x": 1}', "no control 'x'")])  # fmt: skip
def test_a_broken_view_is_refused_and_a_right_one_shown(letters, view, says):
    with pytest.raises(OptionError, match=says) as refused:
        exploring.explore("letters", view=view)
    right = str(refused.value).partition("it looks like ")[2]
    names: dict[str, str] = {}
    exec(right, names)
    assert exploring.explore("letters", view=names["EXPLORER"]).state == build().state


def test_an_unknown_kind_offers_the_nearest(letters):
    with pytest.raises(OptionError, match="did you mean 'letters'"):
        exploring.explore("leters")


def test_a_headless_run_keeps_the_picture_and_no_widget(letters, tmp_path):
    path = notebook(tmp_path / "a.ipynb", letters, 'lab.explore("letters", 2.0, view=EXPLORER)')
    first = run(path)
    assert not any(live.WIDGET in data for data in first)
    assert [d[views.PLOTLY]["data"][0]["x"][0] for d in first if views.PLOTLY in d] == [10]
    assert "Text: to be or not to be; Show: 5" in first[0]["text/html"]
    view = build(2.0).set(text="banana", top=2).as_view()
    moved = run(path, EXPLORER=view)
    assert [d[views.PLOTLY]["layout"]["title"]["text"] for d in moved if views.PLOTLY in d] == ["Letters of banana"]


def test_a_live_cell_has_the_widget_and_beside_it_the_picture(letters, tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_WIDGETS", "1")
    path = notebook(tmp_path / "a.ipynb", letters, 'lab.explore("letters", view=EXPLORER)')
    widget, still = run(path)
    assert {live.WIDGET, "text/plain"} == set(widget)
    assert {views.PLOTLY, "text/plain"} == set(still)


def test_a_live_cell_with_several_pictures_keeps_them_all_beside_the_widget():
    content = drawn(build().set(split=True)).still()
    assert "lk-strip" in content["text/html"]
    assert "Letters of to be or not to be: count; 5 bars" in content["text/html"]


def test_a_headless_run_with_an_impossible_state_says_so(letters, tmp_path):
    path = notebook(tmp_path / "a.ipynb", letters, 'lab.explore("letters", text=" ")')
    assert any("the text is empty" in data["text/html"] for data in run(path))


def drawn(explorer: Explorer) -> live.Panel:
    """Its panel after the first drawing."""
    panel = live.Panel(explorer)
    panel.update()
    return panel


def pictures(panel: live.Panel) -> list[dict]:
    """What the panel shows now."""
    return [output["data"] for output in panel.picture.outputs]


def test_moving_a_control_changes_the_picture():
    panel = drawn(build())
    before = pictures(panel)
    panel.widgets["top"].value = 2
    assert pictures(panel) != before
    assert len(pictures(panel)[0][views.PLOTLY]["data"][0]["x"]) == 2
    panel.widgets["split"].value = True
    assert len(pictures(panel)) == 2
    panel.widgets["again"].click()
    assert panel.explorer.state["again"] == 1
    panel.widgets["kinds"].boxes["others"].value = False
    assert panel.explorer.state["kinds"] == ("vowels",)
    panel.widgets["kinds"].value = ("others",)
    assert not panel.widgets["kinds"].boxes["vowels"].value


def test_bad_input_is_said_in_place_and_the_last_picture_stays():
    panel = drawn(build())
    before = pictures(panel)
    panel.widgets["text"].value = "  "
    assert "the text is empty; type a word or more" in panel.line.said
    assert pictures(panel) == before
    panel.widgets["text"].value = "banana"
    assert panel.line.said == ""
    assert pictures(panel) != before


def test_a_fault_is_named_as_one():
    def draw(text: str) -> list:
        raise ValueError(text)

    panel = drawn(Explorer("broken", (Text("text", SCRIPT),), draw))
    assert panel.line.state == "error"
    assert panel.line.said == f"ValueError: {SCRIPT}. This is a fault of the lab."  # the page never reads it as HTML
    assert SCRIPT not in panel.still()["text/html"]


def test_titles_and_copies_are_escaped():
    def draw(text: str) -> list:
        return [Bars(("a",), np.ones(1))]

    panel = live.Panel(Explorer(SCRIPT, (Text("text", SCRIPT),), draw, note=SCRIPT))
    panel._copy()
    for shown in (panel.box.children[0].value, panel.copied.value):
        assert "<script>" not in shown
        assert "&lt;script&gt;" in shown


def test_a_moving_slider_draws_once():
    tops = []

    def draw(top: int) -> list:
        tops.append(top)
        return [Bars(("a",), np.array([float(top)]))]

    async def move() -> None:
        panel = drawn(Explorer("one", (Slider("top", 1, 1, 100),), draw))
        for value in range(2, 60):
            panel.widgets["top"].value = value
            await asyncio.sleep(0.001)
        await asyncio.sleep(live.WAIT + 0.2)

    asyncio.run(move())
    assert tops == [1, 59]


def test_a_draw_that_takes_long_shows_what_there_is_and_ends_with_the_last():
    seen = []

    def draw(top: int):
        for index in range(1, top + 1):
            yield [Bars(("a",), np.array([float(index)]))]

    explorer = Explorer("steps", (Slider("top", 3, 1, 5),), draw)
    assert [part[0].values[0] for part in explorer.parts() if isinstance(part, list)] == [1, 2, 3]
    assert explorer.results()[0].values[0] == 3
    panel = drawn(explorer)
    panel.picture.observe(lambda change: seen.append(change["new"]), "outputs")
    panel.widgets["top"].value = 2
    assert len(seen) == 2


def test_every_widget_is_labelled_and_takes_its_state():
    explorer = build().set(top=3, heat=0.5, order="least", kinds=("others",), split=True, text="x", again=4)
    panel = live.Panel(explorer)
    assert {name: one.value for name, one in panel.widgets.items()} == explorer.state
    for control in explorer.controls:
        one = panel.widgets[control.name]
        label = one.description if not isinstance(control, Choices) else one.children[0].value
        assert label == control.label


@pytest.mark.parametrize("kind", [Text, Choice, Choices, Slider, Switch, Action])
def test_the_tiny_explorer_has_each_kind_of_control(kind):
    assert any(isinstance(control, kind) for control in build().controls)


def test_the_copy_names_the_arguments_as_they_were_written(monkeypatch):
    class Shell:
        def __init__(self) -> None:
            self.user_ns = {"In": ["", 'x = 1\nlab.explore("letters", my_weight, view=SECOND, top=3)']}

    monkeypatch.setattr("IPython.get_ipython", Shell)
    assert as_written("letters") == (("my_weight",), "SECOND")
    assert as_written("other") == ((), "")
