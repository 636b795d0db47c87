"""Kills, races and damage: the cache holds whole members or none, and the next try succeeds."""

import hashlib
import os
import signal
import threading
import time

import psutil
import pytest

from labkit import assets
from labkit.assets import manifest, store
from labkit.core.errors import AssetError

FETCH = "assets.fetch()"
DIE = "import os, signal\ndef die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)\n"

KILLS = {
    "before the download": "fetching.download = die",
    "after the download": "store.install = die",
    "in the middle of unpacking": (
        "read, count = store.zipfile.ZipExtFile.read, []\n"
        "def few(*args):\n count.append(1)\n return die() if len(count) > 2 else read(*args)\n"
        "store.zipfile.ZipExtFile.read = few"
    ),
    "before the first rename": "Path.rename = die",
    "after the first rename": "rename = Path.rename\nPath.rename = lambda *args: (rename(*args), die())",
    "after the second member": (
        "install, count = store.install, []\n"
        "def two(*args):\n install(*args)\n count.append(1)\n if len(count) == 2: die()\n"
        "store.install = two"
    ),
}


@pytest.mark.parametrize("point", KILLS)
def test_a_kill_leaves_no_half_member_and_the_next_try_succeeds(clean, point):
    killed = clean.run(DIE + KILLS[point] + "\n" + FETCH)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert clean.halves() == []
    done = clean.run(FETCH)
    assert done.returncode == 0, done.stderr


def test_a_kill_while_a_damaged_member_is_replaced_leaves_no_half(clean):
    damaged = assets.member("many") / "a.txt"
    damaged.write_text("x")
    killed = clean.run(DIE + "store.shutil.rmtree = die\n" + FETCH)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert clean.halves() == []
    assert assets.member("many").joinpath("a.txt").read_text(encoding="utf-8") == "première\n"


def test_a_kill_while_bytes_arrive_leaves_nothing_and_the_next_try_succeeds(clean, server):
    server.stall = True
    process = clean.start(FETCH)
    assert server.half_sent.wait(60)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not any(store.place(member).exists() for member in clean.members())
    server.stall = False
    server.over.set()
    assert assets.member("noise.bin").stat().st_size == 3_000_000


@pytest.mark.parametrize("seconds", [0.2, 0.4, 0.6, 0.8])
def test_a_kill_at_any_time_leaves_no_half(clean, seconds):
    process = clean.start(FETCH)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert clean.halves() == []


def test_the_search_for_halves_can_find_one(shelf):
    with assets.member("noise.bin").open("r+b") as file:
        file.truncate(1_500_000)
    assert shelf.halves() == ["noise.bin"]


def test_two_processes_at_once_make_one_download_and_both_succeed(clean, server):
    server.stall = True
    ask = "print(assets.member('noise.bin').stat().st_size)"
    first = clean.start(ask)
    assert server.half_sent.wait(60)
    second = clean.start(ask)
    assert second.stderr.readline() == "another process is fetching lab-tiny; waiting for it\n"
    server.stall = False
    server.over.set()
    outputs = [process.communicate(timeout=60) for process in (first, second)]
    assert [out for out, _ in outputs] == ["3000000\n"] * 2, outputs
    assert server.downloads == 1


def test_four_threads_at_once_make_one_download(clean, server):
    sizes = []
    threads = [threading.Thread(target=lambda: sizes.append(assets.member("noise").stat().st_size)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sizes == [3_000_000] * 4
    assert server.downloads == 1


def group_of(process: int) -> int:
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return 0


def test_an_interrupt_ends_pip_too(clean, server):
    server.stall = True
    process = clean.start(FETCH)
    assert server.half_sent.wait(60)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in err
    assert not [child for child in psutil.pids() if group_of(child) == process.pid]
    assert clean.drafts() == []
    server.stall = False


DAMAGES = {
    "truncated": lambda path: os.truncate(path, 1000),
    "one byte changed": lambda path: path.write_bytes(b"!" + path.read_bytes()[1:]),
    "emptied": lambda path: path.write_bytes(b""),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"!"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_member_is_refused_with_both_hashes_and_fetched_again(clean, capsys, damage):
    path = assets.member("noise.bin")
    DAMAGES[damage](path)
    wrong, right = store.digest(path), manifest.find("noise.bin")[1].sha256
    capsys.readouterr()
    assert assets.member("noise.bin").read_bytes() == clean.data["lab_tiny/data/noise.bin"]
    said = capsys.readouterr().err
    assert f"{path} is damaged: its sha256 should be {right}, but is {wrong}; fetching it again" in said


@pytest.mark.parametrize("damage", ["a file is gone", "a file was added", "a file was renamed"])
def test_a_damaged_folder_is_fetched_again(clean, damage):
    folder = assets.member("many")
    if damage == "a file is gone":
        (folder / "a.txt").unlink()
    elif damage == "a file was added":
        (folder / "c.txt").write_text("third")
    else:
        (folder / "a.txt").rename(folder / "b.txt")
    assets.member("many")
    assert sorted(path.name for path in folder.rglob("*.txt")) == ["a.txt", "b.txt"]


def test_damage_that_keeps_size_and_time_is_found_by_fetch(clean, capsys):
    path = assets.member("noise.bin")
    before = path.stat()
    path.write_bytes(bytes(3_000_000))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assets.fetch(["noise.bin"])
    assert "is damaged" in capsys.readouterr().err
    assert path.read_bytes() == clean.data["lab_tiny/data/noise.bin"]


def test_a_missing_or_broken_stamp_only_costs_a_reading(clean, server):
    path = assets.member("noise.bin")
    for write in (path.with_name("stamp.json").unlink, lambda: path.with_name("stamp.json").write_text("{")):
        write()
        assert assets.member("noise.bin") == path
    assert server.downloads == 1


@pytest.mark.parametrize("harm", ["tampered", "truncated", "empty"])
def test_a_wrong_wheel_is_refused_with_both_hashes_and_fetched_again(clean, server, capsys, harm):
    right = clean.wheel.read_bytes()
    wrong = {"tampered": b"!" + right[1:], "truncated": right[:1000], "empty": b""}[harm]
    server.answers = [wrong]
    assert assets.member("noise.bin").stat().st_size == 3_000_000
    assert server.downloads == 2
    assert both_hashes(right, wrong) in capsys.readouterr().err


def test_an_index_that_only_has_a_wrong_wheel_is_refused_and_nothing_is_kept(clean, server):
    right = clean.wheel.read_bytes()
    wrong = right[:-1] + b"!"
    server.answers = [wrong, wrong]
    with pytest.raises(AssetError, match=both_hashes(right, wrong)):
        assets.member("noise.bin")
    assert server.downloads == 2
    assert not any(store.place(member).exists() for member in clean.members())
    assert clean.drafts() == []


@pytest.mark.parametrize("harm", ["tampered", "truncated"])
def test_a_wrong_wheel_in_a_local_folder_is_refused_with_both_hashes(clean, harm):
    right = clean.wheel.read_bytes()
    wrong = {"tampered": right[:-1] + b"!", "truncated": right[: len(right) // 2]}[harm]
    clean.wheel.write_bytes(wrong)
    with pytest.raises(AssetError, match=both_hashes(right, wrong)):
        assets.fetch()
    assert clean.drafts() == []
    clean.wheel.write_bytes(right)


def both_hashes(right: bytes, wrong: bytes) -> str:
    expected, got = (hashlib.sha256(data).hexdigest() for data in (right, wrong))
    return f"is damaged: its sha256 should be {expected}, but is {got}"


def test_a_member_that_is_not_what_the_manifest_says_is_refused(shelf):
    right = manifest.find("zeros.bin")[1].sha256
    shelf.pin(zeros="0" * 64)
    with pytest.raises(AssetError, match=f"zeros.bin inside lab_tiny.* should be {'0' * 64}, but is {right}"):
        assets.member("zeros.bin")
    assert not store.place(manifest.find("zeros.bin")[1]).exists()
    assert shelf.drafts() == []
