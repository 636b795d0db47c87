"""What a person types: labkit list, student, slides, and the files that labkit run leaves."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree as Xml

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labkit import cli
from labkit.assets.manifest import find
from labkit.core.errors import LabError

CDN = "https://cdn.example.org/d3.js"
SOLUTION = "answer = ...\n### BEGIN SOLUTION\nanswer = 6\n### END SOLUTION"


def labkit(monkeypatch, capsys, *arguments) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of one command."""
    monkeypatch.setattr(sys, "argv", ["labkit", *map(str, arguments)])
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def lab(tmp_path, monkeypatch) -> Path:
    """A lab's folder with one sound lesson and one that asks another host and fails its own exercise."""
    good = [
        new_markdown_cell("# 97 · Good\nA promise.\n\nneeds: CPU   before: 01"),
        new_code_cell("SEED: int = 0\nFAST: bool = False", metadata={"tags": ["parameters"]}),
        new_code_cell("import labkit as lab\nlab.claim('good/one', 1, equals=1)"),
        new_code_cell(SOLUTION),
    ]
    bad = [
        *good[:3],
        new_markdown_cell("## 2 · Foreign"),
        new_code_cell(f"from IPython.display import HTML, display\ndisplay(HTML('<script src=\"{CDN}\"></script>'))"),
        new_code_cell(SOLUTION),
        new_code_cell('lab.check("98.1", answer)'),
    ]
    about = {"minutes": {"fast": 1, "full": 2}, "memory_gb": 1, "assets": ["sotu"]}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (tmp_path / "notebooks").mkdir()
    for name, cells in (("97_good", good), ("98_bad", bad)):
        book = new_notebook(cells=cells, metadata={"kernelspec": kernel, "labkit": about})
        nbformat.write(book, tmp_path / "notebooks" / f"{name}.ipynb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


def test_list_shows_lessons_with_budget_prerequisites_and_exercises(lab, monkeypatch, capsys):
    code, out, _ = labkit(monkeypatch, capsys, "list")
    assert code == 0 and "97_good" in out and "Good" in out and "01" in out and "sotu" in out
    code, out, _ = labkit(monkeypatch, capsys, "list", "--json", "98")
    (lesson,) = json.loads(out)
    assert (lesson["lesson"], lesson["minutes"], lesson["fast"], lesson["exercises"]) == ("98_bad", 2, 1, 1)
    assert (lesson["cells"], lesson["words"]) == (7, 10)  # words of its Markdown


def test_student_writes_copies_without_solutions(lab, monkeypatch, capsys):
    code, out, _ = labkit(monkeypatch, capsys, "student", "97", "-o", "out")
    assert code == 0 and out.split() == ["out/97_good.ipynb"]
    assert "answer = 6" not in (lab / "out/97_good.ipynb").read_text()
    code, out, _ = labkit(monkeypatch, capsys, "student", "97", "-o", "course", "--nbgrader")
    assert "nbgrader generate_assignment 97_good" in out and (lab / "course/source/97_good").is_dir()


def test_student_never_writes_over_the_lesson(lab, monkeypatch, capsys):
    code, _, err = labkit(monkeypatch, capsys, "student", "97", "-o", "notebooks")
    assert code == 1 and err.startswith("labkit: the copy would replace") and err.count("\n") == 1


@pytest.mark.parametrize(
    "command", [("list", "99"), ("student", "99", "-o", "out"), ("slides", "99.ipynb", "-o", "out")]
)
def test_a_notebook_that_is_not_there_is_one_clear_line(lab, monkeypatch, capsys, command):
    if command[0] == "slides":
        monkeypatch.setattr("labkit.assets.member", lambda name: lab / name)
    code, _, err = labkit(monkeypatch, capsys, *command)
    assert code == 1 and err.startswith("labkit: ") and "99" in err and "Traceback" not in err


def test_what_a_run_needs_is_fetched_and_converted_before_it_begins(lab, monkeypatch, capsys):
    from labkit import assets
    from labkit.models.catalog import entries
    from labkit.suite import runner

    model, done = entries()["smollm2-135m"], []
    gguf = lab / "model.gguf"
    gguf.touch()

    def fetched(names, *, accepted):
        assert not accepted
        done.append(sorted(set(names)) if names is not None else None)
        return {model.asset: gguf, "sotu": lab} if names is None or model.asset in names else {"sotu": lab}

    def converted(path, name, *, context, terms):
        done.append((path, name, context))

    def began(plan, **_):
        done.append("run")
        raise LabError("enough")

    monkeypatch.setattr(assets, "fetch", fetched)
    monkeypatch.setattr("labkit.models.conversion.converted", converted)
    monkeypatch.setattr(runner, "run", began)
    conversion = (gguf, model.name, model.context)
    labkit(monkeypatch, capsys, "run", "97", "-o", "out")
    assert done == [["sotu"], "run"]
    done.clear()
    cells = [new_code_cell("MODEL: str = 'minilm'", metadata={"tags": ["parameters"]})]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = new_notebook(cells=cells, metadata={"kernelspec": kernel, "labkit": {"assets": ["sotu"]}})
    nbformat.write(book, lab / "notebooks" / "96_model.ipynb")
    labkit(monkeypatch, capsys, "run", "96", "-p", "MODEL", "SmolLM2-135M", "-o", "out")
    assert done == [sorted({"sotu", model.asset}), conversion, "run"]
    for names, asked in ((["--all"], None), ([model.asset], [model.asset])):
        done.clear()
        assert labkit(monkeypatch, capsys, "fetch", *names)[0] == 0
        assert done == [asked, conversion]


def test_examine_runs_the_lessons_that_take_a_model_on_it_and_on_the_other(lab, monkeypatch, capsys, tmp_path):
    from types import SimpleNamespace

    from labkit.core.results import Table

    card = SimpleNamespace(card=SimpleNamespace(table=lambda: Table(("fact", "value"), (), title="mine")))
    monkeypatch.setattr("labkit.models.loading.load", lambda name: card)
    cells = [
        new_code_cell("MODEL: str = ''\nFAST: bool = False", metadata={"tags": ["parameters"]}),
        new_code_cell("import labkit as lab\nlab.claim('m/name', (MODEL, FAST) == ('two', True), equals=False)"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(book, lab / "notebooks" / "96_model.ipynb")
    code, out, _ = labkit(monkeypatch, capsys, "examine", "one", "--against", "two", "-o", "out")
    assert code == 0 and "Page: " in out and "97_good" not in out
    page = (lab / "out" / "examine.html").read_text()
    assert "<h1>mine</h1>" in page and 'href="pages/96_model.html"' in page and "<th>two</th>" in page
    runs = [json.loads((lab / "out" / where / "results.json").read_text()) for where in ("", "against")]
    assert [run["outcomes"][0]["parameters"]["MODEL"] for run in runs] == ["one", "two"]
    assert [run["outcomes"][0]["claims"][0]["value"] for run in runs] == [False, True]


def test_a_run_leaves_report_junit_results_pages_and_gallery_and_a_planted_cdn_link_fails_it(lab, monkeypatch, capsys):
    code, out, _ = labkit(monkeypatch, capsys, "run", "--fast", "-o", "out", "--gallery", "site")
    assert code == 1 and "Report: " in out and "Gallery: " in out
    results = json.loads((lab / "out/results.json").read_text())
    assert results["assets"] == {"sotu": find("sotu")[1].sha256} and len(results["assets"]["sotu"]) == 64
    assert (results["seed"], results["versions"]["labkit"]) == (0, version("labkit"))
    kinds = {
        outcome["notebook"]: {problem["kind"] for problem in outcome["problems"]} for outcome in results["outcomes"]
    }
    assert {"offline", "exercise"} <= kinds["notebooks/98_bad.ipynb"]
    assert not {"offline", "exercise"} & kinds["notebooks/97_good.ipynb"]
    report = (lab / "out/report.html").read_text()
    assert CDN in report and "98_bad.html#cell-4" in report
    failed = Xml.parse(lab / "out/junit.xml").getroot().findall("testsuite/testcase[@name='runs']/failure")
    assert any(CDN in failure.text for failure in failed)
    assert (lab / "out/pages/97_good.html").exists() and (lab / "site/97_good.html").exists()


def test_slides_of_two_notebooks_of_one_name_would_leave_one(lab, monkeypatch, capsys):
    code, _, err = labkit(monkeypatch, capsys, "slides", "a/97.ipynb", "b/97.ipynb", "-o", "slides")
    assert code == 1 and "two notebooks of one name" in err and not (lab / "slides").exists()
