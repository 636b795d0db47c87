"""A lesson's first line: seeds really set, and a line that names what numbers depend on."""

import random
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

import labkit as lab
from labkit import models
from labkit.core.devices import choose_device
from labkit.core.errors import OptionError
from labkit.session import LESSONS, lesson_map, opening_line


def draws() -> tuple[float, float, float]:
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_the_same_seed_gives_the_same_numbers_and_another_others():
    lab.begin("t", seed=1)
    first = draws()
    lab.begin("t", seed=1)
    assert draws() == first
    lab.begin("t", seed=2)
    assert all(a != b for a, b in zip(draws(), first, strict=True))


def test_the_line_names_topic_device_seed_and_versions(capsys):
    lab.begin("07_topic", seed=5)
    line = capsys.readouterr().out
    assert line.strip() == opening_line("07_topic", 5)
    for part in ("07_topic", "seed 5", f"torch {torch.__version__}", "float", "cores", "GB free"):
        assert part in line


def test_a_seed_that_was_not_given_is_not_named(capsys):
    lab.begin("t")
    first = draws()
    assert "seed" not in capsys.readouterr().out
    lab.begin("t", seed=0)
    assert draws() == first


def test_in_a_notebook_the_line_is_escaped_and_brings_the_theme(monkeypatch):
    import IPython
    import IPython.display as page

    shown = []
    monkeypatch.setattr(IPython, "get_ipython", object)
    monkeypatch.setattr(page, "display", lambda content, **_: shown.append(content))
    lab.begin("<script>alert(1)</script>")
    (content,) = shown
    assert "<script" not in content["text/html"] and "&lt;script&gt;" in content["text/html"]
    assert ".labkit" in content["text/html"] and "<style>" in content["text/html"]


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "0", True])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(OptionError, match="whole number"):
        lab.begin("t", seed=seed)


def test_auto_means_the_device_that_was_chosen_until_it_is_given_back(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device() == "cuda"
    lab.use_device("cpu")
    assert "models run on cpu" in capsys.readouterr().out
    model = models.build("nano", vocab_size=9, layers=1, d_model=16, heads=2)
    assert (
        choose_device() == choose_device("auto") == model.device.type == "cpu" and choose_device("cuda:1") == "cuda:1"
    )
    with pytest.raises(OptionError, match="use auto"):
        lab.use_device("gpu")
    lab.use_device("auto")
    assert choose_device() == "cuda" and not capsys.readouterr().out


def test_a_lesson_is_called_the_same_in_the_map_and_in_its_title():
    notebooks = sorted((Path(lab.__file__).parents[1] / "notebooks").glob("*.ipynb"))
    titles = [nbformat.read(path, as_version=4).cells[0].source.splitlines()[0] for path in notebooks]
    assert titles == [f"# {path.name[:2]} · {LESSONS[path.name[:2]]}" for path in notebooks]


def test_the_map_names_every_notebook_and_says_which_lessons_are_missing():
    notebooks = {path.name for path in (Path(lab.__file__).parents[1] / "notebooks").glob("*.ipynb")}
    table = lesson_map()
    assert len(table) == 15 and set(table["notebook"]) - {"not yet"} == notebooks
    assert all(name == "not yet" or name.startswith(number) for number, _, name in table.rows)


def test_a_clone_on_the_path_names_its_own_version(monkeypatch):
    monkeypatch.setattr("labkit.session.__version__", "7.8.9")
    assert opening_line("t").endswith("labkit 7.8.9")
