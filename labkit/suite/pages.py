"""Pages: an executed notebook as one HTML file that needs nothing from another host.

Reads   an executed notebook.
Gives   NAME.html, and NAME.figures.js with its plotly figures and thumbnails; both use one plotly.min.js beside them.
Ignores verdicts and baselines, which are the report's.

Markdown and code are converted by nbconvert's filters, mathematics becomes MathML, a figure is drawn by the shared
plotly.min.js, a widget is shown by the static picture that it left. A page that would be larger than `LIMIT` leaves
out its largest outputs, one by one, and says so where they stood. A content policy in the page forbids other hosts.
"""

import html
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from labkit.core.paths import atomic_file

from .markup import markdown, mathml
from .notebooks import ADDED, title
from .offline import requests_of

LIMIT = 2_900_000
"""Bytes of a page together with its figures."""
THUMBNAILS = 6
THUMBNAIL_LIMIT = 150_000
"""Characters of an HTML output that may be repeated as a thumbnail."""

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
SHOWN_BY = (
    PLOTLY,
    "text/html",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/markdown",
    "text/latex",
    "text/plain",
)
"""The first of these that an output has is what the page shows."""

POLICY = "default-src 'self' file: data: blob: 'unsafe-inline' 'unsafe-eval'; object-src 'none'; form-action 'none'"
HERE = Path(__file__).parent


@dataclass
class Page:
    """One lesson's page, before it is written."""

    name: str
    title: str
    cells: list[str] = field(default_factory=list)
    """Each cell as HTML; an output stands in it as a mark until the sizes are known."""
    outputs: list[str] = field(default_factory=list)
    """Each output as HTML."""
    figures: list[dict[str, Any]] = field(default_factory=list)
    """Plotly figures and thumbnails: kind (`plotly`, `html`, `image`), value, label, and the output's number."""
    words: list[str] = field(default_factory=list)
    """Each output in words, shown where the output is left out."""
    fresh: bool = True
    """Whether the cell now read has given no thumbnail of HTML yet; one is enough."""

    def size(self) -> int:
        """Bytes that the two files will have, without the frame of a few kilobytes."""
        figures = sum(len(json.dumps(figure)) for figure in self.figures)
        return figures + sum(len(part.encode()) for part in (*self.cells, *self.outputs))

    def fit(self, limit: int) -> None:
        """Leave out the largest outputs until page and figures fit."""
        weight = [len(output.encode()) for output in self.outputs]
        for figure in self.figures:
            weight[figure["output"]] += len(json.dumps(figure))
        total = self.size()
        while total > limit and weight and max(weight) > 2000:
            largest = weight.index(max(weight))
            self.figures = [figure for figure in self.figures if figure["output"] != largest]
            note = f"left out here: an output of {weight[largest] / 1e6:.1f} MB; it is in the executed notebook"
            words = f'<pre class="faint">{html.escape(self.words[largest][:2000])}</pre>' if self.words[largest] else ""
            self.outputs[largest] = f'<p class="note">{note}</p>{words}'
            total -= weight[largest] - len(self.outputs[largest].encode())
            weight[largest] = 0

    def body(self) -> str:
        """All cells with their outputs."""
        return self.filled("\n".join(self.cells))

    def filled(self, cells: str) -> str:
        """Some of the cells with their outputs."""
        return re.sub(r"\x00(\d+)\x00", lambda mark: self.outputs[int(mark[1])], cells)


def write_page(notebook: Any, folder: Path, name: str, *, back: str = "", limit: int = LIMIT) -> Page:
    """Write `folder/NAME.html` and `folder/NAME.figures.js`; `back` is the address of the page that links here.

    Law: page and figures are at most `limit` bytes and ask no other host (tests/suite/test_pages.py).
    """
    page = make_page(notebook, name)
    page.fit(limit - len(style()) - 20_000)
    write_figures(page, folder)
    text = template("page.html").render(
        title=page.title, name=name, body=page.body(), back=back, policy=POLICY, style=style(), plots=read("plots.js"),
        draws=any(figure["kind"] == "plotly" for figure in page.figures),
    )  # fmt: skip
    write(folder / f"{name}.html", text)
    return page


def write_figures(page: Page, folder: Path) -> None:
    """Write the page's figures and thumbnails as a script, and leave room for each plotly figure in its output."""
    page.figures = [figure | {"id": number} for number, figure in enumerate(page.figures)]
    for number, figure in enumerate(page.figures):
        if figure["kind"] == "plotly":
            page.outputs[figure["output"]] = _stage(figure, number)
    figures = json.dumps(page.figures, ensure_ascii=False).replace("</", "<\\/").replace("\u2028", "\\u2028")
    write(
        folder / f"{page.name}.figures.js", f"(window.labkitFigures ??= {{}})[{json.dumps(page.name)}] = {figures};\n"
    )


def make_page(notebook: Any, name: str) -> Page:
    """The notebook's cells as HTML, with its outputs apart."""
    page, index = Page(name, title(notebook) or name), 0
    for cell in notebook.cells:
        added = ADDED.intersection(cell.metadata.get("tags", ()))  # not in the notebook as written: no number
        address = "" if added else f' id="cell-{index}"'
        index += not added
        if cell.cell_type == "markdown" and added:
            continue  # papermill's red notice; the cell that failed shows its error, the report its place
        if cell.cell_type == "markdown":
            page.cells.append(f'<div class="text"{address}>{markdown(cell.source, cell)}</div>')
        elif cell.cell_type == "code":
            page.fresh = True
            marks = "".join(f"<div class='output'>\x00{_add(page, output)}\x00</div>" for output in cell.outputs)
            page.cells.append(f'<div class="code"{address}>{_source(cell)}{marks}</div>')
    return page


def add_plotly(folder: Path) -> None:
    """Put plotly.min.js into `folder`, once for all of its pages."""
    import plotly

    target = folder / "plotly.min.js"
    if not target.exists():
        with atomic_file(target) as draft:
            shutil.copyfile(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", draft)


def write(path: Path, text: str) -> None:
    """Write a text file, whole or not at all; a file's name as it is, and no other half of a surrogate pair."""
    text = re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", text)
    with atomic_file(path) as draft:
        draft.write_text(text, encoding="utf-8", errors="surrogateescape")


@cache
def template(name: str) -> Any:
    """One of the templates beside this file; every value is escaped unless the template says `safe`."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True)
    environment.filters["urlencode"] = partial(quote, errors="surrogateescape")  # a file's name under any locale
    return environment.get_template(name)


@cache
def style() -> str:
    """The style of every page, code colours for light and dark included."""
    from pygments.formatters import HtmlFormatter

    light, dark = (HtmlFormatter(style=name, nobackground=True) for name in ("friendly", "github-dark"))
    return (
        f"{read('pages.css')}\n{light.get_style_defs('.highlight')}\n"
        f"@media (prefers-color-scheme: dark) {{ {dark.get_style_defs('.highlight')} }}"
    )


@cache
def read(name: str) -> str:
    """A text beside this file: a style or a script."""
    return (HERE / name).read_text(encoding="utf-8")


def _source(cell: Any) -> str:
    """A code cell's source, coloured; a solution is folded."""
    from nbconvert.filters import Highlight2HTML

    coloured = Highlight2HTML(pygments_lexer="ipython3")(cell.source) if cell.source.strip() else ""
    if "BEGIN SOLUTION" in cell.source:
        return f'<details class="solution"><summary>solution</summary>{coloured}</details>'
    return coloured


def _add(page: Page, output: Any) -> int:
    """Add one output to the page; its number."""
    from nbconvert.filters import ansi2html

    number, data = len(page.outputs), output.get("data", {})
    words = "".join(data.get("text/plain", ""))
    if output.output_type == "stream":
        shown = f'<pre class="{html.escape(output.name)}">{ansi2html(output.text)}</pre>'
    elif output.output_type == "error":
        trace = "\n".join(output.traceback) or f"{output.ename}: {output.evalue}"
        shown = f'<pre class="error">{ansi2html(trace)}</pre>'
    else:
        shown = _data(data, output)
        page.figures += [figure | {"output": number} for figure in _pictures(page, output, words)]
    page.outputs.append(shown)
    page.words.append(words)
    return number


def _data(data: Any, output: Any) -> str:
    """A displayed object as HTML, by the richest of its kinds that a page can show."""
    from nbconvert.filters import ansi2html

    kind = next((kind for kind in SHOWN_BY if kind in data), "")
    content = data.get(kind, "")
    if kind == "text/html":
        return str(content)
    if kind == "text/markdown":
        return f'<div class="text">{markdown(content)}</div>'
    if kind in ("image/png", "image/jpeg", "image/svg+xml"):
        words = html.escape("".join(data.get("text/plain", ""))[:300], quote=True)
        return f'<img alt="{words}" src="{_image(kind, content)}">'
    if kind == "text/latex":
        return mathml(content.strip().strip("$"), "block")
    if WIDGET in data:
        return '<p class="note">A live widget stands here; open the notebook in JupyterLab to use it.</p>'
    return f"<pre>{ansi2html(content)}</pre>" if kind == "text/plain" else ""


def _pictures(page: Page, output: Any, words: str) -> Iterator[dict[str, Any]]:
    """What the figures' file keeps of one output: every plotly figure, and thumbnails of the first others."""
    data, label = output.data, (words.strip().splitlines() or [""])[0][:120]
    if PLOTLY in data:
        yield {"kind": "plotly", "value": dict(data[PLOTLY]), "label": label, "words": words[:2000]}
        return
    few = sum(figure["kind"] != "plotly" for figure in page.figures) < THUMBNAILS
    kind = next((kind for kind in ("image/png", "image/jpeg", "image/svg+xml") if kind in data), "")
    if few and page.fresh and "text/html" in data and _is_picture(data["text/html"], output):
        page.fresh = False
        yield {"kind": "html", "value": data["text/html"], "label": label}
    elif few and kind and len(data[kind]) <= THUMBNAIL_LIMIT:
        yield {"kind": "image", "value": _image(kind, data[kind]), "label": label}


def _is_picture(content: str, output: Any) -> bool:
    """Whether HTML is worth a thumbnail: not a claim, a check, a style or a table of numbers."""
    recorded = output.get("metadata", {}).get("labkit")
    body = re.sub(r"<style.*?</style>", "", content, flags=re.DOTALL)
    drawn = any(mark in body for mark in ("lk-strip", "lk-sample", "<svg", "<canvas", "<iframe"))
    return drawn and not recorded and len(content) <= THUMBNAIL_LIMIT and not requests_of(content)


def _image(kind: str, content: str) -> str:
    if kind != "image/svg+xml":
        return f"data:{kind};base64,{html.escape(content.strip())}"
    from base64 import b64encode

    return f"data:{kind};base64,{b64encode(content.encode()).decode()}"


def _stage(figure: dict[str, Any], number: int) -> str:
    """Where plotly draws; without scripts, the figure in words."""
    height = (figure["value"].get("layout") or {}).get("height") or 450
    words = html.escape(figure.get("words", ""), quote=True)
    label = html.escape(figure["label"], quote=True)
    return (
        f'<div class="plot" id="figure-{number}" data-figure="{number}" role="img" aria-label="{label}" '
        f'style="height:{float(height):.0f}px"></div><noscript><pre>{words}</pre></noscript>'
    )
