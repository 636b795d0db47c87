"""Warm starts: one process imports the heavy libraries once, every notebook's kernel is forked from it.

Importing torch, transformers and TransformerLens costs five seconds in a fresh kernel. A server process imports them
without touching a device or starting a thread (but that of an allocator, which survives forking). For each notebook it
forks a worker, which at once forks a process that waits to become the kernel: before the worker opens a socket or
starts a thread, so nothing is shared but read pages.

Linux only: elsewhere forking after such imports is not safe, and notebooks start their kernels in the plain way. The
same happens when the server does not come up, or when a notebook wants another kernel than this Python.
"""

import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from labkit.core.paths import FRESH

PRELOADED = (
    "numpy", "pandas", "torch", "transformers", "transformer_lens", "plotly.graph_objects", "ipywidgets", "sklearn",
    "transformers.models.llama.modeling_llama", "ipykernel.kernelapp", "papermill", "labkit.suite.worker",
)  # fmt: skip
_START_SECONDS = 120


class WarmServer:
    """The server's side that a run holds: its address, and its end."""

    def __init__(self, threads: int) -> None:
        """Start the server; `ready` waits for it.

        Args:
            threads: that each kernel may use; libraries read it when they are loaded, hence here.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="labkit-", ignore_cleanup_errors=True)
        self.address = str(Path(self._folder.name) / "warm")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "labkit.suite.warm", self.address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            env=os.environ | environment(threads),
        )  # fmt: skip

    def ready(self) -> str:
        """The address once the server listens; empty if it does not come up."""
        assert self._process.stdout is not None
        with suppress(OSError):
            readable, _, _ = select.select([self._process.stdout], [], [], _START_SECONDS)
            if readable and self._process.stdout.readline().strip() == b"ready":
                return self.address
        self.close()
        return ""

    def close(self) -> None:
        """End the server and whatever it still runs."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()


def possible() -> bool:
    """True where forking after the imports is safe."""
    return sys.platform == "linux"


def environment(threads: int) -> dict[str, str]:
    """What a notebook's process is told: so many threads for numeric libraries, and nothing from an earlier run."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS")
    return {FRESH: "1", **dict.fromkeys(names, str(threads))}


class ForkedKernel:
    """A process that waits to become an IPython kernel; what jupyter_client wants of a `Popen`."""

    stdin = stdout = stderr = None

    def __init__(self) -> None:
        order, self._order = os.pipe()
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._order)
            _become_kernel(order)
        os.close(order)

    def start(self, argv: list[str], env: dict[str, str], cwd: str | None) -> None:
        """Let it become the kernel whose options are `argv`."""
        text = json.dumps({"argv": argv, "env": env, "cwd": cwd, "parent": os.getpid()})
        with os.fdopen(self._order, "w", encoding="utf-8") as pipe:
            pipe.write(text)

    def dismiss(self) -> None:
        """It is not needed: let it end."""
        os.close(self._order)
        self.wait()

    def poll(self) -> int | None:
        return self._reap(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int | None:
        return self._reap(0)

    def send_signal(self, signum: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def _reap(self, flags: int) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, flags)
            except ChildProcessError:
                pid, status = self.pid, 0
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _become_kernel(order: int) -> NoReturn:
    """Wait for the order, then be the kernel; ends without one when the worker ends first."""
    os.setsid()
    with os.fdopen(order, encoding="utf-8") as pipe:
        text = pipe.read()
    if not text:
        os._exit(0)
    wanted: dict[str, Any] = json.loads(text)
    os.environ.clear()
    os.environ.update(wanted["env"])
    if wanted["cwd"]:
        os.chdir(wanted["cwd"])
    _fresh_randomness()
    from ipykernel import kernelapp

    argv = [*wanted["argv"], f"--IPKernelApp.parent_handle={wanted['parent']}"]
    sys.argv = ["ipykernel_launcher", *argv]
    try:
        kernelapp.launch_new_instance(argv=argv)
    finally:
        os._exit(0)


def _fresh_randomness() -> None:
    """What the libraries drew from the system at import must not be the same in every kernel."""
    import numpy as np

    random.seed()
    np.random.seed()


def _serve(address: str) -> None:
    """Import, listen, fork a worker for each connection; end with the run that started it."""
    for name in PRELOADED:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        workers: set[int] = set()
        while True:
            readable, _, _ = select.select([listener, sys.stdin], [], [], 0.5)
            if sys.stdin in readable:
                break
            if listener in readable:
                workers.add(_fork_worker(listener))
            workers -= {pid for pid in workers if os.waitpid(pid, os.WNOHANG)[0]}
    for pid in workers:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _fork_worker(listener: socket.socket) -> int:
    connection, _ = listener.accept()
    pid = os.fork()
    if pid:
        connection.close()
        return pid
    os.setsid()
    listener.close()
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(silence, stream)
    from . import worker

    code = 1
    try:
        worker.serve(connection.makefile("r", encoding="utf-8"), connection.makefile("w", encoding="utf-8"), fork=True)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
