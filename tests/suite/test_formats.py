"""Notebooks that papermill runs though nbformat finds fault with them: they are put in order, and it is said."""

import json

import nbformat
import pytest

from labkit.suite.notebooks import read_notebook

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
STREAM = {"output_type": "stream", "name": "stdout", "text": "x", "metadata": {"tags": []}}
CODE = {"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": None}

ODD = {
    "an id in 4.4": ([{**CODE, "id": "abc"}], 4),
    "metadata of a stream": ([{**CODE, "outputs": [STREAM]}], 4),
    "no outputs": ([{"cell_type": "code", "source": "1", "metadata": {}}], 4),
    "no id in 4.5": ([CODE], 5),
    "one id twice": ([{**CODE, "id": "abc"}, {**CODE, "id": "abc"}], 5),
    "outputs of a text": ([{"cell_type": "markdown", "source": "x", "metadata": {}, "outputs": []}], 4),
    "lines as a list": ([{**CODE, "source": ["a = 1\n", "a"]}], 4),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
def test_an_odd_notebook_is_put_in_order(tmp_path, name, mark):
    cells, minor = ODD[name]
    path = tmp_path / "odd.ipynb"
    written = {"cells": cells, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": minor}
    path.write_bytes(mark + json.dumps(written).encode())
    notebook = read_notebook(path)
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells] == ["".join(cell["source"]) for cell in cells]
    assert all(cell.outputs == [] or cell.outputs[0].text == "x" for cell in notebook.cells if "outputs" in cell)


def test_an_old_notebook_is_read(tmp_path):
    path = tmp_path / "old.ipynb"
    nbformat.write(nbformat.v3.new_notebook(worksheets=[nbformat.v3.new_worksheet(
        cells=[nbformat.v3.new_code_cell("1 + 1")])]), path, version=3)  # fmt: skip
    notebook = read_notebook(path)
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells] == ["1 + 1"]
