"""`make test`: red lessons do not hide the tests, nor red tests the lessons, and one verdict stands at the end."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labkit.suite.outcomes import FAILED, Outcome, Problem, SuiteResult

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("check", ROOT / ".ci" / "check.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.check


def command(text, code):
    """A stand-in for the lessons or the tests."""
    return [sys.executable, "-c", f"import sys; print({text!r}); sys.exit({code})"]


@pytest.mark.parametrize("lessons", [0, 1])
@pytest.mark.parametrize("tests", [0, 1])
def test_both_run_and_one_verdict_stands_last(check, tmp_path, capfd, lessons, tests):
    problem = Problem("claim", "a/rate is 0.05, must be ≥ 0.1")
    outcome = Outcome("notebooks/04_training.ipynb", verdict=FAILED, problems=(problem,))
    SuiteResult((outcome,) if lessons else (Outcome("notebooks/04_training.ipynb"),)).write(tmp_path)
    code = check(command("lessons ran", lessons), command("2 failed, 7 passed in 3.21s", tests), tmp_path)
    out = capfd.readouterr().out
    assert code == int(lessons or tests)
    assert out.index("lessons ran") < out.index("2 failed, 7 passed in 3.21s") < out.index("04_training")
    assert ("a/rate is 0.05" in out) == bool(lessons)
    said = [
        f"{what} {'FAILED (exit 1)' if red else 'passed'}" for what, red in (("lessons", lessons), ("tests", tests))
    ]
    assert out.splitlines()[-1] == f"Verdict: {', '.join(said)}."


def test_the_tests_know_where_the_lessons_were_executed(check, tmp_path, capfd, monkeypatch):
    monkeypatch.delenv("LABKIT_EXECUTED", raising=False)
    asks = [sys.executable, "-c", "import os; print('executed in', os.environ.get('LABKIT_EXECUTED'))"]
    check(asks, asks, tmp_path)
    out = capfd.readouterr().out
    assert out.index("executed in None") < out.index(f"executed in {tmp_path}")


def test_lessons_that_leave_no_result_do_not_hide_the_tests(check, tmp_path, capfd):
    assert check(command("", 1), command("7 passed", 0), tmp_path) == 1
    out = capfd.readouterr().out
    assert "7 passed" in out and "No table of the lessons" in out
    assert out.endswith("Verdict: lessons FAILED (exit 1), tests passed.\n")


def test_ctrl_c_ends_all(tmp_path):
    wait = "import pathlib, time; pathlib.Path('began').touch(); time.sleep(60)"
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job ignores it
        f"import sys; sys.path.insert(0, {str(ROOT / '.ci')!r}); from check import check; from pathlib import Path\n"
        f"sys.exit(check([sys.executable, '-c', {wait!r}], [sys.executable, '-c', 'print(\"tests ran\")'], Path('.')))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (tmp_path / "began").exists():
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130 and "tests ran" not in out and "no verdict" in out
