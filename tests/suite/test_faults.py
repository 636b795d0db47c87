"""Faults of notebooks, machines and users: each is named with its cell, the others finish, nothing is left behind.

All notebooks of `suite_of_faults` run in one suite, because that is the point: one that fails spoils no other.
"""

import ctypes
import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from labkit.core.errors import NotebookError
from labkit.suite import runner
from labkit.suite.outcomes import SuiteResult
from labkit.suite.planning import plan_run

LABKIT = [sys.executable, "-m", "labkit.cli"]


@pytest.fixture(scope="module")
def suite_of_faults(tmp_path_factory, make_notebook):
    """topic → outcome, of one run over a sound notebook and one for each fault."""
    folder = tmp_path_factory.mktemp("faults")
    kernels = folder / "jupyter" / "kernels"
    for name, program in (("dies", "raise SystemExit(3)"), ("sleeps", "import time; time.sleep(600)")):
        (kernels / name).mkdir(parents=True)
        spec = {"argv": [sys.executable, "-c", program], "display_name": name, "language": "python"}
        (kernels / name / "kernel.json").write_text(json.dumps(spec))

    make_notebook(folder / "sound.ipynb", "import labkit as lab\nlab.claim('sound/one', 1, equals=1)")
    cells = ["print('first')", "## The bad one", "print('last words', flush=True)\n"]
    bad = {
        "killed": "import os, signal, time; time.sleep(0.3); os.kill(os.getpid(), signal.SIGKILL)",
        "raises": "1 / 0",
        "endless": "while True: pass",
        "greedy": "hold = []\nwhile True: hold.append(bytearray(b'x') * 40_000_000)",
        "impossible": "bytearray(10**16)",
        "floods": "for _ in range(2_000): print('x' * 100_000)\nprint('done')",
        "daemon": "import subprocess; subprocess.Popen(['sleep', '987']); 1 / 0",
    }
    budgets = {"endless": {"minutes": 0.1}, "floods": {"memory_gb": 4}}  # what a kernel has yet to send, it holds
    for name, code in bad.items():
        budget = {"minutes": 0.5, "memory_gb": 1.2} | budgets.get(name, {})
        make_notebook(folder / f"{name}.ipynb", *cells[:2], cells[2] + code, **budget)
    for name in ("dies", "sleeps", "absent"):
        make_notebook(folder / f"kernel_{name}.ipynb", "1", kernel=name)
    make_notebook(folder / "no_kernel.ipynb", "1", kernel="")
    make_notebook(folder / "ends_early.ipynb", "import sys; sys.exit(0)", "## Left out", "print('never')")
    (folder / "no_json.ipynb").write_text("{ not a notebook")

    plan = plan_run(sorted(folder.glob("*.ipynb")), parameters={})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
        settings = runner.Settings(start_seconds=8)
        result = runner.run(plan, folder=runner.new_folder(folder / "run"), settings=settings)
    return {outcome.topic: outcome for outcome in result.outcomes}


def test_a_sound_notebook_passes_beside_all_the_faults(suite_of_faults):
    sound = suite_of_faults["sound"]
    assert sound.passed and [claim.value for claim in sound.claims] == [1]
    assert sum(outcome.passed for outcome in suite_of_faults.values()) == 1


@pytest.mark.parametrize(
    "topic, kind, message",
    [
        ("killed", "kernel", "died while the cell ran"),
        ("raises", "error", "ZeroDivisionError"),
        ("endless", "time", "budget"),
        ("greedy", "memory", "memory_gb"),
        ("impossible", "error", "MemoryError"),
        ("floods", "output", "20 MB"),
        ("daemon", "error", "ZeroDivisionError"),
    ],
)
def test_a_failing_cell_is_named_with_its_heading_and_last_lines(suite_of_faults, topic, kind, message):
    (problem,) = suite_of_faults[topic].problems
    assert problem.kind == kind and message in problem.message
    assert (problem.cell, problem.heading) == (2, "The bad one")
    expected = "xxx" if topic == "floods" else "last words"
    assert any(expected in line for line in problem.tail)


@pytest.mark.parametrize(
    "topic, kind, message",
    [
        ("kernel_dies", "kernel", "does not start"),
        ("kernel_sleeps", "kernel", "does not start"),
        ("kernel_absent", "kernel", "no kernel 'absent'"),
        ("no_kernel", "notebook", "names no kernel"),
        ("no_json", "notebook", "not JSON"),
    ],
)
def test_a_notebook_that_cannot_start_says_why_and_what_to_do(suite_of_faults, topic, kind, message):
    (problem,) = suite_of_faults[topic].problems
    assert problem.kind == kind and message in problem.message and ";" in problem.message


def test_a_notebook_that_ends_before_its_last_cell_did_not_pass(suite_of_faults):
    (problem,) = suite_of_faults["ends_early"].problems
    assert (problem.kind, problem.cell, problem.heading) == ("error", 2, "Left out")
    assert "never ran" in problem.message and "skip-execution" in problem.message


def test_a_run_into_its_own_notebooks_is_refused_and_nothing_is_overwritten(tmp_path, make_notebook):
    path = make_notebook(tmp_path / "mine.ipynb", "1")
    before = path.read_bytes()
    with pytest.raises(NotebookError, match=r"holds mine\.ipynb itself, which the run would overwrite"):
        runner.run(plan_run([path], parameters={}), folder=runner.new_folder(tmp_path))
    assert path.read_bytes() == before


def test_no_notebook_outlives_its_budget(suite_of_faults):
    for outcome in suite_of_faults.values():
        if outcome.budget_seconds:
            assert outcome.seconds < outcome.budget_seconds + 20, outcome.topic


def test_what_a_notebook_wrote_before_it_failed_is_kept(suite_of_faults, tmp_path_factory):
    for topic in ("killed", "raises", "endless", "greedy", "floods"):
        assert suite_of_faults[topic].executed == f"{topic}.ipynb"


def test_a_flood_does_not_fill_the_disk(suite_of_faults, tmp_path_factory):
    folder = Path(suite_of_faults["floods"].notebook).parent / "run"
    assert (folder / "floods.ipynb").stat().st_size < 3_000_000


def test_no_process_of_a_notebook_survives_it(suite_of_faults):
    left = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"]]
    assert not [command for command in left if command == ["sleep", "987"]]


def processes_naming(text: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["environ"]):
        if (process.info["environ"] or {}).get("LABKIT_TEST_MARK") == text:
            found.append(process)
    return found


def start_endless_suite(make_notebook, folder):
    """`labkit run` over a quick and two endless notebooks, once the endless cells run."""
    make_notebook(folder / "quick.ipynb", "import labkit as lab\nlab.claim('quick/one', 1, equals=1)", minutes=9)
    for name in ("endless_a", "endless_b"):
        code = f"open({str(folder / name)!r}, 'w').close()\nwhile True: pass"
        make_notebook(folder / f"{name}.ipynb", "## Round and round", code, minutes=5)
    command = [*LABKIT, "run", *sorted(map(str, folder.glob("*.ipynb"))), "-o", str(folder / "run")]
    started = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"LABKIT_TEST_MARK": str(folder)}, preexec_fn=die_with_the_test,  # noqa: PLW1509
    )  # fmt: skip
    try:
        until(lambda: (folder / "endless_a").exists() and (folder / "endless_b").exists())
    except AssertionError:
        started.kill()
        raise
    return started


def die_with_the_test():
    """A test that is killed from outside leaves no suite of hours behind; Linux sees to it, elsewhere nobody does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def until(condition, seconds=150.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_it_has_and_leaves_no_process(tmp_path, make_notebook, number):
    suite = start_endless_suite(make_notebook, tmp_path)
    with pytest.raises(NotebookError, match="another run writes"):  # two suites at once do not share a folder
        runner.run([], folder=runner.new_folder(tmp_path / "run"))
    assert runner.run([], folder=runner.new_folder(tmp_path / "other")).passed
    suite.send_signal(number)
    output, _ = suite.communicate(timeout=60)
    assert suite.returncode == 130, output
    assert "partial" in output and 'endless_a, cell 1, "Round and round"' in output
    result = SuiteResult.read(tmp_path / "run")
    assert result.interrupted and not result.passed
    assert "then the run was interrupted" in (tmp_path / "run" / "report.html").read_text()
    assert (tmp_path / "run" / "junit.xml").is_file()
    assert {outcome.topic: outcome.verdict for outcome in result.outcomes} == {
        "quick": "passed", "endless_a": "stopped", "endless_b": "stopped"
    }  # fmt: skip
    assert processes_naming(str(tmp_path)) == []


def test_a_run_that_is_killed_outright_leaves_no_process(tmp_path, make_notebook):
    suite = start_endless_suite(make_notebook, tmp_path)
    assert processes_naming(str(tmp_path))
    suite.kill()
    suite.communicate()
    until(lambda: processes_naming(str(tmp_path)) == [], seconds=60)


def test_a_full_disk_is_one_clear_problem(tmp_path, make_notebook):
    make_notebook(tmp_path / "large.ipynb", "## Large", "print('x' * 300_000)")
    small = 100_000  # bytes that any file may have, which is what a full disk looks like from inside
    done = subprocess.run(
        [*LABKIT, "run", str(tmp_path / "large.ipynb"), "-o", str(tmp_path / "run")],
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (small, small)),
    )  # fmt: skip
    assert done.returncode == 1
    (problem,) = SuiteResult.read(tmp_path / "run").outcomes[0].problems
    assert problem.kind == "notebook" and "cannot be written" in problem.message and "-o" in problem.message
    assert not list((tmp_path / "run").glob("*.part")) and not (tmp_path / "run" / "large.ipynb").exists()


def test_results_that_cannot_be_written_are_still_given_and_the_run_fails(tmp_path, monkeypatch):
    def full(result, folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SuiteResult, "write", full)
    result = runner.run([], folder=runner.new_folder(tmp_path))
    assert not result.passed and "No space left" in result.unwritten


def test_an_output_folder_that_cannot_be_written_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotebookError, match="-o"):
        runner.new_folder(tmp_path / "file" / "run")
    with pytest.raises(NotebookError, match="-o"):
        runner.new_folder(Path("/proc/run"))


def test_two_suites_at_once_get_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))
    assert len({runner.new_folder() for _ in range(5)}) == 5
