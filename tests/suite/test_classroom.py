"""A class: each copy apart, a row each whatever becomes of it, and no key of the teacher's within reach."""

import csv
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labkit.cli import app
from labkit.core.errors import NotebookError
from labkit.core.isolation import clean_environment
from labkit.suite import classroom
from labkit.suite.outcomes import SuiteResult
from labkit.suite.planning import plan_run

IMPORTS = "import os\nimport time\n\nimport numpy as np\n\nimport labkit as lab"
CHECKS = 'lab.check("00.1", softmax)', 'lab.check("00.2", together)'
SOLVED = "def softmax(scores):\n    raised = np.exp(np.array(scores) - max(scores))\n    return raised / raised.sum()"
ANSWERS = {
    "anna": (SOLVED, "together = np.prod"),
    "ben": ("softmax = np.exp", "together = ..."),
    "cleo": (SOLVED, "together = 1 / 0"),
    "dora": ("while True:\n    time.sleep(1)", "together = np.prod"),
    "finn": (f"{SOLVED}\nassert 'MY_API_KEY' not in os.environ and 'HOME' in os.environ", "together = np.prod"),
}


@pytest.fixture(scope="module")
def lessons(tmp_path_factory, make_notebook) -> list[Path]:
    """Five copies, one broken, and two folders without any."""
    room = tmp_path_factory.mktemp("class")
    for name, (first, second) in ANSWERS.items():
        minutes = 0.3 if name == "dora" else 5
        make_notebook(room / name / "99_mine.ipynb", IMPORTS, first, CHECKS[0], second, CHECKS[1], minutes=minutes)
    for name in ("emil", "gone", ".git"):
        (room / name).mkdir()
    (room / "emil" / "99_mine.ipynb").write_text("{half a note")
    return sorted(room.glob("[!.]*/99_mine.ipynb"))


@pytest.fixture(scope="module")
def ran(lessons, tmp_path_factory):
    """(what the command line printed, its exit code, the folder of the run)"""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MY_API_KEY", "secret")
        patch.setenv("COLUMNS", "200")
        done = CliRunner().invoke(app, ["run", *map(str, lessons), "-o", str(folder)])
    return done.output, done.exit_code, folder


def test_each_copy_has_a_row_and_each_exercise_a_column(ran):
    output, code, folder = ran
    with (folder / "class.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["copy", "00.1", "00.2", "passed", "what went wrong"]
    states = {row[0]: row[1:4] for row in rows}
    assert states == {
        "anna": ["passed", "passed", "2 of 2"],
        "ben": ["wrong", "open", "0 of 2"],
        "cleo": ["passed", "not reached", "1 of 2"],
        "dora": ["not reached", "not reached", "0 of 2"],
        "emil": ["not reached", "not reached", "0 of 2"],
        "finn": ["passed", "passed", "2 of 2"],
        "gone": ["not reached", "not reached", "0 of 2"],
    }
    wrong = {row[0]: row[4] for row in rows}
    assert (wrong["anna"], wrong["ben"], wrong["finn"]) == ("", "", "")
    for name, part in {
        "cleo": "ZeroDivision",
        "dora": "its budget",
        "emil": "is not JSON",
        "gone": "no 99_",
    }.items():
        assert part in wrong[name]
    assert code == 1
    assert "A class of 7" in output
    assert "dora/99_mine" in output


def test_each_copy_is_kept_under_its_own_name(ran):
    *_, folder = ran
    result = SuiteResult.read(folder)
    assert [outcome.label for outcome in result.outcomes] == [
        f"{name}/99_mine" for name in sorted([*ANSWERS, "emil", "gone"])
    ]
    assert (folder / "anna" / "99_mine.ipynb").is_file()
    assert (folder / "pages" / "finn-99_mine.html").is_file()
    assert "finn/99_mine" in (folder / "junit.xml").read_text(encoding="utf-8")


def test_a_copy_of_a_lesson_has_the_lesson_s_budget_and_not_its_own(tmp_path, make_notebook):
    for name in ("anna", "ben"):
        make_notebook(tmp_path / name / "00_start_here.ipynb", "1", minutes=1e6, memory_gb=1e6)
    jobs = plan_run(sorted(tmp_path.glob("*/*.ipynb")), parameters={}, together=True)
    made = classroom.copies(jobs)
    assert max(job.minutes for job in made) < 60
    assert max(job.memory_gb or 1e9 for job in made) < 100


def test_two_copies_in_folders_of_one_name_are_refused(tmp_path, make_notebook):
    paths = [make_notebook(tmp_path / room / "anna" / "x.ipynb", "1") for room in "ab"]
    with pytest.raises(NotebookError, match=r"two folders 'anna' hold x\.ipynb"):
        classroom.copies(plan_run(paths, parameters={}, together=True))
    with pytest.raises(NotebookError, match="leave out --seeds"):
        plan_run(paths, parameters={}, seeds=3, together=True)


@pytest.mark.parametrize(
    "name", ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_API_KEY", "LABKIT_TOKEN", "http_proxy", "X"]
)
def test_a_variable_that_nobody_named_does_not_pass(name):
    assert clean_environment({name: "1"}) == {}


def test_what_python_and_torch_need_passes():
    mine = dict.fromkeys(("PATH", "HOME", "LABKIT_CACHE", "OMP_NUM_THREADS", "SystemRoot", "LC_ALL"), "1")
    assert clean_environment(mine) == mine
    assert len(clean_environment(os.environ)) > 2
