"""Output: words where nobody runs cells, every mime type and the record where somebody does."""

import subprocess
import sys

import nbclient
import nbformat

from labkit.core.output import in_notebook, put

CALL = "from labkit.core.output import put; put({'text/html': '<b>x</b>', 'text/plain': 'x'}, {'check': 1})"


def said_by(code: str) -> str:
    """What a plain Python prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_without_a_notebook_the_words_are_printed_and_no_ipython_is_loaded(capsys):
    assert not in_notebook()
    put({"text/html": "<b>x</b>", "text/plain": "words"})
    put({"text/html": "<b>x</b>", "text/plain": ""})
    assert capsys.readouterr().out == "words\n"
    assert said_by(f"{CALL}; import sys; print('IPython' in sys.modules)") == "x\nFalse\n"


def test_in_a_notebook_it_is_an_output_with_its_record():
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CALL)])
    (output,) = nbclient.NotebookClient(book).execute().cells[0].outputs
    assert dict(output.data) == {"text/html": "<b>x</b>", "text/plain": "x"}
    assert output.metadata == {"labkit": {"check": 1}}


def test_every_verb_that_shows_speaks_words_without_a_notebook():
    code = (
        "import labkit as lab; lab.show(lab.catalog()); lab.claim('a/b', 1, at_least=0, says='one')\n"
        "lab.says('it is {a/b}'); lab.check('02.1', None); lab.begin('t'); lab.explore('merges', []).set(text='ab')"
        "._ipython_display_()"
    )
    said = said_by(code)
    assert "text/html" not in said and "<" not in said
    for words in ("Models with a name here", "✔ one: 1 (≥ 0)", "it is 1", "○ 02.1", "t · ", "One merge after another"):
        assert words in said
