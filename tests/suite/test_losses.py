"""Nothing that a run measured is lost, and each fault is laid at the right cell's door.

One suite over notebooks that damage what the runner reads, that fail where they may, or that hide how they fail.
"""

import os
import tempfile
from pathlib import Path

import nbformat
import pytest

from labkit.core.errors import NotebookError
from labkit.suite import runner
from labkit.suite.outcomes import SuiteResult
from labkit.suite.planning import plan_run

CLAIM = "import labkit as lab\nlab.claim('x/one', 1, equals=1)"
MAY_FAIL = "raises-exception"
KILL = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"


def tagged(path: Path, **tags: str) -> None:
    """Give cells their tags: `cell_1="raises-exception"`."""
    book = nbformat.read(path, as_version=4)
    for name, tag in tags.items():
        book.cells[int(name.rpartition("_")[2])].metadata.tags = [tag]
    nbformat.write(book, path)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory, make_notebook):
    """topic → outcome; the results were told to somebody who always fails to listen."""
    folder = tmp_path_factory.mktemp("losses")
    (folder / "baselines").mkdir()
    make_notebook(folder / "sound.ipynb", CLAIM)
    make_notebook(folder / "half_saved.ipynb", CLAIM, "open('half_saved.ipynb', 'w').write('{')")
    make_notebook(folder / "half_a_baseline.ipynb", CLAIM, "open('baselines/half_a_baseline.json', 'w').write('{')")
    make_notebook(folder / "may_fail.ipynb", "1 / 0", CLAIM)
    tagged(folder / "may_fail.ipynb", cell_0=MAY_FAIL)
    make_notebook(folder / "dies_later.ipynb", "1 / 0", "## Last", KILL)
    tagged(folder / "dies_later.ipynb", cell_0=MAY_FAIL)
    make_notebook(folder / "fails_later.ipynb", "1 / 0", "## Last", "[][7]")
    tagged(folder / "fails_later.ipynb", cell_0=MAY_FAIL)
    make_notebook(folder / "hidden.ipynb", "import rich.traceback\nrich.traceback.install()", "## Last", "[][7]")
    make_notebook(folder / "plots.ipynb", "## Last", "%matplotlib inline")
    make_notebook(folder / "escapes.ipynb", "## L\x1b[2J", "raise ValueError('a\\x1b[31mb\\x00c\\x9b2Jd')")
    (folder / "bom.ipynb").write_bytes(b"\xef\xbb\xbf" + (folder / "sound.ipynb").read_bytes())
    other = make_notebook(folder / "other_kernel.ipynb", "1", kernel="absent")

    def deaf(outcome):
        raise BrokenPipeError(32, "Broken pipe")

    plan = plan_run(sorted(set(folder.glob("*.ipynb")) - {other}), parameters={})
    result = runner.run(plan, folder=runner.new_folder(folder / "run"), report=deaf)
    assert SuiteResult.read(folder / "run") == result
    return {outcome.topic: outcome for outcome in result.outcomes}


@pytest.mark.parametrize("topic, words", [("half_saved", "no baseline"), ("half_a_baseline", "is damaged")])
def test_an_error_while_judging_costs_only_its_notebook_and_no_result(outcomes, topic, words):
    outcome = outcomes[topic]
    assert [claim.value for claim in outcome.claims] == [1] and outcome.executed
    assert not outcome.passed and len(outcomes) == 10
    if topic == "half_a_baseline":
        assert any(words in problem.message for problem in outcome.problems)


def test_a_cell_that_may_fail_is_allowed_to(outcomes):
    assert [problem.kind for problem in outcomes["may_fail"].problems] == ["new"]
    assert [claim.value for claim in outcomes["may_fail"].claims] == [1]


@pytest.mark.parametrize(
    "topic, kind, message",
    [
        ("dies_later", "kernel", "died while the cell ran"),
        ("fails_later", "error", "IndexError: list index"),
        ("hidden", "error", "IndexError: list index"),
    ],
)
def test_the_cell_that_failed_is_blamed_and_no_other(outcomes, topic, kind, message):
    problem = outcomes[topic].problems[0]
    assert (problem.kind, problem.cell, problem.heading) == (kind, 2, "Last") and message in problem.message


def test_a_library_that_is_not_the_labs_is_named_with_its_remedy(outcomes):
    (problem,) = [one for one in outcomes["plots"].problems if one.kind == "error"]
    assert "matplotlib" in problem.message and "pip install" in problem.message and problem.cell == 1


def test_what_a_terminal_would_obey_is_in_no_message(outcomes):
    problem = outcomes["escapes"].problems[0]
    for text in (problem.message, problem.place, *problem.tail):
        assert text.isprintable(), repr(text)
    assert "ValueError: ab" in problem.message


def test_baselines_that_cannot_be_written_are_a_problem_of_their_notebook(tmp_path, make_notebook, monkeypatch):
    path = make_notebook(tmp_path / "a.ipynb", CLAIM)

    def full(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(runner, "accept", full)
    settings, folder = runner.Settings(accept=True), runner.new_folder(tmp_path / "run")
    result = runner.run(plan_run([path], parameters={}, accept=True), folder=folder, settings=settings)
    assert "Permission denied" in result.outcomes[0].problems[-1].message
    assert SuiteResult.read(tmp_path / "run") == result


def test_without_a_temporary_folder_the_reason_is_told_with_a_remedy(tmp_path, make_notebook, monkeypatch):
    path = make_notebook(tmp_path / "a.ipynb", "1")

    def none(*_, **__):
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp', '/var/tmp']")

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", none)
    result = runner.run(plan_run([path], parameters={}), folder=runner.new_folder(tmp_path / "run"))
    (problem,) = result.outcomes[0].problems
    assert "No usable temporary directory" in problem.message and "TMPDIR" in problem.message


def test_a_notebook_alone_has_all_the_cores(tmp_path, make_notebook):
    cell = "import os, labkit as lab\nlab.claim('x/threads', int(os.environ['OMP_NUM_THREADS']), at_least=1)"
    path = make_notebook(tmp_path / "a.ipynb", cell)
    result = runner.run(plan_run([path], parameters={}), folder=runner.new_folder(tmp_path / "run"))
    assert result.outcomes[0].claims[0].value == len(os.sched_getaffinity(0))


def test_another_kernel_can_be_named_and_one_that_is_none_is_refused(tmp_path, make_notebook):
    path = make_notebook(tmp_path / "a.ipynb", CLAIM, kernel="absent")
    result = runner.run(plan_run([path], parameters={}, kernel="python3"), folder=runner.new_folder(tmp_path / "run"))
    assert result.passed, result.outcomes[0].problems
    with pytest.raises(NotebookError, match=r"no kernel 'pyhton3'.*python3"):
        plan_run([path], parameters={}, kernel="pyhton3")
