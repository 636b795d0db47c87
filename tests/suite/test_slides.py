import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labkit.core.errors import NotebookError
from labkit.suite.offline import requests_of
from labkit.suite.pages import PLOTLY
from labkit.suite.slides import arrange, write_slides

SHOWN = [new_output("stream", text="3")]


def lesson():
    cells = [
        new_markdown_cell("# Title"),
        new_code_cell("SEED = 0", metadata={"tags": ["parameters"]}),
        new_code_cell("lab.begin()", outputs=SHOWN),
        new_markdown_cell("## 1 · First"),
        new_code_cell("x = 1"),
        new_code_cell("show(x)", outputs=SHOWN),
        new_markdown_cell("What we see."),
        new_code_cell("claim(x)", outputs=SHOWN),
        new_markdown_cell("only for the speaker", metadata={"slideshow": {"slide_type": "notes"}}),
        new_markdown_cell("apart", metadata={"slideshow": {"slide_type": "slide"}}),
    ]
    return new_notebook(cells=cells)


def test_headings_begin_slides_and_what_is_shown_ends_a_step():
    assert arrange(lesson()) == [[[0, 2]], [[3, 4, 5], [6, 7]], [[9]]]


@pytest.fixture
def reveal(tmp_path):
    """Stand-ins for the two files of reveal.js."""
    for name in ("r.js", "r.css"):
        (tmp_path / name).write_text(f"/* {name} */")
    return tmp_path / "r.js", tmp_path / "r.css"


def test_slides_stand_beside_all_that_they_need(tmp_path, reveal):
    book = lesson()
    book.cells[5].outputs = [new_output("display_data", {PLOTLY: {"data": [], "layout": {}}})]
    folder = tmp_path / "slides"
    text = write_slides(book, folder, "02_attention", reveal=reveal).read_text()
    assert requests_of(text) == [] and text.count('<div class="step">') == 4
    assert 'data-figure="0"' in text and "only for the speaker" not in text and "SEED" not in text
    assert {path.name for path in folder.iterdir()} == {
        "02_attention.html", "02_attention.figures.js", "plotly.min.js", "reveal.js", "reveal.css"}  # fmt: skip


def test_a_lesson_that_was_not_executed_is_refused(tmp_path, reveal):
    with pytest.raises(NotebookError, match="has no outputs to show"):
        write_slides(new_notebook(cells=[new_code_cell("1")]), tmp_path, "02_attention", reveal=reveal)


def test_nbconverts_own_slides_would_ask_other_hosts():
    """The reason for slides of our own; when this fails, nbconvert's template can be used again."""
    from nbconvert import SlidesExporter

    page, _ = SlidesExporter(reveal_url_prefix=".").from_notebook_node(lesson())
    assert len(requests_of(page)) >= 3
