import json
import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labkit.suite.markup import markdown
from labkit.suite.offline import requests_of
from labkit.suite.pages import LIMIT, PLOTLY, WIDGET, add_plotly, write_page

FIGURE = {"data": [{"type": "bar", "x": ["<b>a</b>"], "y": [1]}], "layout": {"height": 300}, "config": {}}


def shown(data, **more):
    return new_output("display_data", data, **more)


def notebook(*outputs, text="# 02 · Attention\nA promise."):
    return new_notebook(cells=[new_markdown_cell(text), new_code_cell("lab.show(x)", outputs=list(outputs))])


def page_of(tmp_path, *outputs, **more):
    """(page, its HTML, its figures)."""
    page = write_page(notebook(*outputs), tmp_path, "02_attention", back="../report.html", **more)
    text = (tmp_path / "02_attention.html").read_text()
    figures = (tmp_path / "02_attention.figures.js").read_text()
    return page, text, json.loads(figures.split(" = ", 1)[1].rstrip(";\n").replace("<\\/", "</"))


def test_a_plotly_figure_is_drawn_by_the_one_script_beside_the_pages(tmp_path):
    page, text, figures = page_of(tmp_path, shown({PLOTLY: FIGURE, "text/plain": "Bars: a is largest"}))
    add_plotly(tmp_path)
    assert page.title == "02 · Attention"
    assert figures[0]["value"] == FIGURE and figures[0]["label"] == "Bars: a is largest"
    assert text.count("<script src=") == 2 and 'src="plotly.min.js"' in text
    assert 'data-figure="0"' in text and "height:300px" in text
    assert "<noscript><pre>Bars: a is largest" in text
    assert (tmp_path / "plotly.min.js").stat().st_size > 1_000_000


def test_a_page_without_figures_loads_no_script(tmp_path):
    _, text, _ = page_of(tmp_path, new_output("stream", text="3"))
    assert "<script src=" not in text


def test_text_of_outputs_is_shown_as_text(tmp_path):
    bad = "<script>alert(1)</script>"
    outputs = [
        new_output("stream", text=bad),
        new_output("error", ename="E", evalue=bad, traceback=[bad]),
        shown({"text/plain": bad}),
        shown({"image/png": "AAAA", "text/plain": f'"{bad}'}),
        shown({PLOTLY: FIGURE, "text/plain": bad}),
    ]
    _, text, _ = page_of(tmp_path, *outputs)
    assert bad not in text and "&lt;script&gt;" in text


def test_a_figures_text_cannot_end_its_script(tmp_path):
    figure = {**FIGURE, "layout": {"title": {"text": "</script><script>alert(1)</script>\u2028"}}}
    page_of(tmp_path, shown({PLOTLY: figure}))
    script = (tmp_path / "02_attention.figures.js").read_text()
    assert "</script" not in script and "\u2028" not in script


def test_a_page_asks_no_other_host_and_forbids_it(tmp_path):
    planted = '<script src="https://cdn.example.org/require.js"></script>'
    outputs = [shown({PLOTLY: FIGURE}), shown({"text/latex": "$x^2$"}), shown({WIDGET: {"model_id": "1"}})]
    _, text, _ = page_of(tmp_path, *outputs)
    assert requests_of(text) == [] and "Content-Security-Policy" in text and "default-src &#39;self&#39;" in text
    _, text, _ = page_of(tmp_path, shown({"text/html": planted}))
    assert requests_of(text) == ["https://cdn.example.org/require.js"]  # the policy blocks it, the report says it


def test_a_widget_is_shown_by_the_picture_that_it_left(tmp_path):
    _, text, _ = page_of(tmp_path, shown({WIDGET: {}, "text/html": "<p>first state</p>", "text/plain": "VBox()"}))
    assert "first state" in text and "VBox" not in text
    _, text, _ = page_of(tmp_path, shown({WIDGET: {}, "text/plain": "VBox()"}))
    assert "VBox()" not in text.split("<main>")[1] and "open the notebook in JupyterLab" in text


def test_the_page_with_its_figures_stays_under_its_limit(tmp_path):
    big = {"data": [{"y": list(range(400_000))}], "layout": {}}
    outputs = [shown({PLOTLY: big, "text/plain": "what the big figure showed"}), shown({"text/html": "x" * 900_000}),
               shown({PLOTLY: FIGURE}), new_output("stream", text="y" * 200_000)]  # fmt: skip
    _, text, figures = page_of(tmp_path, *outputs)
    sizes = [path.stat().st_size for path in tmp_path.glob("02*")]
    assert sum(sizes) <= LIMIT < 3_000_000
    assert "left out here: an output of" in text and "what the big figure showed" in text
    assert [figure["value"] for figure in figures] == [FIGURE] and "y" * 1000 in text and "x" * 1000 in text


def test_a_small_limit_leaves_out_the_largest_first(tmp_path):
    outputs = [new_output("stream", text="a" * 60_000), new_output("stream", text="b" * 90_000)]
    page_of(tmp_path, *outputs, limit=110_000)
    text = (tmp_path / "02_attention.html").read_text()
    assert "a" * 1000 in text and "b" * 1000 not in text


def test_mathematics_needs_no_script():
    page = markdown("Weights $a_{ij}$ and $$\\sum_j a_{ij} = 1$$ but `$x$` and \\$5.")
    assert page.count("<math") == 2 and "<code>$x$</code>" in page and "$5" in page
    assert "MathJax" not in page


def test_mathematics_that_is_not_known_is_shown_as_written():
    assert "<script" not in markdown("$<script>alert(1)</script>$")
    assert "frac" in markdown("$\\frac{1}{$")


def test_markdown_runs_no_script_but_keeps_its_html():
    page = markdown(
        "# A <script>alert(1)</script>\n\n<div onclick=x>a</div>\n\n<b>b</b> [l](javascript:alert) <sub>2</sub>"
    )
    assert "<script" not in page and "<div onclick" not in page and "javascript:" not in page
    assert "<b>b</b>" in page and "<sub>2</sub>" in page and "&lt;script&gt;" in page


def test_solutions_are_folded(tmp_path):
    book = notebook()
    book.cells[1].source = "x = ...\n### BEGIN SOLUTION\nx = 3\n### END SOLUTION"
    write_page(book, tmp_path, "02_attention")
    assert '<details class="solution">' in (tmp_path / "02_attention.html").read_text()


def test_cells_keep_the_numbers_that_they_have_in_the_notebook_as_written(tmp_path):
    book = notebook()
    book.cells.insert(1, new_code_cell("SEED = 1", metadata={"tags": ["injected-parameters"]}))
    banner = new_markdown_cell("papermill: An Exception", metadata={"tags": ["papermill-error-cell-tag"]})
    book.cells.insert(0, banner)
    page = write_page(book, tmp_path, "02_attention")
    text = (tmp_path / "02_attention.html").read_text()
    assert "An Exception" not in text and page.title == "02 · Attention"
    assert re.findall(r'id="(cell-\d+)"', text) == ["cell-0", "cell-1"]


@pytest.mark.parametrize("name", ["02 attention & <b>", "ünïcode"])
def test_odd_names_make_a_page(tmp_path, name):
    write_page(notebook(shown({PLOTLY: FIGURE})), tmp_path, name)
    assert (tmp_path / f"{name}.html").exists() and "<b>.figures" not in (tmp_path / f"{name}.html").read_text()


def test_one_thumbnail_of_a_cell_is_enough(tmp_path):
    strips = [shown({"text/html": f'<div class="lk-strip">{i}</div>', "text/plain": str(i)}) for i in range(3)]
    book = notebook(*strips)
    book.cells.append(new_code_cell("more", outputs=[strips[2]]))
    page = write_page(book, tmp_path, "02_attention")
    assert [figure["label"] for figure in page.figures] == ["0", "2"]


def test_only_pictures_become_thumbnails(tmp_path):
    claim = shown({"text/html": "<svg></svg>"}, metadata={"labkit": {"claim": {}}})
    style = shown({"text/html": "<style>.lk-strip {}</style>"})
    strip = shown({"text/html": '<div class="lk-strip">a</div>', "text/plain": "the strip"})
    planted = shown({"text/html": '<svg></svg><script src="https://cdn.example.org/x.js"></script>'})
    _, _, figures = page_of(tmp_path, claim, style, strip, planted, shown({"image/png": "AAAA"}))
    assert [(figure["kind"], figure["label"]) for figure in figures] == [("html", "the strip"), ("image", "")]
