import base64
import html
import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labkit.suite.offline import problems_of, requests_of, requests_of_script

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CDN = "https://cdn.example.org/d3.js"


def shown(mime, content):
    cell = new_code_cell("show()", outputs=[new_output("display_data", {mime: content})])
    return new_notebook(cells=[new_markdown_cell("## 3 · Heads"), cell])


@pytest.mark.parametrize(
    "page",
    [
        f'<script src="{CDN}"></script>',
        f'<SCRIPT SRC={CDN}></SCRIPT>',
        f'<link rel="stylesheet" href="{CDN}">',
        f'<img src="a.png" srcset="a.png 1x, {CDN} 2x">',
        f'<svg><image href="{CDN}"/></svg>',
        f'<div style="background: url({CDN})">',
        f"<style>@import '{CDN}';</style>",
        f"<iframe src='{CDN}'></iframe>",
        f'<iframe srcdoc="{html.escape(f"<script src={CDN}></script>")}"></iframe>',
        f'<iframe src="data:text/html;base64,{base64.b64encode(f"<script src={CDN}></script>".encode()).decode()}">',
        f"<script>import('{CDN}')</script>",
        f'<script type="module">import d3 from "{CDN}"</script>',
        f'<script>const s = document.createElement("script"); s.src = "{CDN}";</script>',
        f"<script>fetch(`{CDN}`)</script>",
        f"<script>d3.json('{CDN}')</script>",
        f"<script>require.config({{paths: {{d3: '{CDN}'}}}})</script>",
        f'<meta http-equiv="refresh" content="0; url={CDN}">',
    ],
)  # fmt: skip
def test_every_way_to_ask_another_host_is_seen(page):
    assert requests_of(page) == [CDN]


@pytest.mark.parametrize(
    "page",
    [
        f'<a href="{CDN}">a link that a reader may follow</a>',
        f"<code>{html.escape(f'<script src={CDN}></script>')}</code>",
        '<script src="plotly.min.js"></script><img src="data:image/png;base64,AAAA">',
        '<script>const ns = "http://www.w3.org/2000/svg"; // https://jquery.org/license</script>',
        f"<script>window.require = own;</script><script>require.config({{paths: {{d3: '{CDN}'}}}})</script>",
        '<img src="http://localhost:8888/x.png"><img src="http://127.0.0.1/x.png">',
        f'<script type="application/json">{{"import \'{CDN}\'": 1}}</script>',
        f"<!-- <script src={CDN}></script> -->",
        "<p>1 // 2</p>",
    ],
)
def test_what_asks_no_other_host_is_left_alone(page):
    assert requests_of(page) == []


def test_an_address_without_its_protocol_is_one():
    assert requests_of('<script src="//cdn.example.org/x.js"></script>') == ["//cdn.example.org/x.js"]


@pytest.mark.parametrize(
    "mime, content",
    [
        ("text/html", f'<script src="{CDN}"></script>'),
        ("image/svg+xml", f'<svg><image href="{CDN}"/></svg>'),
        ("text/markdown", f"![d3]({CDN})"),
        ("application/javascript", f'import("{CDN}")'),
        ("application/vnd.plotly.v1+json", {"data": [], "layout": {"images": [{"source": CDN}]}}),
    ],
)
def test_a_planted_cdn_link_is_caught_with_its_cell(mime, content):
    (problem,) = problems_of(shown(mime, content))
    assert (problem.kind, problem.cell) == ("offline", 1) and CDN in problem.message


def test_a_picture_in_the_text_is_caught_but_not_one_that_is_quoted_as_code():
    texts = [f"![d3]({CDN})", f"`![d3]({CDN})`", f'<img src="{CDN}">', f"[d3]({CDN})"]
    book = new_notebook(cells=[new_markdown_cell(text) for text in texts])
    assert [problem.cell for problem in problems_of(book)] == [0, 2]


def test_many_addresses_are_counted_not_listed():
    page = "".join(f'<script src="https://cdn.example.org/{i}.js"></script>' for i in range(9))
    (problem,) = problems_of(shown("text/html", page))
    assert "and 6 more" in problem.message and "/5.js" not in problem.message


def test_a_notebook_as_plain_json_is_read_too():
    book = json.loads(nbformat.writes(shown("text/html", ["<script ", f'src="{CDN}"></script>'])))
    assert [problem.cell for problem in problems_of(book)] == [1]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_no_lesson_text_asks_another_host(path):
    assert problems_of(nbformat.read(path, as_version=4)) == []


def test_the_labs_own_scripts_ask_no_host():
    for path in (ROOT / "labkit").rglob("*.js"):
        assert requests_of_script(path.read_text(encoding="utf-8")) == [], path.name
