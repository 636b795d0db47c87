"""What "copy as parameters" gives is tried where it is pasted: in the parameters cell, after a command, in a cell."""

import shlex
from html import unescape
from re import findall

import nbformat
import papermill
import pytest

from labkit.explorers.copying import as_html
from labkit.explorers.panel import KINDS

from .letters import build
from .test_panel import letters, notebook  # noqa: F401  a fixture

ODD = "say \"hi\" $HOME 'x' ünï\nה\\n ↵ <b>"


@pytest.fixture
def copied(monkeypatch):
    """The explorer as it was left, and its lines by the place where they are pasted."""
    monkeypatch.setitem(KINDS, "letters", build)
    explorer = build(2.0).set(text=ODD, top=7, kinds=("vowels", "others"), again=2)
    explorer.kind = "letters"
    html = as_html(explorer, ("2.0",), "EXPLORER")
    found = findall(r"<span[^>]*>(.*?)</span><code[^>]*>(.*?)</code>", html.replace("\n", "&#10;"))
    lines = {where: unescape(line) for where, line in found}
    assert len(lines) == 3
    return explorer, lines


def test_each_is_one_line(copied):
    assert [line for line in copied[1].values() if "\n" in line] == []


def shown(path, **parameters) -> str:
    """What the notebook's last cell shows, run by papermill."""
    done = path.with_name("out.ipynb")
    papermill.execute_notebook(path, done, parameters=parameters, progress_bar=False)
    return str(nbformat.read(done, 4).cells[-1].outputs)


def test_each_line_recreates_the_state_where_it_is_pasted(copied, letters, tmp_path):  # noqa: F811
    explorer, lines = copied
    call = 'seen = lab.explore("letters", 2.0, view=EXPLORER)\nprint(sorted(seen.state.items()))'
    wanted = str({"text": str(sorted(explorer.state.items())) + "\n"})[10:-1]
    path = notebook(tmp_path / "a.ipynb", letters, call)
    assert wanted not in shown(path), "the default is another state"
    option, name, view = shlex.split(lines["after labkit run or papermill"])
    assert (option, name) == ("-p", "EXPLORER")
    assert wanted in shown(path, EXPLORER=view)
    book = nbformat.read(path, 4)
    book.cells[0].source = lines["over its line in the parameters cell"]
    nbformat.write(book, path)
    assert wanted in shown(path)
    book.cells[0].source = 'EXPLORER: str = ""'
    book.cells[-1].source = f"seen = {lines['as a call']}\nprint(sorted(seen.state.items()))"
    nbformat.write(book, path)
    assert wanted in shown(path)
