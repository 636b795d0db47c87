"""The attention view without a browser: what it holds, how large it is, that no text becomes markup."""

import html
import re

import numpy as np
import pytest

from labkit import views
from labkit.core.results import HeadPatterns
from labkit.views.iframe import iframe, script_data

from .test_attention_pack import weights

NASTY = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]>",
    "<!--",
    "\u2028",
    "\ud800",
    "\x00",
)


def patterns(size=6, layers=2, heads=3, tokens=None, **more):
    tokens = tuple(tokens or (f" t{i}" for i in range(size)))
    values = weights(layers * heads, len(tokens)).reshape(layers, heads, len(tokens), len(tokens))
    return HeadPatterns(tokens, tokens, values, tuple(range(layers)), **{"title": "Attention", **more})


def document(page):
    """The HTML inside the frame."""
    return html.unescape(re.search(r'srcdoc="([^"]*)"', page).group(1))


@pytest.mark.parametrize("name", ["script", "view", "caption", "hide_grid"])
def test_a_title_is_no_place_for_another_part(name):
    page = document(views.html(patterns(title="{{" + name + "}}")))
    assert "{{" + name + "}}" in page and page.count("</script>") == document(views.html(patterns())).count("</script>")


def test_it_is_one_sandboxed_frame_that_may_only_run_scripts():
    page = views.html(patterns())
    assert re.fullmatch(r"<iframe [^<>]*></iframe>", page), "nothing but the frame stands in the notebook"
    assert 'sandbox="allow-scripts"' in page
    assert not re.search(r"https?://", document(page)), "nothing is fetched"


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_becomes_markup_inside_the_frame_either(nasty):
    result = patterns(tokens=("a", nasty, "b"), title=nasty, classes=((nasty,) * 3,) * 2)
    plain = patterns(tokens=("a", "x", "b"), title="x", classes=(("x",) * 3,) * 2)
    tags = [re.findall(r"<(/?\w+|!--)", document(views.html(r))) for r in (result, plain)]
    assert tags[0] == tags[1]
    views.html(result).encode()


def test_the_guard_would_see_an_unescaped_token():
    body = f"<script>const view = {script_data('x').replace('x', '</script><b>')};</script>"
    assert "b" in re.findall(r"<(/?\w+)", document(iframe(body, height=1, title="")))


def test_a_large_view_stays_below_two_megabytes():
    values = weights(270, 256, sharp=0.05).reshape(30, 9, 256, 256)
    tokens = tuple(f" word{i}" for i in range(256))
    page = views.html(HeadPatterns(tokens, tokens, values, tuple(range(30)), classes=(("induction",) * 9,) * 30))
    assert len(page.encode()) <= 2_000_000


def test_the_twin_names_each_head_its_class_and_its_three_strongest_pairs():
    values = np.zeros((1, 2, 3, 3), np.float32)
    values[0, 0] = np.eye(3)
    values[0, 1] = [[1, 0, 0], [0.75, 0.25, 0], [0.1, 0.9, 0]]
    result = HeadPatterns(
        ("The", " bank", " <b>"), ("The", " bank", " <b>"), values, (4,), classes=(("self", "broad"),)
    )
    lines = views.twin(result).splitlines()
    assert lines[0] == "Attention: 1 layer × 2 heads, 3 tokens; each token sees itself and what came before"
    assert lines[1].startswith("L4H0 self: bank → bank 1.00, <b> → <b> 1.00")
    assert lines[2] == "L4H1 broad: <b> → bank 0.90, bank → The 0.75, bank → bank 0.25"
    assert len(lines) == 3


def test_the_twin_counts_what_an_encoder_and_cross_attention_see():
    values = np.full((1, 1, 2, 3), 1 / 3, np.float32)
    assert "2 queries × 3 keys; each token sees all" in views.twin(
        HeadPatterns(("a", "b"), ("x", "y", "z"), values, (0,), causal=False)
    )


def test_without_a_head_the_view_says_so():
    assert "there are no heads" in views.html(HeadPatterns(("a",), ("a",), np.empty((1, 0, 1, 1), np.float32), (0,)))


def test_the_frame_holds_each_weight_that_can_be():
    frame = views.frame(patterns(5, layers=2, heads=3))
    assert len(frame) == 2 * 3 * 15
    rows = frame.groupby(["layer", "head", "query"])["weight"].sum()
    assert np.allclose(rows, 1, atol=1e-5)
    one = frame[(frame.layer == 1) & (frame["head"] == 2) & (frame["query"] == 4) & (frame["key"] == 3)].iloc[0]
    assert (one["query token"], one["key token"]) == (" t4", " t3")
    assert one["weight"] == patterns(5, layers=2, heads=3).values[1, 2, 4, 3]


@pytest.mark.parametrize("size", [1, 2, 36, 37, 600])
def test_any_number_of_tokens_can_be_drawn(size):
    assert views.html(patterns(size, layers=1, heads=1))
