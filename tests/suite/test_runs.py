"""Whole runs: accepted, repeated, drifted, on another kind of machine, spread over seeds."""

import json
import os
import subprocess
import sys

import nbformat
import pytest

from labkit import cli
from labkit.core.devices import choose_device
from labkit.core.results import Table
from labkit.suite import baselines, runner, supervision
from labkit.suite.calibration import NOMINAL
from labkit.suite.comparison import moved, spread
from labkit.suite.outcomes import SuiteResult
from labkit.suite.planning import plan_run
from labkit.suite.terminal import print_table

LESSON = [
    "# 01 · A lesson",
    "import os, sys, random\nimport labkit as lab",
    "SEED: int = 0\nFAST: bool = False",
    "import numpy as np, torch\ngenerator = torch.Generator().manual_seed(SEED)\n"
    "size = 50 if FAST else 200\nmatrix = torch.randn(size, size, generator=generator)",
    "## Measured",
    "lab.claim('lesson/norm', torch.linalg.matrix_norm(matrix @ matrix), at_least=1, says='it is large')\n"
    "lab.claim('lesson/rank', int(torch.linalg.matrix_rank(matrix)), equals=size)",
]


@pytest.fixture
def labkit(monkeypatch, capfd, tmp_path):
    """labkit("run", …) → (exit code, stdout, stderr), in this process, from the test's folder, its speed taken as even:
    beside other tests it is not."""
    monkeypatch.setattr(supervision, "calibrate", lambda: NOMINAL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["labkit", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capfd.readouterr()

    return call


@pytest.fixture(scope="module")
def three_runs(tmp_path_factory, make_notebook):
    """Three lessons of the same cells, so three runs of one seed, in one suite."""
    folder = tmp_path_factory.mktemp("three")
    for name in "abc":
        make_notebook(
            folder / f"{name}.ipynb", *LESSON, "print(random.random(), os.environ['OMP_NUM_THREADS'])\nlab.begin('x')"
        )
    plan = plan_run(sorted(folder.glob("*.ipynb")), parameters={})
    return runner.run(plan, folder=runner.new_folder(folder / "run")), folder


def test_the_same_seed_gives_the_same_claims_bit_for_bit_three_times(three_runs):
    result, _ = three_runs
    assert result.passed, [outcome.problems for outcome in result.outcomes]
    values = [[(claim.name, claim.value) for claim in outcome.claims] for outcome in result.outcomes]
    assert values[0] == values[1] == values[2] and len(values[0]) == 2


def test_threads_are_divided_between_the_notebooks_that_run_at_once(three_runs):
    result, folder = three_runs
    text = nbformat.read(folder / "run" / "a.ipynb", as_version=4).cells[-1].outputs[0].text
    assert int(text.split()[1]) == max(1, len(os.sched_getaffinity(0)) // result.jobs)


def test_the_commit_is_named_and_whether_the_tree_was_changed(tmp_path):
    assert runner.commit_of(tmp_path) == ""

    def git(*words: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        return subprocess.run(["git", *who, *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    (tmp_path / "a.txt").write_text("1")
    git("init", "-q")
    git("add", "a.txt")
    git("commit", "-qm", "x")
    assert runner.commit_of(tmp_path) == git("rev-parse", "HEAD")[:12]
    (tmp_path / "new.txt").write_text("untracked files, such as runs, change nothing")
    assert "changed" not in runner.commit_of(tmp_path)
    (tmp_path / "a.txt").write_text("2")
    assert runner.commit_of(tmp_path).endswith(", changed")


def test_the_result_says_what_a_reader_of_it_needs(three_runs):
    result, folder = three_runs
    assert SuiteResult.read(folder / "run") == result
    assert {"labkit", "torch", "papermill"} <= result.versions.keys()
    assert (result.device, result.seed) == (choose_device(), 0)
    threads = max(1, len(os.sched_getaffinity(0)) // result.jobs)
    assert {outcome.kind["threads"] for outcome in result.outcomes} == {threads}
    assert all(outcome.before.small > 0 and outcome.after.small > 0 for outcome in result.outcomes)
    assert result.slowness > 0 and result.wall_seconds > 0 and result.started.endswith("+00:00")
    first = result.outcomes[0]
    assert first.peak_memory > 10**8 and first.budget_seconds > 0 and first.claims[0].cell == 5
    assert (folder / "run" / first.executed).is_file()
    assert not list((folder / "run").glob(".*"))


def test_seeds_give_each_claim_s_spread(tmp_path, make_notebook):
    cells = ["SEED: int = 0", "import labkit as lab\nlab.claim('x/seeded', SEED / 4, at_most=0.3)"]
    plan = plan_run([make_notebook(tmp_path / "a.ipynb", *cells)], parameters={}, seeds=2)
    result = runner.run(plan, folder=runner.new_folder(tmp_path / "run"))
    assert sorted(outcome.executed for outcome in result.outcomes) == ["seed-0/a.ipynb", "seed-1/a.ipynb"]
    table = spread(result.outcomes)
    assert table.rows == (("x/seeded", "0", "0.25", "≤ 0.3", "0.2", "2/2"),)


def test_a_narrow_terminal_cuts_no_name_of_a_claim():
    import io

    from rich.console import Console

    names = ["sampling/" + word * 4 for word in ("speculation", "perplexity")]
    columns = ("claim", "least", "most", "bound", "room", "holds")
    rows = tuple((name, "0.25", "0.75", "in [0.97, 1.1]", "1.4", "5/5") for name in names)
    for width in (80, 100):
        print_table(Console(file=(out := io.StringIO()), width=width), Table(columns, rows, "Claims over the seeds"))
        assert all(name in out.getvalue() for name in names), out.getvalue()
        assert "…" not in out.getvalue()


def test_accept_then_pass_then_a_planted_drift_is_caught_with_its_cell(tmp_path, make_notebook, labkit):
    path = tmp_path / "notebooks" / "a.ipynb"
    cells = [
        "import labkit as lab\nlab.begin('a')",
        "## Rate",
        "lab.claim('a/rate', 0.5, at_least=0.1)\nlab.claim('a/gone', 1, equals=1)",
    ]
    make_notebook(path, *cells)
    code, out, _ = labkit("run", "--accept", "-o", "run1")
    assert code == 0, out
    baseline = json.loads((tmp_path / "notebooks/baselines/a.json").read_text())
    assert baseline["profiles"]["full"]["claims"]["a/rate"] == {"value": 0.5, "least": 0.5, "most": 0.5}
    assert baseline["profiles"]["full"]["kind"]["device"] == choose_device()

    make_notebook(path, *cells[:2], "lab.claim('a/rate', 0.55, at_least=0.1)\nlab.claim('a/new', 1, equals=1)")
    code, out, _ = labkit("run", "-o", "run2")
    assert code == 1
    assert 'a, cell 2, "Rate": a/rate moved by 0.05: 0.5 → 0.55; tolerance 0.005' in out
    assert "a/gone was not measured" in out and "a/new = 1 is new" in out
    for name in ("report.html", "junit.xml", "results.json", "a.ipynb"):
        assert (tmp_path / "run2" / name).is_file()

    code, out, _ = labkit("diff", "run1", "run2")
    assert code == 1
    for text in ("a/rate", "by 0.05, beyond its tolerance", "a/gone", "absent", "passed", "failed"):
        assert text in out
    assert labkit("diff", "run1", "run1") == (0, "Nothing moved.\n", "")


def test_accepting_runs_five_seeds_and_keeps_their_range(tmp_path, make_notebook, labkit):
    path = tmp_path / "notebooks" / "a.ipynb"
    make_notebook(path, "SEED: int = 0", "import labkit as lab\nlab.claim('a/rate', 0.5 + SEED / 100, at_least=0.1)")
    code, out, _ = labkit("run", "--accept", "--threads", "1", "-o", "run1")
    assert code == 0, out
    kept = json.loads((tmp_path / "notebooks/baselines/a.json").read_text())["profiles"]["full"]
    assert kept["claims"]["a/rate"] == {"value": 0.5, "least": 0.5, "most": 0.54} and kept["seeds"] == 5
    make_notebook(path, "SEED: int = 0", "import labkit as lab\nlab.claim('a/rate', 0.51 + SEED, at_most=0.53)")
    code, out, _ = labkit("run", "--accept", "-o", "run2")
    assert code == 1 and "nothing" not in out and "cannot be accepted" in out and "must be ≤ 0.53" in out
    assert json.loads((tmp_path / "notebooks/baselines/a.json").read_text())["profiles"]["full"] == kept


def test_on_another_kind_of_machine_bounds_decide_and_strict_asks_for_more(tmp_path, make_notebook, labkit):
    path = tmp_path / "notebooks" / "a.ipynb"
    cells = ["import labkit as lab\nlab.begin('a')", "## Rate", "lab.claim('a/rate', {}, at_least=0.1)"]
    make_notebook(path, *cells[:2], cells[2].format(0.5))
    assert labkit("run", "--accept", "-o", "run1")[0] == 0
    kept = tmp_path / "notebooks/baselines/a.json"
    kept.write_text(kept.read_text().replace('"threads": ', '"threads": 7'))
    make_notebook(path, *cells[:2], cells[2].format(0.55))
    code, out, _ = labkit("run", "-o", "run2")
    assert code == 0 and "1 moved" in out and "the baseline's" in out
    assert "a/rate moved by 0.05: 0.5 → 0.55; tolerance 0.005" in out
    assert SuiteResult.read(tmp_path / "run2").outcomes[0].moved == ("a/rate",)
    code, out, _ = labkit("diff", "run2")
    assert code == 1 and out.split("a/rate")[1].split()[:5] == ["0.5", "0.55", "0.05", "0.005", "beyond"]
    assert "Another kind of machine: here" in out and labkit("diff", "run1")[:2] == (0, "Nothing moved.\n")
    code, out, _ = labkit("run", "--strict", "-o", "run3")
    assert code == 1 and "drift" in out
    make_notebook(path, *cells[:2], cells[2].format(0.05))
    code, out, _ = labkit("run", "-o", "run4")
    assert code == 1 and "a/rate is 0.05, must be ≥ 0.1" in out


def test_a_planted_slow_cell_is_caught(tmp_path, make_notebook, labkit, monkeypatch):
    cells = ["import labkit as lab", "## Rate", "lab.claim('a/rate', 0.5, at_least=0.1)"]
    path = make_notebook(tmp_path / "notebooks" / "a.ipynb", *cells)
    assert labkit("run", "--accept", "-o", "run1")[0] == 0
    kept = tmp_path / "notebooks/baselines/a.json"
    seconds = json.loads(kept.read_text())["profiles"]["full"]["seconds"]
    monkeypatch.setattr(baselines, "SLOW_SECONDS", 0)  # small notebooks are forgiven 20 s otherwise
    monkeypatch.setattr(baselines, "SLOW_FACTOR", 1.5)
    make_notebook(path, *cells, f"import time; time.sleep({seconds * 1.5 + 3})")
    code, out, _ = labkit("run", "-o", "run2")
    assert code == 1 and "mend it, or accept" in out
    assert [problem.kind for problem in SuiteResult.read(tmp_path / "run2").outcomes[0].problems] == ["slow"]


def test_mistakes_of_the_user_end_in_one_line_before_anything_runs(tmp_path, make_notebook, labkit):
    make_notebook(tmp_path / "notebooks" / "a.ipynb", "SEED: int = 0", "1")
    for arguments, message in [
        (("run", "b"), "no notebook 'b'"),
        (("run", "a", "-p", "SEDE", "1"), "did you mean 'SEED'"),
        (("run", "a", "-p", "SEED", "x"), "parameter SEED is a int"),
        (("run", "a", "--fast"), "no parameter 'FAST'"),
        (("diff", "nowhere", "runs"), "folder of a run"),
        (("diff", "nowhere"), "folder of a run"),
    ]:
        code, out, err = labkit(*arguments)
        assert (code, out) == (1, "")
        assert err.startswith("labkit: ") and message in err and err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_runs_that_agree_have_nothing_to_tell(three_runs):
    result, _ = three_runs
    assert len(moved(result, result)) == 0
