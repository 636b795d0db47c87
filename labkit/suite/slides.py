"""Slides: an executed lesson as a presentation that needs nothing from another host.

nbconvert's own slides load reveal.js, require.js and MathJax from elsewhere, so they show nothing in a room without
internet. Here the same cells as in the lesson's page are laid out by a reveal.js that stands beside them.

A heading of level 1 or 2 begins a slide; below it, each cell that shows something ends a step. The slide types that
JupyterLab writes are kept: `slide` and `subslide` begin one, `skip` and `notes` are left out, and so are parameters.
"""

import re
import shutil
from pathlib import Path
from typing import Any

from labkit.core.errors import NotebookError
from labkit.core.paths import atomic_file

from .notebooks import ADDED
from .pages import LIMIT, POLICY, add_plotly, make_page, read, style, template, write, write_figures

STARTS = re.compile(r"^\s*#{1,2}\s", re.MULTILINE)

PARAMETERS = {"parameters", "injected-parameters"}


def write_slides(notebook: Any, folder: Path, name: str, *, reveal: tuple[Path, Path]) -> Path:
    """Write `folder/NAME.html`, its figures, and the scripts that it needs; the path of the HTML.

    Args:
        reveal: reveal.js and reveal.css.

    Raises:
        NotebookError: the notebook shows nothing, because it was not executed.
    """
    if not any(cell.get("outputs") for cell in notebook.cells):
        raise NotebookError(f"{name} has no outputs to show; execute it with `labkit run`, then name the copy in runs/")
    page = make_page(notebook, name)
    page.fit(LIMIT)
    write_figures(page, folder)
    add_plotly(folder)
    for source, target in zip(reveal, ("reveal.js", "reveal.css"), strict=True):
        with atomic_file(folder / target) as draft:
            shutil.copyfile(source, draft)
    steps = [[page.filled("\n".join(page.cells[i] for i in step)) for step in slide] for slide in arrange(notebook)]
    text = template("slides.html").render(
        title=page.title, name=name, slides=steps, policy=POLICY, style=style() + read("slides.css"),
        plots=read("plots.js"),
    )  # fmt: skip
    write(folder / f"{name}.html", text)
    return folder / f"{name}.html"


def arrange(notebook: Any) -> list[list[list[int]]]:
    """Slides → steps → numbers of the cells, counted as a page holds them."""
    slides: list[list[list[int]]] = []
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" or _is_text(cell)]
    closed = True
    for index, cell in enumerate(cells):
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "")
        if kind in ("skip", "notes") or PARAMETERS.intersection(cell.metadata.get("tags", ())):
            continue
        heading = cell.cell_type == "markdown" and bool(STARTS.search(cell.source))
        if not slides or heading or kind == "slide":
            slides.append([[]])
        elif closed or kind == "subslide":
            slides[-1].append([])
        slides[-1][-1].append(index)
        closed = cell.cell_type == "code" and bool(cell.outputs)
    return slides


def _is_text(cell: Any) -> bool:
    return cell.cell_type == "markdown" and not ADDED.intersection(cell.metadata.get("tags", ()))
