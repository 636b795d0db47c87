"""A small wheel made here, a manifest that pins it, and indexes that serve it well or badly; no network anywhere."""

import hashlib
import os
import random
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from labkit import assets
from labkit.assets import manifest, store

WHEEL = "lab_tiny-1.0-py3-none-any.whl"
MODULE = "import pathlib, os\npathlib.Path(os.environ['LAB_TINY_WAS_RUN']).touch()\n"
METADATA = "Metadata-Version: 2.1\nName: lab-tiny\nVersion: 1.0\n"
TAGS = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Shelf:
    """The wheel, its manifest, the folder that serves as index, and the cache."""

    root: Path
    data: dict[str, bytes] = field(default_factory=dict)

    @property
    def index(self) -> Path:
        return self.root / "index"

    @property
    def wheel(self) -> Path:
        return self.index / WHEEL

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def pins(self) -> Path:
        return self.root / "manifest.toml"

    def build(self) -> None:
        letters = random.Random(0)
        self.data = {
            "lab_tiny/data/noise.bin": letters.randbytes(3_000_000),
            "lab_tiny/data/zeros.bin": bytes(8_000_000),
            "lab_tiny/data/many/a.txt": "première\n".encode(),
            "lab_tiny/data/many/deep/b.txt": b"second\n",
            "lab_tiny/data/many/README.md": b"not listed\n",
            "lab_tiny/secret.txt": b"not listed either\n",
            "lab_tiny/__init__.py": MODULE.encode(),
            "lab_tiny-1.0.dist-info/METADATA": METADATA.encode(),
            "lab_tiny-1.0.dist-info/WHEEL": TAGS.encode(),
            "lab_tiny-1.0.dist-info/RECORD": b"",
        }
        self.index.mkdir()
        with zipfile.ZipFile(self.wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.data.items():
                archive.writestr(name, content)
        self.pin()

    def pin(self, **other_hashes: str) -> None:
        """Write the manifest; `other_hashes` (noise, zeros, many) are written instead of the right ones."""
        noise, zeros = self.data["lab_tiny/data/noise.bin"], self.data["lab_tiny/data/zeros.bin"]
        a, b = self.data["lab_tiny/data/many/a.txt"], self.data["lab_tiny/data/many/deep/b.txt"]
        lines = f"{sha256(a)}  a.txt\n{sha256(b)}  deep/b.txt\n"
        hashes = {"noise": sha256(noise), "zeros": sha256(zeros), "many": sha256(lines.encode())} | other_hashes
        wheel = self.wheel.read_bytes()
        self.pins.write_text(
            f'[[wheel]]\nname="lab-tiny"\nversion="1.0"\nfile="{WHEEL}"\nsha256="{sha256(wheel)}"\nsize={len(wheel)}\n'
            + _entry("noise.bin", "lab_tiny/data/noise.bin", hashes["noise"], len(noise))
            + _entry("zeros.bin", "lab_tiny/data/zeros.bin", hashes["zeros"], len(zeros))
            + _entry("many", "lab_tiny/data/many/", hashes["many"], len(a + b), 'only=["*.txt"]\n')
        )
        manifest._read.cache_clear()

    def start(self, code: str, *before: str, **environment: str) -> subprocess.Popen[str]:
        """A fresh process that reads this manifest and runs `code`, in a process group of its own."""
        prologue = (
            "import signal\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # tests in the background have it switched off
            "from pathlib import Path\nfrom labkit import assets\nfrom labkit.assets import fetching, manifest, store\n"
            f"manifest.MANIFEST = Path({str(self.pins)!r})\n"
        )
        command = [*before, sys.executable, "-c", prologue + code]
        return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                start_new_session=True, env=os.environ | environment)  # fmt: skip

    def run(self, code: str, *before: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The same, to its end."""
        process = self.start(code, *before, **environment)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def members(self) -> tuple[manifest.Member, ...]:
        return manifest.wheels()[0].members

    def halves(self) -> list[str]:
        """Members that are at their place and are not what the manifest says: must always be empty."""
        there = [member for member in self.members() if store.place(member).exists()]
        return [member.name for member in there if store.digest(store.place(member)) != member.sha256]

    def drafts(self) -> list[str]:
        """What unfinished writing left in the cache."""
        return sorted(path.name for path in self.cache.rglob("*.part"))


def _entry(name: str, path: str, digest: str, size: int, more: str = "") -> str:
    facts = f'name="{name}"\npath="{path}"\nsha256="{digest}"\nsize={size}\nlicence="MIT"\nwhat="a test"\n'
    return "[[wheel.member]]\n" + facts + more


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """The wheel in a folder that pip is told to look in, and an empty cache."""
    shelf = Shelf(tmp_path)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    settings = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(shelf.index),
        "PIP_CACHE_DIR": str(tmp_path / "pip-cache"),
        "LABKIT_CACHE": str(shelf.cache),
        "LAB_TINY_WAS_RUN": str(tmp_path / "was-run"),
        "NO_PROXY": "127.0.0.1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(manifest, "MANIFEST", shelf.pins)
    shelf.build()
    return shelf


@pytest.fixture
def clean(shelf, monkeypatch):
    """The shelf; afterwards its cache must hold no half, and once a later try has succeeded no draft either."""
    yield shelf
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf.index))
    assert shelf.halves() == []
    if shelf.cache.is_dir():
        assets.fetch()
        assert assets.status()["state"] == ["ready"] * 3
        assert shelf.drafts() == []


@dataclass
class Server:
    """A package index on this machine that counts downloads and can be told to misbehave."""

    shelf: Shelf
    answers: list[bytes] = field(default_factory=list)
    """What the next downloads get instead of the wheel, in order."""
    stall: bool = False
    """Send half of the file, and then nothing."""
    downloads: int = 0
    half_sent: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def page(self) -> bytes:
        return f'<!DOCTYPE html><html><body><a href="/files/{WHEEL}">{WHEEL}</a></body></html>'.encode()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        is_file = request.path.startswith("/files/")
        body = self.page()
        if is_file:
            self.downloads += 1
            body = self.answers.pop(0) if self.answers else self.shelf.wheel.read_bytes()
        request.send_response(200 if is_file or request.path == "/simple/lab-tiny/" else 404)
        request.send_header("Content-Type", "application/octet-stream" if is_file else "text/html")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: len(body) // 2])
        request.wfile.flush()
        if is_file and self.stall:
            self.half_sent.set()
            self.over.wait(60)
            if self.stall:  # still: the connection breaks here
                return
        request.wfile.write(body[len(body) // 2 :])


@pytest.fixture
def server(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    """The same wheel, served over HTTP."""
    state = Server(shelf)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{http.server_port}/simple")
    yield state
    state.over.set()
    http.shutdown()
    http.server_close()
