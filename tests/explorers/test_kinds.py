"""Every explorer of the lessons, each control driven to its ends and to odd text, without a browser."""

import functools
import inspect
import json

import numpy as np
import pytest

from labkit import views
from labkit.core.errors import LabError, TextError
from labkit.core.results import Bars
from labkit.explorers import live
from labkit.explorers.controls import Slider, Text
from labkit.explorers.panel import KINDS, Explorer
from labkit.lessons.exploring import explore, kinds

pytestmark = [pytest.mark.weights, pytest.mark.divided("kind")]


@functools.cache
def built(kind: str) -> Explorer:
    """One explorer for all tests of its kind: what it loads is loaded once."""
    return explore(kind)


@functools.cache
def quick(kind: str) -> Explorer:
    """The same over the model's first two layers, where a model is what it explores: hundreds of views are drawn."""
    takes = inspect.signature(KINDS[kind]).parameters
    if next(iter(takes), "") != "lm":
        return built(kind)
    from labkit.models import load
    from labkit.sampling import first_layers

    return explore(kind, first_layers(load("smollm2-135m"), 2))


def drive(explorer: Explorer, control: str, value: object) -> bool:
    """Draw with one control moved; True if there are results, False if it was refused with a remedy."""
    explorer.state = {c.name: c.clean(c.default) for c in explorer.controls}
    try:
        results = explorer.set(**{control: value}).results()
    except LabError as error:
        assert len(str(error)) > 20, f"{error!r} does not say what to do"
        return False
    assert results
    for result in results:
        json.dumps(views.bundle(result), allow_nan=False).encode()
    return True


def stuck(explorer: Explorer) -> list[str]:
    """The controls of which no value but the default gives results."""
    found = []
    for control in explorer.controls:
        moved = [value for value in control.probes() if value != control.default]  # that of the defaults is drawn
        drawn = [drive(explorer, control.name, value) for value in moved]
        if moved and not any(drawn):
            found.append(control.name)
    return found


@pytest.mark.parametrize("kind", kinds())
def test_the_first_state_draws_and_survives_a_copy(kind):
    explorer = built(kind)
    assert explorer.title
    assert drive(explorer, explorer.controls[0].name, explorer.controls[0].default)
    again = json.loads(explorer.as_view())
    assert {c.name: c.clean(again[c.name]) for c in explorer.controls} == explorer.state


@pytest.mark.parametrize("kind", kinds())
def test_every_control_can_go_everywhere(kind):
    explorer = quick(kind)
    first = explorer.controls[0]
    assert drive(explorer, first.name, first.default)
    assert stuck(explorer) == []


@pytest.mark.parametrize("kind", kinds())
def test_widgets_take_every_value_that_a_reader_can_choose(kind):
    explorer = built(kind)
    explorer.state = {c.name: c.clean(c.default) for c in explorer.controls}
    panel = live.Panel(explorer)
    panel.update()
    assert panel.picture.outputs
    assert {name: one.value for name, one in panel.widgets.items()} == explorer.state
    assert all(control.label for control in explorer.controls), "each control has a label that a reader understands"


def test_the_guard_can_fail():
    def draw(text: str) -> list:
        return [text.encode("ascii")]

    with pytest.raises(UnicodeEncodeError):
        drive(Explorer("fragile", (Text("text", "a"),), draw), "text", "naïve")


def test_an_explorer_that_refuses_whatever_one_does_is_seen():
    def draw(text: str, top: int) -> list:
        if text != "a":
            raise TextError("this explorer takes its own example and nothing else")
        return [Bars(("a",), np.array([float(top)]), "count")]

    assert stuck(Explorer("stubborn", (Text("text", "a"), Slider("top", 1, 0, 3)), draw)) == ["text"]
