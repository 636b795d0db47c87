"""What the lab has no view of is shown by its repr; a result type from outside brings its view."""

from dataclasses import dataclass

import numpy as np
import pytest

from labkit import views
from labkit.core.errors import OptionError
from labkit.core.results import Bars, Table

from .gallery import EVIL
from .reading import parsed

BARS = Bars(("a",), np.ones(1), title="After")


@pytest.mark.parametrize("thing", [3, "text\x1b[31m", None, {"a": 1}])
def test_what_is_no_result_is_shown_by_its_repr(thing, capsys):
    views.show(thing, BARS)
    assert capsys.readouterr().out.startswith(f"{thing!r}\nAfter")


@pytest.mark.parametrize("verb", [views.figure, views.data, views.twin, views.html, views.frame])
def test_what_is_no_result_has_nothing_else_and_the_remedy_is_named(verb):
    with pytest.raises(OptionError, match="pass one of the lab's results"):
        verb(3)


@dataclass
class Counted:
    """A result type from outside the lab."""

    title: str
    counts: dict[str, int]


class More(Counted):
    """One that inherits from it."""


@pytest.fixture
def counted():
    views.register(
        Counted,
        views.View(lambda r: Table(("word", "count"), tuple(r.counts.items()), r.title), parts=lambda r: r.counts),
    )


@pytest.mark.parametrize("kind", [Counted, More])
def test_a_type_from_outside_brings_its_view_and_data_suffice(counted, kind):
    result = kind("Words", {EVIL: 3})
    content = views.bundle(result)
    assert content["text/plain"] == f"Words\nword | count\n{EVIL} | 3"
    assert EVIL in parsed(content["text/html"]).text
    assert list(views.frame(result)["count"]) == [3]
    assert "nothing to draw" in views.bundle(kind("None", {}))["text/plain"]
