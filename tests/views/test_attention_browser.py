"""The attention view and bertviz's in Chromium: drawn, quick, moved by mouse and keyboard, dark on a dark page."""

from contextlib import contextmanager

import pytest

from labkit import views
from labkit.core.results import HeadPatterns
from labkit.views import bertviz

from .test_attention import patterns
from .test_attention_pack import weights

pytestmark = pytest.mark.browser


@pytest.fixture
def chromium(desk):
    """For pages that are files."""
    return desk.chromium


@contextmanager
def drawn(chromium, folder, body, *, background="#fff", ready="body[data-drawn]"):
    """(page, frame, troubles) with the view on a page of its own."""
    (folder / "page.html").write_text(f'<meta charset="utf-8"><body style="background:{background}">{body}')
    page = chromium.new_page(viewport={"width": 1000, "height": 1000})
    troubles = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda r: troubles.append(r.url) if r.url.startswith("http") else None)
    page.goto(f"file://{folder}/page.html")
    page.wait_for_function("() => document.querySelector('iframe') !== null")
    inside = page.frames[1]
    inside.wait_for_selector(ready, state="attached", timeout=60_000)
    yield page, inside, troubles
    page.close()


def says(inside):
    return inside.locator("#says").text_content()


def test_it_is_drawn_and_follows_mouse_and_keyboard(chromium, tmp_path):
    with drawn(chromium, tmp_path, views.html(patterns(8, layers=4, heads=3))) as (page, inside, troubles):
        title = inside.locator("#name")
        assert title.text_content() == "L2H0"
        inside.locator("#grid").click(position={"x": 30 + 1, "y": 18 + 1})
        assert title.text_content() == "L0H0"
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        assert title.text_content() == "L1H1"
        before = says(inside)
        inside.locator("#tokens span").nth(2).hover()
        assert says(inside).startswith("“␣t2” looks at")
        assert says(inside) != before
        assert troubles == []


def test_a_decoders_large_map_is_a_triangle_and_an_encoders_a_square(chromium, tmp_path):
    count = """() => { const c = document.getElementById('large');
        const p = c.getContext('2d').getImageData(82, 82, c.width - 82, c.height - 82);
        const clear = (x, y) => p.data[4 * (y * p.width + x) + 3] === 0;
        return [clear(p.width - 8, 8), clear(8, p.height - 24)]; }"""
    for causal, expected in ((True, [True, False]), (False, [False, False])):
        result = patterns(8, layers=1, heads=1, causal=causal)
        with drawn(chromium, tmp_path, views.html(result)) as (_, inside, troubles):
            assert inside.evaluate(count) == expected
            assert troubles == []


@pytest.mark.parametrize("layers, heads, size", [(30, 9, 256), (1, 9, 2048)])
def test_large_views_are_drawn_within_a_second(chromium, tmp_path, layers, heads, size):
    tokens = tuple(f" w{i}" for i in range(size))
    values = weights(layers * heads, size, sharp=0.05).reshape(layers, heads, size, size)
    result = HeadPatterns(tokens, tokens, values, tuple(range(layers)))
    with drawn(chromium, tmp_path, views.html(result)) as (_, inside, troubles):
        # On a machine busy with other tests; alone it takes about a third of this.
        assert inside.evaluate("() => +document.body.dataset.drawn") <= 3000
        assert troubles == []


@pytest.mark.parametrize("background, theme", [("#ffffff", "light"), ("#111111", "dark")])
def test_it_takes_the_pages_theme(chromium, tmp_path, background, theme):
    with drawn(chromium, tmp_path, views.html(patterns()), background=background) as (page, inside, _):
        page.wait_for_timeout(200)
        assert inside.evaluate("() => document.documentElement.dataset.theme") == theme
        red = int(inside.evaluate("() => getComputedStyle(document.body).color").split("(")[1].split(",")[0])
        assert (red > 128) == (theme == "dark")


def test_markup_in_tokens_is_shown_not_run(chromium, tmp_path):
    token = "<script>parent.x=1</script><img src=x onerror=alert(1)>"
    with drawn(chromium, tmp_path, views.html(patterns(tokens=("a", token, "b")))) as (_, inside, troubles):
        assert inside.locator("#tokens span").nth(1).text_content() == token
        assert inside.locator("img").count() == 0
        assert troubles == []


@pytest.mark.weights
@pytest.mark.parametrize("view", bertviz.VIEWS)
def test_bertviz_draws_its_lines_offline(chromium, tmp_path, view):
    from labkit.assets import member

    scripts = [member(name).read_text("utf-8") for name in ("jquery.js", "d3.js")]
    result = patterns(5, layers=2, heads=3, tokens=("The", " <b>bank</b>", "</script>", " of", " it"))
    extra = {name: weights(6, 8, causal=False).reshape(2, 3, 8, 8)[:, :, :5] for name in ("queries", "keys")}
    page_html = bertviz.page(result, scripts, view=view, **(extra if view == "neuron" else {}))
    with drawn(chromium, tmp_path, page_html, ready="svg line") as (_, inside, troubles):
        assert inside.locator("svg line").count() >= 15
        if view != "model":
            assert "<b>bank</b>" in "".join(inside.locator("svg text").all_text_contents())
        assert inside.locator("svg b").count() == 0
        assert troubles == []
