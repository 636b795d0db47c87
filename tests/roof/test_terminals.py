"""A terminal that cannot write every character, or that nobody protects from what it is told, costs nothing."""

import os
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

TERMINALS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "POSIX": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
CELLS = [
    new_markdown_cell("# 96 · Ünïcödé\nA promise → kept."),
    new_code_cell("import labkit as lab\nlab.begin('96')\nlab.claim('x/一', 1, equals=1, says='ein Maß → ≤ 1')"),
    new_markdown_cell("## Schluß \x1b[2J"),
    new_code_cell("raise ValueError('ü → \\x1b]0;owned\\x07\\x1b[31m\\x00 一')"),
]
VERBS = "import labkit as lab; lab.claim('a/→', 1, at_least=0); lab.says('≥ {a/→}'); lab.show(lab.catalog())"


@pytest.fixture(scope="module", params=TERMINALS)
def said(request, tmp_path_factory):
    """said(*command) → (exit code, output) of one command in a terminal of a kind, beside a lesson that fails."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "notebooks").mkdir()
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=CELLS, metadata={"kernelspec": kernel}), folder / "notebooks" / "96_über.ipynb")
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONIOENCODING", "LANG")}
    env |= TERMINALS[request.param] | {"COLUMNS": "160", "TERM": "dumb"}

    def run(*command):
        done = subprocess.run([sys.executable, *command], cwd=folder, env=env, capture_output=True, check=False)
        text = (done.stdout + done.stderr).decode("utf-8", "replace")
        assert "UnicodeEncodeError" not in text and "labkit/cli.py" not in text, text  # no traceback of the lab's own
        return done.returncode, text

    run.folder = folder
    return run


def test_a_whole_run_ends_with_all_its_files_and_no_escape(said):
    code, text = said("-m", "labkit.cli", "run", "-o", "out", "--gallery", "site")
    assert code == 1 and "0 of 1 notebooks passed" in text
    assert not {"\x1b", "\x00", "\x07", "\x9b"} & set(text), repr(text)
    for name in ("results.json", "report.html", "junit.xml", "96_über.ipynb", "pages/96_über.html"):
        assert (said.folder / "out" / name).is_file(), name
    assert (said.folder / "site" / "index.html").is_file()
    code, text = said("-m", "labkit.cli", "diff", "out", "out")
    assert (code, text) == (0, "Nothing moved.\n")


@pytest.mark.parametrize(
    "command, code, words",
    [
        (("list",), 0, "96_"),
        (("list", "--json"), 0, "96_"),
        (("student", "-o", "copies"), 0, "copies"),
        (("doctor",), None, "Python"),
        (("list", "\x1b[31m→"), 1, "no notebook"),
    ],
)
def test_every_command_says_what_it_can(said, command, code, words):
    ended, text = said("-m", "labkit.cli", *command)
    assert words.lower() in text.lower() and ended in ({code} if code is not None else {0, 1})
    assert not {"\x1b", "\x00"} & set(text)


def test_every_verb_says_what_it_can(said):
    (said.folder / "verbs.py").write_text(VERBS, encoding="utf-8")
    code, text = said("verbs.py")
    assert code == 0 and "a/" in text and "Models with a name" in text
