"""The cache and the runs are shown and pruned, lessons are copied out, and a wheel carries all that they need."""

import os
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labkit import keeping
from labkit.cli import app
from labkit.core.locks import only

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stocked(tmp_path, monkeypatch):
    """A cache with a model, an asset and thirty answers; two runs, one of them forty days old."""
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path / "runs"))
    files = {"cache/models/tiny/model.safetensors": 3_000_000, "cache/assets/0123456789ab/words.txt": 2_000_000}
    files |= {f"cache/answers/{n:02}.npz": 1000 for n in range(30)} | {"cache/models/.draft.part": 9}
    files |= {"cache/assets/0123456789ab/stamp.json": 9, "runs/old/results.json": 500, "runs/new/results.json": 500}
    for name, size in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    os.utime(tmp_path / "runs/old/results.json", (time.time() - 40 * keeping.DAY,) * 2)
    return tmp_path


def test_all_that_is_kept_has_a_name_a_size_and_an_age(stocked):
    entries = {entry.name: entry for entry in keeping.kept()}
    assert len(entries) == 34
    assert entries["models/tiny"].size == 3_000_000
    assert entries["assets/words.txt"].size == 2_000_000
    assert entries["runs/old"].days == pytest.approx(40, abs=0.1)
    shown = [row[:3] for row in keeping.kept_table(keeping.kept()).rows]
    assert shown[0] == ("models/tiny", 1, "3.0")
    assert ("answers/*", 30, "0.0") in shown


@pytest.mark.parametrize(
    "asked, gone",
    [
        (["runs"], {"runs/old", "runs/new"}),
        (["runs/o*"], {"runs/old"}),
        (["models/tiny", "assets/*"], {"models/tiny", "assets/words.txt"}),
        (["--older-than", "30"], {"runs/old"}),
        (["models", "--older-than", "30"], set()),
    ],
)
def test_what_is_named_or_old_goes_and_the_rest_stays(stocked, asked, gone):
    before = {entry.name for entry in keeping.kept()}
    shown = CliRunner().invoke(app, ["cache", *asked])
    assert shown.exit_code == 0, shown.output
    assert {entry.name for entry in keeping.kept()} == before
    removed = CliRunner().invoke(app, ["cache", *asked, "--remove"])
    assert f"{len(gone)} removed" in removed.output
    assert before - {entry.name for entry in keeping.kept()} == gone


def test_a_run_that_is_being_written_stays(stocked):
    with only(stocked / "runs/new/.lock", RuntimeError()):
        told = {entry.name: why for entry, why in keeping.remove(keeping.chosen(keeping.kept(), ["runs"]))}
    assert told == {"runs/old": "", "runs/new": "another process writes it"}
    assert [path.name for path in (stocked / "runs").iterdir()] == ["new"]


@pytest.mark.skipif(os.name == "nt", reason="Windows does not let go of what is open: it is left, and said so")
def test_who_has_a_file_open_can_read_on_while_it_is_removed(stocked):
    with (stocked / "cache/models/tiny/model.safetensors").open("rb") as file:
        file.read(10)
        assert [why for _, why in keeping.remove(keeping.chosen(keeping.kept(), ["models"]))] == [""]
        assert len(file.read()) == 2_999_990
    assert not any(entry.name.startswith("models") for entry in keeping.kept())


@pytest.mark.parametrize("asked, says", [(["--remove"], "say what to remove"), (["lost", "--remove"], "fits 'lost'")])
def test_nothing_goes_by_mistake(stocked, asked, says):
    done = CliRunner().invoke(app, ["cache", *asked])
    assert done.exit_code == 1
    assert says in str(done.exception)
    assert len(keeping.kept()) == 34


def test_lessons_are_copied_once_and_never_over_another(tmp_path):
    copies = keeping.copy_lessons(tmp_path)
    assert [path.name for path in copies] == [path.name for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    copies[0].write_text("mine")
    with pytest.raises(keeping.NotebookError, match="there already"):
        keeping.copy_lessons(tmp_path)
    assert copies[0].read_text() == "mine"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout, unpacked as an installation is."""
    made = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(made)], cwd=ROOT, check=True)
    (archive,) = made.glob("*.whl")
    zipfile.ZipFile(archive).extractall(made / "site")
    return made / "site"


@pytest.mark.parametrize("what", ["notebooks/*.ipynb", "notebooks/baselines/*.json", "data/*.toml", "data/*/*.*"])
def test_the_wheel_carries_lessons_baselines_and_data(wheel, what):
    carried = {path.relative_to(wheel / "labkit/shipped") for path in (wheel / "labkit/shipped").glob(what)}
    wanted = {path.relative_to(ROOT) for path in ROOT.glob(what) if "pictures" not in path.parts}
    assert carried == wanted != set()


def test_an_installed_wheel_lists_its_lessons_and_reads_its_data_without_a_checkout(wheel, tmp_path):
    there = os.environ | {"PYTHONPATH": os.pathsep.join([str(wheel), sysconfig.get_path("purelib")])}
    lines = (
        "import labkit.evaluation.facts as facts; from labkit.text.corpora import sentences;"
        "from labkit.models.sizes import known_models; from labkit.session import lesson_map, __file__ as me;"
        "assert facts.DATA.is_dir() and sentences() and len(known_models()); print(me, lesson_map())"
    )
    said = []
    for command in (["-c", lines], ["-m", "labkit.cli", "lessons", "-o", "."], ["-m", "labkit.cli", "list"]):
        done = subprocess.run(
            [sys.executable, "-P", *command], cwd=tmp_path, env=there, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert all("00_start_here" in text for text in said)
    assert str(wheel) in said[0]
    assert not any(str(ROOT) in text for text in said)
