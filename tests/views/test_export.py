"""Results leave the lab: each kind as each kind of file, whole and offline, or with one sentence why not."""

import csv
import io
import os
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from labkit import views
from labkit.core.errors import OptionError
from labkit.core.results import TokenSplit
from labkit.views import export

from .gallery import EVIL, empty, examples, hostile

EXAMPLES, HOSTILE = examples(), hostile()
SVG = "{http://www.w3.org/2000/svg}"
DRAWN = ("bars", "split", "patterns", "tree")
"""One result of each way of drawing: plotly, boxes and texts, canvases, an SVG of the page."""


@pytest.fixture(scope="module")
def browser():
    if export.browser() is None:
        if os.environ.get("LABKIT_REQUIRE_BROWSER") == "1":
            pytest.fail("the browser's tests must run here, but there is no Chromium")
        pytest.skip("pictures were NOT saved: no Chromium, Chrome or Edge on this machine")


@pytest.fixture(scope="module")
def pictures(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return {name: views.save(HOSTILE[name], folder / f"{name}.svg").read_text("utf-8") for name in DRAWN}


@pytest.mark.parametrize("name", EXAMPLES)
def test_numbers_words_and_page_of_each_result(tmp_path, name):
    result = EXAMPLES[name]
    rows = list(csv.reader(io.StringIO(views.save(result, tmp_path / "new" / "a.CSV").read_text("utf-8"))))
    frame = views.frame(result)
    assert isinstance(frame, pd.DataFrame)
    assert rows[0] == list(frame.columns)
    assert len(rows) == len(frame) + 1 > 1
    assert views.save(result, tmp_path / "a.txt").read_text("utf-8") == views.twin(result) + "\n"
    page = views.save(result, tmp_path / "a.html").read_text("utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=.?https?:", page)


def test_a_csv_is_read_back_as_it_was(tmp_path):
    split = TokenSplit((" a", "\n", "\t", '"', "⟨e2⟩", "日"), tuple(range(6)), "x")
    back = pd.read_csv(views.save(split, tmp_path / "a.csv"), keep_default_na=False)
    assert tuple(back["token"]) == split.tokens
    bars = EXAMPLES["bars with intervals"]
    back = pd.read_csv(views.save(bars, tmp_path / "b.csv"))
    assert np.array_equal(back.to_numpy()[:, 1:].astype(float).T, [bars.values, bars.low, bars.high])


@pytest.mark.parametrize("name", ["head", "head.gif", ".svg", "head.svg.bak"])
def test_an_unknown_ending_names_those_that_are_known(tmp_path, name):
    with pytest.raises(OptionError, match=r"\.svg \.png \.pdf \.html \.csv \.txt"):
        views.save(EXAMPLES["bars"], tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["bars", "split"])
def test_what_is_empty_has_no_picture_and_leaves_no_file(tmp_path, name):
    with pytest.raises(OptionError, match=r"nothing to draw.*\.csv"):
        views.save(empty()[name], tmp_path / "a.svg")
    assert not list(tmp_path.iterdir())


def test_without_a_browser_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_BROWSER", "no-such-program")
    with pytest.raises(OptionError, match=r"no Chromium, Chrome or Edge.*LABKIT_BROWSER.*; install one"):
        views.save(EXAMPLES["bars"], tmp_path / "a.png")
    assert views.save(EXAMPLES["bars"], tmp_path / "a.csv").exists()


def test_a_browser_that_fails_is_told_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_BROWSER", "true")
    with pytest.raises(OptionError, match="drew nothing of this Bars"):
        views.save(EXAMPLES["bars"], tmp_path / "a.png")


@pytest.mark.browser
@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_holds_its_words_and_no_program(pictures, name):
    root = ElementTree.fromstring(pictures[name])
    words = "".join(text for part in root.iter(f"{SVG}text") for text in part.itertext())
    assert re.sub(r"\s", "", EVIL)[:40] in re.sub(r"[\s␣]", "", words) or name == "patterns"
    assert float(root.get("width")) > 100 and float(root.get("height")) > 40
    assert not [part for part in root.iter() if part.tag in (f"{SVG}script", f"{SVG}foreignObject")]
    attributes = [(key, value) for part in root.iter() for key, value in part.items()]
    assert not [key for key, _ in attributes if key.startswith("on")]
    assert not [value for _, value in attributes if "var(" in value or re.match("https?:", value)]


@pytest.mark.browser
def test_a_drawing_inside_a_picture_is_placed_whole(pictures):
    """A tree once lost its height, which a style gave it, and with it its lower half."""
    whole = ElementTree.fromstring(pictures["tree"])
    inner = list(whole.iter(f"{SVG}svg"))[1:]
    assert inner
    for one in inner:
        for start, size in (("x", "width"), ("y", "height")):
            assert float(one.get(start, 0)) + float(one.get(size, "nan")) <= float(whole.get(size, 0)) + 1


@pytest.mark.browser
@pytest.mark.parametrize("name", ["grouped bars", "samples"])
def test_a_png_is_twice_as_wide_as_its_svg_and_not_blank(browser, tmp_path, name):
    from PIL import Image

    root = ElementTree.parse(views.save(EXAMPLES[name], tmp_path / "a.svg")).getroot()
    with Image.open(views.save(EXAMPLES[name], tmp_path / "a.png")) as image:
        assert image.width == pytest.approx(2 * float(root.get("width")), abs=2)
        assert len(image.convert("RGB").getcolors(1 << 24)) > 20
        assert image.convert("RGB").getpixel((image.width - 1, 0)) == (255, 255, 255), "paper is white"


@pytest.mark.browser
def test_a_strip_breaks_its_lines_where_the_page_does(browser, tmp_path):
    split = TokenSplit(("a", ".\n", "b", "\tc", " العربية"), tuple(range(5)), "x")
    root = ElementTree.parse(views.save(split, tmp_path / "a.svg")).getroot()
    lines = {}
    for part in root.iter(f"{SVG}text"):
        lines.setdefault(round(float(part.get("y"))), []).append(part.text)
    assert list(lines.values())[1:] == [["a", ".↵"], ["b", "⇥", "c", " العربية"]]


@pytest.mark.browser
def test_a_pdf_is_one_page_of_the_pictures_size(browser, tmp_path):
    content = views.save(EXAMPLES["bars"], tmp_path / "a.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
