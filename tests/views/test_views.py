"""Laws of the pictures: each has a twin and data, nothing is unescaped, nothing is cut, nothing hangs."""

import json
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from labkit import views
from labkit.core import results
from labkit.core.errors import OptionError
from labkit.core.results import Bars, Curve, Curves, LayerGrid, Points, Samples, Table, TokenScores, TokenSplit
from labkit.views import theme
from labkit.views.axes import log_axis
from labkit.views.curves import spread
from labkit.views.text import number

from .gallery import empty, examples, hostile
from .reading import drawn, parsed

TYPES = [getattr(results, name) for name in results.__all__]
EXAMPLES, HOSTILE, EMPTY = examples(), hostile(), empty()


@pytest.mark.parametrize("collection", [EXAMPLES, HOSTILE, EMPTY], ids=["examples", "hostile", "empty"])
def test_every_result_type_is_in_each_collection(collection):
    assert {type(result) for result in collection.values()} >= set(TYPES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_picture_has_a_twin_that_names_its_title_and_its_largest_value(name):
    result = EXAMPLES[name]
    words = views.bundle(result)["text/plain"]
    assert words == views.twin(result)
    title = getattr(result, "title", "") or getattr(result, "name", "")
    assert title in words
    values = getattr(result, "values", None)
    if isinstance(values, np.ndarray) and not isinstance(result, results.HeadPatterns):
        assert number(np.nanmax(values)) in words


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_picture_has_its_data_as_a_table(name):
    table = views.data(EXAMPLES[name])
    assert isinstance(table, Table)
    assert len(table) > 0
    assert "<table" in views.html(table)


def test_the_data_of_bars_and_curves_hold_every_number():
    bars = EXAMPLES["bars with intervals"]
    assert views.data(bars).rows[0] == ("one token", 0.81, 0.72, 0.88)
    curves = EXAMPLES["log curves"]
    assert len(views.data(curves)) == 54
    assert views.data(EXAMPLES["grouped bars"]).columns == ("language", "gpt2", "o200k")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_bundle_is_json_that_a_notebook_can_store(name):
    content = views.bundle(EXAMPLES[name])
    text = json.dumps(content, allow_nan=False)
    assert "text/plain" in content
    text.encode()


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_result_says_so_instead_of_drawing_an_empty_box(name):
    content = views.bundle(EMPTY[name])
    assert set(content) == {"text/html", "text/plain"}
    assert re.search(r"nothing to draw|no tokens|no samples|no rows", parsed(content["text/html"]).text)
    assert re.search(r"nothing to draw|no tokens|no samples|no rows", content["text/plain"])


def test_a_strip_of_100_000_tokens_is_limited_and_says_so():
    tokens = tuple(f"t{i} " for i in range(100_000))
    for result in (
        TokenSplit(tokens, tuple(range(100_000)), "".join(tokens), "gpt2"),
        TokenScores(tokens, np.linspace(0, 1, 100_000)),
        Samples(("p",), ("t",), (tokens,), (tuple(range(100_000)),), (-np.ones(100_000),)),
    ):
        page = views.html(result)
        assert len(page) < 600_000
        assert "The first 2,000 of 100,000 tokens are shown." in page
        assert len(views.twin(result)) < 2_000_000


def test_a_token_of_100_000_characters_is_shown_by_its_beginning():
    page = views.html(TokenSplit(("x" * 100_000,), (1,), "x" * 100_000))
    assert len(page) < 10_000
    assert "100,000 characters" in page


@pytest.mark.parametrize("rows, scrolls", [(1, False), (40, False), (41, True)])
def test_a_table_is_seen_whole_or_says_that_it_scrolls(rows, scrolls):
    page = views.html(Table(("n",), tuple((i,) for i in range(rows))))
    assert ('class="lk-scroll"' in page) == (f"{rows} rows; scroll" in page) == scrolls


def test_long_tables_are_limited_and_say_so():
    page = views.html(Table(("n",), tuple((i,) for i in range(5000))))
    assert page.count("<tr>") == 201
    assert "200 of 5,000 rows are shown; scroll" in page


def test_more_bars_than_fit_are_counted_in_the_title_and_kept_in_the_data():
    figure = drawn(EXAMPLES["many bars"])
    assert len(figure["data"][0]["x"]) == 60
    assert "the first 60 of 250" in figure["layout"]["title"]["text"]
    assert len(views.data(EXAMPLES["many bars"])) == 250


def test_long_labels_are_wrapped_and_never_cut():
    label = "a very long label that goes on and on" * 4
    figure = drawn(Bars((label, "b"), np.ones(2), "amount", title=label * 2))
    ticks = figure["layout"]["yaxis"]["ticktext"][0]
    assert "<br>" in ticks
    assert ticks.replace("<br>", "").split() == label.split()
    assert "…" not in json.dumps(figure["layout"])


def test_equal_labels_stay_two_bars():
    figure = drawn(Bars((" the", " the"), np.array([0.5, 0.25]), "p"))
    assert figure["data"][0]["y"] == [0, 1]


def test_nan_is_drawn_as_missing_and_not_as_zero():
    assert drawn(EXAMPLES["signed bars"])["data"][0]["x"] == [0.5, -1.25, None]
    assert drawn(EXAMPLES["grid with text"])["data"][0]["z"][0][2] is None
    assert "no value" in views.html(EXAMPLES["scores"])
    assert number(float("nan")) == "–"


def test_intervals_are_drawn_on_bars_points_and_lines():
    bar = drawn(EXAMPLES["bars with intervals"])["data"][0]
    assert bar["error_x"]["array"] == pytest.approx([0.07, 0.10, 0.09])
    assert bar["error_x"]["arrayminus"] == pytest.approx([0.09, 0.09, 0.07])
    point = next(t for t in drawn(EXAMPLES["log curves"])["data"] if t["mode"] == "markers")
    assert point["error_y"]["array"] == pytest.approx([0.3, 0.1, 0.1, 0.1])
    assert any(t.get("fill") == "toself" for t in drawn(EXAMPLES["curves"])["data"])


def test_axes_carry_their_quantities_with_units():
    layout = drawn(EXAMPLES["curves"])["layout"]
    assert layout["xaxis"]["title"]["text"] == "step"
    assert layout["yaxis"]["title"]["text"] == "loss, nats per token"
    grid = drawn(EXAMPLES["grid"])
    assert grid["data"][0]["colorbar"]["title"]["text"].replace("<br>", "") == "change of log p, nats"


def test_a_centred_grid_has_its_neutral_colour_at_zero():
    trace = drawn(EXAMPLES["grid"])["data"][0]
    assert trace["zmin"] == -trace["zmax"]


def test_log_axes_are_log_axes():
    layout = drawn(EXAMPLES["named points"])["layout"]
    assert layout["xaxis"]["type"] == layout["yaxis"]["type"] == "log"


def test_labels_at_curve_ends_stand_apart():
    places = spread([0.0, 0.01, 0.02, 1.0], gap=0.1)
    assert all(b - a >= 0.1 - 1e-9 for a, b in pairwise(places))
    assert places[3] == 1.0
    assert sum(places[:3]) / 3 == pytest.approx(0.01)
    assert spread([0.0, 1.0], gap=0.1) == [0.0, 1.0]


@pytest.mark.parametrize(
    "value, text",
    [(0, "0"), (1234, "1,234"), (0.7749, "0.775"), (1.2e-5, "1.2 × 10⁻⁵"), (-0.5, "−0.500"), (3e9, "3,000,000,000"),
     (True, "yes"), (None, "–"), ("x", "x"), (np.float32(2.5), "2.50"), (np.int64(7), "7"), (float("inf"), "∞"),
     (np.bool_(False), "no")],
)  # fmt: skip
def test_numbers_read_as_a_person_writes_them(value, text):
    assert number(value) == text


def test_show_displays_the_picture_then_its_data(monkeypatch):
    seen = []
    monkeypatch.setattr("IPython.get_ipython", object)
    monkeypatch.setattr("IPython.display.display", lambda content, **_: seen.append(content))
    views.show(EXAMPLES["bars"])
    assert [set(c) for c in seen] == [{views.PLOTLY, "text/plain"}, {"text/html", "text/plain"}]
    assert "<details><summary>data" in seen[1]["text/html"]
    seen.clear()
    views.show([EXAMPLES["bars"], EXAMPLES["table"]], table=False)
    assert [set(c) for c in seen] == [{views.PLOTLY, "text/plain"}, {"text/html", "text/plain"}]
    seen.clear()
    views.show(EXAMPLES["curves"], table=True)
    assert "<details open>" in seen[1]["text/html"]


def test_a_result_without_a_figure_says_how_to_show_it():
    with pytest.raises(OptionError, match=r"lab\.show"):
        views.figure(EXAMPLES["table"])


def test_nothing_that_is_drawn_asks_another_host():
    for result in EXAMPLES.values():
        assert not re.search(r"https?://", json.dumps(views.bundle(result)))
    assert "http" not in theme.css()


def test_views_load_plotly_only_when_a_figure_is_drawn():
    code = "import labkit.views, sys; assert 'plotly' not in sys.modules and 'IPython' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_template_is_registered_once_and_changes_no_default():
    import plotly.io as pio

    before = pio.templates.default
    views.figure(EXAMPLES["bars"])
    assert "labkit" in pio.templates
    assert pio.templates.default == before


def test_colours_of_named_types_follow_the_palette():
    from labkit.core.palette import BLUE, ORANGE

    trace = drawn(EXAMPLES["bars"])["data"][0]
    assert trace["marker"]["color"][:2] == [ORANGE, BLUE]


def test_one_curve_one_point_and_one_cell_can_be_drawn():
    one = np.array([1.0])
    curve, point = Curve("c", one, one), Points(one, one, ("p",), named=True)
    for result in (curve, Curves((curve,), "x", "y"), point, LayerGrid(np.ones((1, 1))), Bars(("a",), one)):
        assert views.PLOTLY in views.bundle(result)


def test_log_axes_with_zero_and_negative_values_are_drawn():
    values = np.array([-1.0, 0.0, 10.0])
    drawn(Points(values, values, ("a", "b", "c"), log_x=True, log_y=True, named=True))
    drawn(Curves((Curve("a", values, values), Curve("b", values, values + 1)), "x", "y", log_x=True, log_y=True))


def test_letters_in_a_grid_are_light_on_dark_cells_and_dark_on_light_ones():
    dark, light, *blank = drawn(EXAMPLES["grid with text"])["data"]
    assert [trace["textfont"]["color"] for trace in (dark, light)] == ["#ffffff", "#1A1A1A"]
    assert dark["text"] == [["", "0.1", ""], ["0.3", "", "0.1"]]
    assert light["text"] == [["0.9", "", ""], ["", "0.6", ""]]
    assert (dark["zmin"], dark["zmax"]) == (light["zmin"], light["zmax"])
    assert [trace["mode"] for trace in blank] == ["text"]


@pytest.mark.parametrize("low, high", [(1.0, 3.0), (2.6, 5.5), (260, 2300), (0.001, 0.08)])
def test_a_narrow_log_axis_has_a_few_plain_numbers_as_ticks(low, high):
    axis = log_axis(np.array([low, high]), True)
    assert 3 <= len(axis["tickvals"]) <= 8
    assert len(set(axis["ticktext"])) == len(axis["tickvals"])
    assert log_axis(np.array([1.0, 1e4]), True)["dtick"] == 1


def test_strips_of_one_scale_that_follow_one_another_share_a_key(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.get_ipython", object)
    monkeypatch.setattr("IPython.display.display", lambda content, **_: shown.append(content["text/html"]))
    strips = [
        TokenScores(("a", "b"), np.array([0.2, 0.9]), "probability", low=0.0, high=h) for h in (1, 1, 2, None, None)
    ]
    views.show(strips)
    assert ['class="lk-scale"' in content for content in shown] == [True, False, True, True, True]
    assert all('class="lk-strip"' in content for content in shown)
