"""No network, no room, no permission: one clear sentence with its remedy, nothing broken, and the next try succeeds."""

import os
import re
import subprocess

import pytest

from labkit import assets
from labkit.assets import manifest, store
from labkit.core.errors import AssetError


def test_a_connection_that_breaks_is_one_sentence(clean, server, monkeypatch):
    monkeypatch.setenv("PIP_RETRIES", "0")
    server.stall = True
    server.over.set()  # half of the file, then the connection is closed
    with pytest.raises(AssetError) as error:
        assets.member("noise.bin")
    assert_one_sentence(error, "does not answer; when this machine is online, run `labkit fetch noise.bin`")
    server.stall = False


def test_without_network_and_cache_one_sentence_names_the_command(shelf, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(AssetError) as error:
        assets.member("many")
    assert_one_sentence(
        error,
        "many is not in the cache and lab-tiny 1.0, which holds it, cannot be downloaded, "
        "because the package index does not answer; when this machine is online, run `labkit fetch many`",
    )
    assert not store.place(manifest.find("many")[1]).exists()
    assert shelf.drafts() == []


def test_an_index_without_the_wheel_is_one_sentence(shelf):
    shelf.wheel.unlink()
    with pytest.raises(AssetError) as error:
        assets.member("many")
    assert_one_sentence(
        error, "neither on its index nor in its folders (see `pip config list`); when this machine is online"
    )


def assert_one_sentence(error: pytest.ExceptionInfo[AssetError], part: str) -> None:
    assert part in str(error.value)
    assert "\n" not in str(error.value)


def works(*command: str) -> bool:
    try:
        return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


own_network = pytest.mark.skipif(not works("unshare", "-rn"), reason="this system has no network namespaces")
own_mounts = pytest.mark.skipif(not works("unshare", "-rm"), reason="this system has no mount namespaces")


@own_network
def test_with_the_network_cut_off_what_is_in_the_cache_still_works(clean):
    assets.fetch()
    cut = clean.run("print(assets.member('many'))", "unshare", "-rn", PIP_NO_INDEX="0", PIP_FIND_LINKS="")
    assert cut.returncode == 0 and cut.stdout.strip().endswith("many"), cut.stderr


@own_network
def test_with_the_network_cut_off_a_name_that_does_not_resolve_is_no_answer(shelf):
    online = {"PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": "https://index.example/simple"}
    cut = shelf.run("assets.member('many')", "unshare", "-rn", PIP_RETRIES="1", **online)
    assert cut.stderr.splitlines()[-1].endswith("the package index does not answer; when this machine is online, "
                                                "run `labkit fetch many`")  # fmt: skip
    assert "The package index does not answer; trying again …" in cut.stderr


def mounted(shelf, options: str) -> list[str]:
    """A command prefix that runs the rest with a mount over the cache that only it sees."""
    shelf.cache.mkdir(exist_ok=True)
    script = f'mount {options} {shelf.cache} && exec "$@"'
    return ["unshare", "-rm", "sh", "-c", script, "sh"]


NO_CHECK = "fetching._check_room = lambda needed: None\n"
TRY = """
def last_words(action):
    try:
        action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
print(last_words(assets.fetch))
print(sorted(p.name for p in store.assets_folder().rglob('*') if not p.name.endswith('.lock')))
import subprocess
subprocess.run(['mount', '-o', 'remount,size=64m', str(store.cache_folder())], check=True)
assets.fetch()
print(set(assets.status()['state']))
"""


@own_mounts
@pytest.mark.parametrize(
    "room, before",
    [("1m", ""), ("1m", NO_CHECK), ("5m", NO_CHECK), ("8m", NO_CHECK)],
    ids=["seen beforehand", "during the download", "in the first member", "in a later member"],
)
def test_a_full_disk_is_one_sentence_and_with_room_the_next_try_succeeds(shelf, room, before):
    done = shelf.run(before + TRY, *mounted(shelf, f"-t tmpfs -o size={room} tmpfs"))
    error, left, state = done.stdout.splitlines() or [done.stderr, "", ""]
    assert re.match(r"AssetError: cannot write to the cache folder .*; free 17 MB there, or set LABKIT_CACHE to", error)
    assert ".part" not in left
    assert state == "{'ready'}", done.stderr


def test_a_limit_on_file_sizes_is_one_sentence_and_leaves_no_half(clean):
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000))\n"
    done = clean.run(limit + "assets.member('zeros.bin')")
    assert "AssetError: cannot write to the cache folder" in done.stderr
    assert "File too large; free 17 MB there, or set LABKIT_CACHE" in done.stderr
    assert clean.halves() == clean.drafts() == []


@own_mounts
def test_a_read_only_cache_gives_what_it_has_and_says_when_it_has_not(shelf):
    assets.fetch(["many"])
    store.discard(manifest.find("noise.bin")[1])
    os.utime(assets.member("many") / "a.txt", ns=(1, 1))  # so that the stamp would have to be written again
    prefix = mounted(shelf, f"--bind -o ro {shelf.cache}")
    assert shelf.run("print(assets.member('many'))", *prefix).returncode == 0
    refused = shelf.run("assets.member('noise.bin')", *prefix).stderr.splitlines()[-1]
    assert re.search(r"AssetError: cannot write to the cache folder .*; set LABKIT_CACHE to a folder", refused)


def test_a_file_where_the_cache_should_be_is_one_sentence(shelf):
    shelf.cache.write_text("in the way")
    with pytest.raises(AssetError) as error:
        assets.member("many")
    assert_one_sentence(error, "set LABKIT_CACHE to a folder that you may write to")
    assert shelf.cache.read_text() == "in the way"
