"""The report, the gallery, a lesson's page and its slides in a real browser: all drawn, no other host asked."""

import html

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labkit.suite.outcomes import ClaimRecord, Outcome, SuiteResult
from labkit.suite.reports import write_gallery, write_reports
from labkit.suite.slides import write_slides

PLOTLY = "application/vnd.plotly.v1+json"
CDN = "https://cdn.example.org/planted.js"
FIGURE = {"data": [{"type": "bar", "x": ["a", "b"], "y": [3, 1]}], "layout": {"height": 300, "title": {"text": "Bars"}}}
INSIDE = html.escape("<p id=x></p><script>x.textContent = 'drawn inside'</script>")
FRAMED = f'<iframe srcdoc="{INSIDE}"></iframe>'
STRIP = '<div class="labkit"><div class="lk-strip">token strip</div></div>'


@pytest.fixture
def chromium(desk):
    """For pages that are files."""
    return desk.chromium


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run with one lesson that shows a figure, a frame, a strip, mathematics, and a planted script."""
    folder = tmp_path_factory.mktemp("run")
    shown = [new_output("display_data", {PLOTLY: FIGURE, "text/plain": "Bars: a is largest"})]
    shown += [
        new_output("display_data", {"text/html": content}) for content in (FRAMED, f'<script src="{CDN}"></script>')
    ]
    cells = [
        new_markdown_cell("# 02 · Attention\nWeights $a_{ij}$ sum to one."),
        new_code_cell("show()", outputs=shown),
    ]
    cells += [
        new_markdown_cell("## 1 · Next"),
        new_code_cell("print(1)", outputs=[new_output("display_data", {"text/html": STRIP})]),
    ]
    nbformat.write(new_notebook(cells=cells), folder / "02_attention.ipynb")
    claim = ClaimRecord("attention/one", 1, "equals", 1, True)
    outcome = Outcome("notebooks/02_attention.ipynb", claims=(claim,), executed="02_attention.ipynb", seconds=2.0)
    result = SuiteResult((outcome,), wall_seconds=2.0)
    result.write(folder)
    write_reports(result, folder)
    write_gallery(result, folder, folder / "site")
    for name in ("reveal.js", "reveal.css"):
        (folder / name).write_text("" if name.endswith("css") else "window.Reveal = {initialize: async () => {}};")
    book = nbformat.read(folder / "02_attention.ipynb", as_version=4)
    write_slides(book, folder / "slides", "02_attention", reveal=(folder / "reveal.js", folder / "reveal.css"))
    return folder


class Seen:
    """A page that is open, and what its scripts complained about."""

    def __init__(self, chromium, path, scheme):
        self.page = chromium.new_page(color_scheme=scheme, viewport={"width": 1200, "height": 900})
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(path.as_uri())


def ink(page, selector):
    """Different colours in the picture of an element; 1 = blank."""
    from io import BytesIO

    from PIL import Image

    picture = Image.open(BytesIO(page.locator(selector).first.screenshot()))
    return len(picture.convert("RGB").getcolors(1 << 24))


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_lessons_page_draws_its_figures_frames_and_mathematics(chromium, run, scheme):
    seen = Seen(chromium, run / "pages/02_attention.html", scheme)
    seen.page.wait_for_selector(".plot .main-svg")
    assert ink(seen.page, ".plot") > 20
    assert seen.page.locator("math").count() == 1
    frame = next(frame for frame in seen.page.frames if frame.url == "about:srcdoc")
    assert frame.locator("#x").text_content() == "drawn inside"
    assert seen.errors == []
    dark = seen.page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


@pytest.mark.browser
def test_a_planted_script_is_blocked_by_the_pages_policy(chromium, run):
    complaints = []
    page = chromium.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    sent = []
    page.on("requestfinished", lambda request: sent.append(request.url))
    page.goto((run / "pages/02_attention.html").as_uri())
    page.wait_for_selector(".plot .main-svg")
    assert any(CDN in text and "Content Security Policy" in text for text in complaints)
    assert not any(url.startswith("http") for url in sent)


@pytest.mark.browser
@pytest.mark.parametrize("page", ["report.html", "site/index.html"])
def test_report_and_gallery_draw_thumbnails_of_every_kind(chromium, run, page):
    seen = Seen(chromium, run / page, "light")
    seen.page.wait_for_selector(".thumbnail .main-svg")
    assert ink(seen.page, ".thumbnail") > 20
    if page == "report.html":
        assert seen.page.locator(".thumbnail").count() == 3
        assert seen.page.locator(".thumbnail iframe").count() == 2
        assert seen.page.locator("h2").first.text_content().strip().endswith("02 · Attention")
    seen.page.locator("h2 a[href*='02_attention.html']").click()
    seen.page.wait_for_selector("text=sum to one")
    assert seen.errors == []


@pytest.mark.browser
def test_slides_open_from_a_file(chromium, run):
    seen = Seen(chromium, run / "slides/02_attention.html", "dark")
    assert seen.page.locator(".slides > section").count() == 2
    seen.page.wait_for_selector(".plot .main-svg")
    assert seen.errors == []
