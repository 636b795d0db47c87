"""Notebooks as files: read, put in order, and their cells as text, headings and Python.

Ignores what a lesson is, which is `lessons`', and how it is executed.
"""

import ast
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit.core.errors import NotebookError

ADDED = {"injected-parameters", "papermill-error-cell-tag"}
"""Tags of cells that papermill puts into a notebook that it executes."""
PYTHON_MAGICS = {"time", "timeit", "capture", "prun"}
"""Cell magics below which Python stands."""
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$", re.MULTILINE)


def read_notebook(path: Path) -> Any:
    """A notebook as nbformat 4 nodes, put in order.

    Raises:
        NotebookError: it is not there, is not JSON, or is not a notebook.
    """
    return read_in_order(path)[0]


def read_in_order(path: Path) -> tuple[Any, str]:
    """A notebook, and what had to be put in order because nbformat finds fault with it though papermill runs it."""
    import nbformat
    from nbformat.reader import NotJSONError

    if not path.is_file():
        raise NotebookError(f"{path} does not exist; notebooks here: {_neighbours(path)}")
    try:
        text = path.read_text(encoding="utf-8-sig")
        notebook = nbformat.reader.reads(text)
        faults = _put_in_order(notebook) if notebook.nbformat == 4 else ["an old format"]
        notebook = nbformat.validator.normalize(nbformat.convert(notebook, 4))[1]
        nbformat.validate(notebook)
    except (NotJSONError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise NotebookError(f"{path} is not JSON; restore it, or open it in JupyterLab and save it again") from error
    except Exception as error:  # nbformat has no common ancestor for what it raises
        raise NotebookError(f"{path} is not a valid notebook: {str(error).splitlines()[0]}; save it again") from error
    return notebook, ", ".join(dict.fromkeys(faults))


def _put_in_order(notebook: Any) -> list[str]:
    """Mend in place what older tools write; the names of what was mended."""
    faults = []
    for cell in notebook.cells:
        code = cell.cell_type == "code"
        for key, empty in {"outputs": [], "execution_count": None}.items() if code else ():
            if key not in cell:
                cell[key] = empty
                faults.append(f"code without {key}")
        if not code and (cell.pop("outputs", None), cell.pop("execution_count", None)) != (None, None):
            faults.append("outputs of a text")
        if "id" in cell and notebook.nbformat_minor < 5:
            notebook.nbformat_minor = 5
            faults.append("ids in a format that has none")
        if any(output.pop("metadata", None) is not None for output in cell.get("outputs", ()) if "name" in output):
            faults.append("metadata of printed text")
    return faults


def as_written(notebook: Any) -> list[Any]:
    """The cells without those that papermill put into an executed notebook."""
    return [cell for cell in notebook.cells if not ADDED.intersection(cell.metadata.get("tags", ()))]


def title(notebook: Any) -> str:
    """The text of the first heading; empty if there is none."""
    texts = (cell.source for cell in as_written(notebook) if cell.cell_type == "markdown")
    return next((found.group(1) for text in texts if (found := HEADING.search(text))), "")


def headings(cells: Sequence[Any]) -> tuple[str, ...]:
    """For each cell the last heading at or above it; empty where there is none."""
    found = [""]
    for cell in cells:
        inside = HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        found.append(inside[-1] if inside else found[-1])
    return tuple(found[1:])


def promise(notebook: Any) -> str:
    """The first sentence or paragraph below the title, without its Markdown marks; empty if there is none."""
    for cell in as_written(notebook)[:2]:
        if cell.cell_type == "markdown":
            blocks = re.split(r"\n\s*\n|\n(?=#)|(?<=\w)\n(?=needs)", HEADING.sub("", cell.source))
            plain = [re.sub(r"[*_`]|\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(block.split())) for block in blocks]
            kept = [text for text in plain if text and not re.match(r"\W*needs\b", text)]
            if kept:
                return kept[0]
    return ""


def python_of(source: str) -> str:
    """A cell's source as plain Python; what only IPython understands, as IPython translates it.

    Law: a cell in another language (`%%bash`) is one call; `df?` and `x = !ls` hide nothing
    (tests/suite/test_students.py).
    """
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        from IPython.core.inputtransformer2 import TransformerManager

        first, line, rest = source.partition("\n")
        if language_of(source) == "python" and first.startswith("%%"):
            return "pass" + line + python_of(rest)
        return TransformerManager().transform_cell(source)
    return source


def language_of(source: str) -> str:
    """The language of a cell: what `%%` names, unless that is a magic about Python."""
    found = re.match(r"%%(\w+)", source)
    return found.group(1) if found and found.group(1) not in PYTHON_MAGICS else "python"


def refuse_same_names(paths: Sequence[Path]) -> None:
    """Two notebooks of one name would leave one file.

    Raises:
        NotebookError: there are two.
    """
    names = [path.name.casefold() for path in paths]
    if twice := {path.stem for path in paths if names.count(path.name.casefold()) > 1}:
        raise NotebookError(f"{', '.join(sorted(twice))}: two notebooks of one name; give each a call of its own")


def _neighbours(path: Path) -> str:
    names = sorted(other.name for other in path.parent.glob("*.ipynb")) if path.parent.is_dir() else []
    return ", ".join(names) or "none"
