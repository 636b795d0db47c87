"""A JupyterLab of its own and a Chromium beside it, both cut off from the network where the system allows.

    with served(folder) as server, opened(server, "02_attention.ipynb", dark=True) as lesson:
        lesson.run_all()
        lesson.errors, lesson.strangers, lesson.outputs()

Settings, history and runtime files live in the given temporary folder; the user's own JupyterLab is not touched.
Linux as root: server, kernels and browser share a network namespace that has nothing but loopback.
"""

import json
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
)  # fmt: skip
KEEPER = Path(__file__).with_name("keeper.py")


def why_not() -> str | None:
    """Why no browser can be driven here; None where it can."""
    if CHROMIUM is None:
        return "no Chromium on this machine; on Debian: apt-get install chromium"
    try:
        import playwright.sync_api  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        return "playwright is not installed; pip install -e '.[test]'"
    return None


def require() -> None:
    """Skip the test with the reason where no browser can be driven; with LABKIT_REQUIRE_BROWSER=1 it fails."""
    if reason := why_not():
        if os.environ.get("LABKIT_REQUIRE_BROWSER") == "1":
            pytest.fail(f"the browser's tests must run here, but there is {reason}")
        pytest.skip(f"the browser's tests did NOT run: {reason}")


def can_cut_off() -> bool:
    """Whether this process may make a network namespace (Linux, root)."""
    tools = shutil.which("unshare") and shutil.which("nsenter")
    return bool(tools) and subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0


@dataclass
class Server:
    """A running JupyterLab."""

    url: str
    token: str
    folder: Path
    """What it serves; notebooks lie here."""
    process: subprocess.Popen[bytes]
    """its keeper"""
    isolated: bool
    """True: the network is cut off."""
    home: Path

    def settings(self, plugin: str, values: dict[str, Any]) -> None:
        """Write a user setting, such as the theme; read when a page opens."""
        file = self.home / "settings" / (plugin + ".jupyterlab-settings")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))


@contextmanager
def served(folder: Path, home: Path, *, seconds: float = 60) -> Iterator[Server]:
    """JupyterLab on a free port with a token, serving `folder`; all it writes goes to `home`."""
    for name in ("config", "data", "runtime", "settings", "workspaces", "ipython", "runs"):
        (home / name).mkdir(parents=True, exist_ok=True)
    token, isolated = secrets.token_hex(16), can_cut_off()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    command = [sys.executable, str(KEEPER), *command]
    if isolated:
        command = ["unshare", "-n", *command]
    log = home / "server.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=sink, stderr=sink, env=_environment(home), cwd=folder,
            start_new_session=True,
        )  # fmt: skip
    server = Server(f"http://127.0.0.1:{port}", token, folder, process, isolated, home)
    server.settings("@jupyterlab/apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False})
    try:
        _wait_until_ready(process, log, seconds)
        yield server
    finally:
        _end(process)


def _environment(home: Path) -> dict[str, str]:
    own = {
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython",
    }  # fmt: skip
    runs = {"LABKIT_RUNS": str(home / "runs")}
    venv = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    return {**os.environ, **{name: str(home / part) for name, part in own.items()}, **runs, **venv}


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    until = time.monotonic() + seconds
    while "is running at" not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"JupyterLab did not start in {seconds} s; its log:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let go of the keeper's line: it ends the server and the kernels."""
    assert process.stdin
    process.stdin.close()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


@contextmanager
def browser(server: Server) -> Iterator[Any]:
    """Chromium in the server's network."""
    from playwright.sync_api import sync_playwright

    program = CHROMIUM
    if server.isolated:
        wrapper = server.home / "chromium"
        wrapper.write_text(f'#!/bin/sh\nexec nsenter --net=/proc/{server.process.pid}/ns/net {CHROMIUM} "$@"\n')
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        program = str(wrapper)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        try:
            chromium.new_context(accept_downloads=True)  # the one that `opened` uses
            yield chromium
        finally:
            chromium.close()


@dataclass
class Lesson:
    """One notebook open in JupyterLab, and what went wrong in the page so far."""

    page: Any
    errors: list[str] = field(default_factory=list)
    """JavaScript errors of the page"""
    strangers: list[str] = field(default_factory=list)
    """addresses asked for that are not on this machine"""

    def run_all(self, *, seconds: float = 600) -> None:
        """Run every cell and wait until the kernel is idle and the page is still.

        Raises:
            RuntimeError: the kernel is not idle after `seconds`.
        """
        self.page.evaluate("() => { window.lkDone = null;"
            " jupyterapp.commands.execute('notebook:run-all-cells').then(v => { window.lkDone = String(v); },"
            " e => { window.lkDone = 'error ' + e; }); }")  # fmt: skip
        try:
            self.page.wait_for_function("() => window.lkDone !== null", timeout=seconds * 1000)
        except Exception as error:
            raise RuntimeError(f"the cells did not end within {seconds} s") from error
        self.settle()

    def settle(self, *, quiet: float = 0.8, seconds: float = 60) -> None:
        """Wait until the kernel is idle and the page has not changed for `quiet` seconds."""
        self.page.evaluate(
            """([quiet, limit]) => new Promise(done => {
                const start = performance.now(); let last = start;
                const watch = new MutationObserver(() => { last = performance.now(); });
                watch.observe(document.querySelector('.jp-Notebook'), {subtree: true, childList: true, attributes: true,
                    characterData: true});
                const timer = setInterval(() => {
                    const now = performance.now();
                    const kernel = jupyterapp.shell.currentWidget.sessionContext.session?.kernel;
                    const idle = !kernel || kernel.status === 'idle';
                    if ((idle && now - last > quiet * 1000) || now - start > limit * 1000) {
                        clearInterval(timer); watch.disconnect(); done(); }
                }, 100); })""",
            [quiet, seconds],
        )

    def use_theme(self, dark: bool) -> None:
        """Change the theme in place."""
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.page.evaluate("name => jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
        wanted = "false" if dark else "true"
        self.page.wait_for_selector(f"body[data-jp-theme-light='{wanted}']", state="attached", timeout=30_000)
        self.settle()

    def cells(self) -> list[dict[str, Any]]:
        """Each cell as the notebook stores it, with its outputs."""
        return self.page.evaluate("() => jupyterapp.shell.currentWidget.content.model.toJSON().cells")


@contextmanager
def opened(chromium: Any, server: Server, notebook: str, *, dark: bool = False, width: int = 1100,
           height: int = 1500) -> Iterator[Lesson]:  # fmt: skip
    """A notebook of the served folder in a fresh page; side bars away, kernel started."""
    theme = "JupyterLab Dark" if dark else "JupyterLab Light"
    server.settings("@jupyterlab/apputils-extension/themes", {"theme": theme, "adaptive-theme": False})
    server.settings("@jupyterlab/notebook-extension/tracker", {"windowingMode": "none", "scrollPastEnd": False})
    server.settings("@jupyterlab/docmanager-extension/plugin", {"autosave": False})
    page = chromium.contexts[0].new_page()  # one context: it finds JupyterLab's scripts in the browser's cache
    try:
        page.set_viewport_size({"width": width, "height": height})
        lesson = Lesson(page)
        page.on("pageerror", lambda error: lesson.errors.append(str(error)))
        page.on("request", lambda request: _note_stranger(lesson, request.url))
        page.on("websocket", lambda channel: _note_stranger(lesson, channel.url))
        page.goto(f"{server.url}/lab/tree/{notebook}?token={server.token}&reset")
        page.wait_for_function(
            "() => window.jupyterapp"
            " && jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=90_000,
        )
        page.evaluate("() => { if (jupyterapp.shell.leftCollapsed === false) jupyterapp.shell.collapseLeft(); }")
        yield lesson
        page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    finally:
        page.close()


def _note_stranger(lesson: Lesson, address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in ("data", "blob", "about") and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        lesson.strangers.append(address)
