"""Notebooks made in the test."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

PARAMETERS = "SEED: int = 0\nFAST: bool = False"


@pytest.fixture(scope="session")
def make_notebook() -> Callable[..., Path]:
    """make(path, *cells, kernel="python3", **metadata.labkit): text that starts with `#` and a space is Markdown, text
    that starts with `SEED:` is the cell of parameters."""

    def make(path: Path, *cells: str, kernel: str = "python3", **about: object) -> Path:
        notebook = nbformat.v4.new_notebook(cells=[_cell(text) for text in cells])
        if kernel:
            notebook.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": "python"}
        notebook.metadata.labkit = about
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        return path

    return make


def _cell(text: str) -> nbformat.NotebookNode:
    if text.startswith(("# ", "## ")):
        return nbformat.v4.new_markdown_cell(text)
    cell = nbformat.v4.new_code_cell(text)
    if text.startswith("SEED:"):
        cell.metadata.tags = ["parameters"]
    return cell
