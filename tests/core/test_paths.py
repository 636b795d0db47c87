"""What is written for keeps is whole or absent, whenever the writer was stopped."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from labkit.core.paths import atomic_file, atomic_folder, cache_folder, runs_folder, sweep

PROLOGUE = """
import os, signal, sys
from pathlib import Path
from labkit.core.paths import atomic_file, atomic_folder
final = Path(sys.argv[1])
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
"""
KILLS = {
    "half way": "",
    "before the rename": "Path.rename = Path.replace = die",
    "after the rename": "old = Path.rename\nPath.rename = Path.replace = lambda a, b: (os.replace(a, b), die())",
}
WRITE_FOLDER = """
with atomic_folder(final) as draft:
    (draft / "one").write_text("1")
    HALF
    (draft / "two").write_text("2")
"""
WRITE_FILE = """
with atomic_file(final) as draft:
    with draft.open("w") as file:
        file.write("new " * 1000)
        file.flush()
        HALF
        file.write("end")
"""


def killed(program: str, point: str, final: Path) -> None:
    """Run the program in a process that is killed at a point."""
    code = PROLOGUE + KILLS[point] + program.replace("HALF", "die()" if point == "half way" else "pass")
    done = subprocess.run([sys.executable, "-c", code, str(final)], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("point", KILLS)
def test_a_killed_writer_of_a_folder_leaves_all_of_it_or_none(tmp_path, point):
    final = tmp_path / "deep" / "folder"
    killed(WRITE_FOLDER, point, final)
    assert final.exists() == (point == "after the rename")
    with atomic_folder(final) as draft:
        (draft / "one").write_text("1")
        (draft / "two").write_text("2")
    assert {path.name: path.read_text() for path in final.iterdir()} == {"one": "1", "two": "2"}


@pytest.mark.parametrize("point", KILLS)
def test_a_killed_writer_of_a_file_leaves_the_old_or_the_new(tmp_path, point):
    final = tmp_path / "file"
    final.write_text("old")
    killed(WRITE_FILE, point, final)
    assert final.read_text() == ("new " * 1000 + "end" if point == "after the rename" else "old")


def test_a_plain_write_would_leave_a_half(tmp_path):
    plain = WRITE_FILE.replace("with atomic_file(final) as draft:", "for draft in [final]:")
    killed(plain, "half way", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "new " * 1000


def test_an_error_in_the_block_leaves_nothing_and_is_passed_on(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "folder") as draft:
        (draft / "one").write_text("1")
        raise KeyboardInterrupt
    with pytest.raises(ZeroDivisionError), atomic_file(tmp_path / "file") as draft:
        draft.write_text("new")
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_of_two_writers_of_a_folder_the_first_to_finish_stays(tmp_path):
    final = tmp_path / "folder"
    with atomic_folder(final) as slow:
        (slow / "who").write_text("slow")
        with atomic_folder(final) as quick:
            (quick / "who").write_text("quick")
    assert (final / "who").read_text() == "quick"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_file_in_the_folders_place_is_an_error_and_stays(tmp_path):
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(OSError), atomic_folder(tmp_path / "folder"):
        pass
    assert (tmp_path / "folder").read_text() == "a file"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_reader_beside_the_writer_sees_whole_files_only(tmp_path):
    final, seen, over = tmp_path / "file", set(), threading.Event()
    final.write_text("a" * 100_000)

    def read() -> None:
        while not over.is_set():
            seen.add(final.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(200):
        with atomic_file(final) as draft:
            draft.write_text("ab"[turn % 2] * 100_000)
    over.set()
    reader.join()
    assert seen <= {"a" * 100_000, "b" * 100_000}


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX systems")
def test_what_is_written_can_be_read_by_others(tmp_path):
    with atomic_folder(tmp_path / "folder"), atomic_file(tmp_path / "file"):
        pass
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_the_environment_names_the_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LABKIT_RUNS", "~/elsewhere")
    assert cache_folder() == tmp_path / "cache"
    assert runs_folder() == Path.home() / "elsewhere"
    monkeypatch.delenv("LABKIT_CACHE")
    assert cache_folder().name == "labkit" and cache_folder().is_absolute()


def test_runs_lie_beside_the_notebooks_not_among_them(tmp_path, monkeypatch):
    monkeypatch.delenv("LABKIT_RUNS", raising=False)
    (tmp_path / "notebooks").mkdir()
    for folder in (tmp_path, tmp_path / "notebooks"):
        monkeypatch.chdir(folder)
        assert runs_folder() == tmp_path / "runs"


def test_a_sweep_takes_the_oldest_and_only_as_many_as_it_must(tmp_path):
    for age, name in enumerate(("new", "kept", "middle", "old", "oldest")):
        if name in ("kept", "old"):  # a folder is as large as what is in it
            (tmp_path / name / "inner").mkdir(parents=True)
            (tmp_path / name / "inner" / "x").write_bytes(bytes(1000))
        else:
            (tmp_path / name).write_bytes(bytes(1000))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    sweep(tmp_path, 2000, keep=tmp_path / "kept")
    assert {path.name for path in tmp_path.iterdir()} == {"new", "middle", "kept"}
    sweep(tmp_path, 2000, keep=tmp_path / "kept")
    assert len(list(tmp_path.iterdir())) == 3
