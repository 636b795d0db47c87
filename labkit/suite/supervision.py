"""One notebook under supervision: start its worker, watch its time and memory, kill what is left, tell what happened.

`execute` is a plain function of a picklable Job, so any `concurrent.futures.Executor` can run it: threads of this
process, other processes, the workers of a cluster. The notebook itself always has a process of its own.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from json import JSONDecodeError, dumps, loads
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TextIO, cast

import psutil

from labkit.core.devices import describe_machine

from .calibration import calibrate
from .outcomes import FAILED, PASSED, STOPPED, Outcome, Problem
from .records import ClaimRecord
from .warm import environment

_TICK = 0.2
_GRACE_SECONDS = 15
"""After its kernel was killed a worker writes the notebook so far; it gets so long for it."""


@dataclass(frozen=True)
class Job:
    """All that is needed to run one notebook, here or on another machine that sees the same folder."""

    notebook: str
    """Absolute path."""
    shown: str
    """Path as reports name it."""
    executed: str
    """Absolute path of the executed notebook to be written."""
    profile: str = "full"
    parameters: dict[str, Any] = field(default_factory=dict)
    limit_seconds: float = 900.0
    """On the reference machine; scaled by a calibration of the process that executes it."""
    limit_bytes: int | None = None
    threads: int = 1
    warm: str = ""
    """Address of a warm server on this machine; empty = plain start."""
    stop_file: str = ""
    """The notebook is stopped when this file appears."""
    startup: str = ""
    """Python to run in the kernel before the first cell."""
    start_seconds: float = 60.0
    """How long a kernel may take to answer."""


def execute(job: Job) -> Outcome:
    """Run one notebook between two calibrations; never raises for what the notebook does."""
    outcome = Outcome(job.shown, job.profile, parameters=job.parameters, budget_memory=job.limit_bytes)
    if job.stop_file and Path(job.stop_file).exists():
        problem = Problem("stopped", "the run was interrupted before it started")
        return replace(outcome, verdict=STOPPED, problems=(problem,))
    before = calibrate()
    job = replace(job, limit_seconds=job.limit_seconds * before.slowness)
    outcome = _supervised(job, replace(outcome, budget_seconds=job.limit_seconds, before=before, after=before))
    if outcome.verdict == STOPPED:
        return outcome
    outcome = replace(outcome, after=calibrate())
    problems = (
        replace(problem, message=f"{problem.message}; {outcome.unsteady}") if problem.kind == "time" else problem
        for problem in outcome.problems
    )
    return replace(outcome, problems=tuple(problems)) if outcome.unsteady else outcome


def _supervised(job: Job, outcome: Outcome) -> Outcome:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="labkit-", ignore_cleanup_errors=True) as scratch:
        log = Path(scratch) / "log"
        try:
            worker = _start(job, log)
        except OSError as error:
            return outcome.with_problems(Problem("kernel", f"no process can be started ({error})"))
        watch = _Watch(job, worker, started)
        try:
            watch.until_the_end()
        finally:
            worker.close(watch.sessions)
        return _conclude(replace(outcome, seconds=time.monotonic() - started, peak_memory=watch.peak), watch, log)


class _Worker:
    """A worker process, warm or plain: its messages, and the line whose end tells it to go."""

    def __init__(self, reader: TextIO, writer: TextIO, process: subprocess.Popen[str] | socket.socket) -> None:
        self.messages: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self.pid = 0
        self._reader, self._writer, self._process = reader, writer, process
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, job: dict[str, Any]) -> None:
        with suppress(OSError):  # a worker that is gone already is noticed by the end of its messages
            self._writer.write(dumps(job) + "\n")
            self._writer.flush()

    def close(self, sessions: set[int]) -> None:
        """End the worker and every process of its sessions, whoever its parent is by now."""
        if self.pid:
            sessions.add(self.pid)
        _kill_sessions(sessions)
        if isinstance(self._process, subprocess.Popen):
            self._process.kill()
            self._process.wait()
        for end in (self._writer, self._process if isinstance(self._process, socket.socket) else self._reader):
            with suppress(OSError):
                end.close()

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            for line in self._reader:
                with suppress(JSONDecodeError):
                    self.messages.put(loads(line))
        self.messages.put(None)


class _Watch:
    """What is seen of a notebook while it runs."""

    def __init__(self, job: Job, worker: _Worker, started: float) -> None:
        self.job, self.worker, self.started = job, worker, started
        self.peak = 0
        self.sessions: set[int] = set()
        self.at: dict[str, Any] = {}
        self.result: dict[str, Any] | None = None
        self.stopped: Problem | None = None
        self._given_up = float("inf")

    def until_the_end(self) -> None:
        """Return when the worker has said its outcome, has died, or was killed for good."""
        while time.monotonic() < self._given_up:
            try:
                message = self.worker.messages.get(timeout=_TICK)
            except Empty:
                message = {}
            if message is None or "outcome" in message:
                self.result = message and message["outcome"]
                return
            self.worker.pid = message.get("pid", self.worker.pid)
            self.at = message if "cell" in message else self.at
            family = self._measure()
            if self.stopped is None and (reason := self._reason_to_stop()):
                index, heading = self.at.get("cell", -1), self.at.get("heading", "")
                self.stopped = Problem(*reason, cell=index, heading=heading)
                self._given_up = time.monotonic() + _GRACE_SECONDS
            if self.stopped:
                for process in family:
                    with suppress(psutil.Error):
                        process.kill()

    def _measure(self) -> list[psutil.Process]:
        """The kernel and its children; remembers the most that they held and their sessions."""
        held, family = 0, []
        with suppress(psutil.Error):
            family = psutil.Process(self.worker.pid).children(recursive=True) if self.worker.pid else []
        for process in family:
            with suppress(psutil.Error, OSError):
                held += process.memory_info().rss
                self.peak = max(self.peak, _high_water(process.pid))
                if hasattr(os, "getsid"):
                    self.sessions.add(os.getsid(process.pid))
        self.peak = max(self.peak, held)
        return family

    def _reason_to_stop(self) -> tuple[str, str] | None:
        """(kind, message) of a budget that is exceeded, or of a run that was interrupted."""
        job = self.job
        if job.stop_file and Path(job.stop_file).exists():
            return "stopped", "the run was interrupted"
        if time.monotonic() - self.started > job.limit_seconds:
            return "time", (
                f"stopped after {job.limit_seconds:.0f} s, its budget on this machine; "
                "look for a cell that does not end, or raise `minutes` in metadata.labkit"
            )
        if job.limit_bytes and self.peak > job.limit_bytes:
            return "memory", (
                f"held {self.peak / 1e9:.2f} GB, its budget is {job.limit_bytes / 1e9:.2f} GB; "
                "hold less at once, or raise `memory_gb` in metadata.labkit"
            )
        return None


def _start(job: Job, log: Path) -> _Worker:
    """A worker from the warm server, or a plain one where that does not answer."""
    order = {**asdict(job), "log": str(log), "folder": "", "kernel_folder": str(Path(job.notebook).parent)}
    worker = _start_warm(job.warm) if job.warm else None
    if worker is None:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "labkit.suite.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            env=os.environ | environment(job.threads), text=True, encoding="utf-8",
        )  # fmt: skip
        worker = _Worker(cast(TextIO, process.stdout), cast(TextIO, process.stdin), process)
        worker.pid = process.pid
    worker.send(order)
    return worker


def _start_warm(address: str) -> _Worker | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        return None
    reader = connection.makefile("r", encoding="utf-8")
    return _Worker(reader, connection.makefile("w", encoding="utf-8"), connection)


def _conclude(outcome: Outcome, watch: _Watch, log: Path) -> Outcome:
    """The outcome from what the worker said, or from its silence."""
    result = watch.result or {}
    claims = tuple(ClaimRecord(**claim) for claim in result.get("claims", ()))
    problems = [Problem(**{**problem, "tail": tuple(problem["tail"])}) for problem in result.get("problems", ())]
    if watch.stopped:  # the kernel died because it was killed here; its last lines are still worth reading
        tail = next((problem.tail for problem in problems if problem.kind == "kernel"), ())
        problems = [problem for problem in problems if problem.kind != "kernel"]
        problems.insert(0, replace(watch.stopped, tail=tail))
    elif watch.result is None:
        last = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
        message = "the notebook's process ended without a word, as if killed from outside or for lack of memory"
        index, heading = watch.at.get("cell", -1), watch.at.get("heading", "")
        problems.append(Problem("kernel", message, index, heading, tuple(last)))
    problems = [_explained(problem, watch.peak) for problem in problems]
    stopped = any(problem.kind == "stopped" for problem in problems)
    verdict = STOPPED if stopped else FAILED if problems else PASSED
    found = replace(outcome, executed=result.get("executed", ""), device=result.get("device", ""))
    found = replace(found, kind=result.get("kind"))
    return replace(found, claims=claims, problems=tuple(problems), verdict=verdict)


def _explained(problem: Problem, peak: int) -> Problem:
    """A dead kernel says nothing; what it held last tells whether memory was the reason."""
    if problem.kind != "kernel" or "died" not in problem.message:
        return problem
    here = describe_machine().memory_gb
    return replace(
        problem,
        message=f"{problem.message}; it held {peak / 1e9:.2f} GB at most of {here:.1f} GB here: "
        "killed from outside, out of memory, or a crash in native code",
    )


def _high_water(pid: int) -> int:
    """Bytes that a process held at most, as Linux remembers it; 0 elsewhere."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024


def _kill_sessions(sessions: set[int]) -> None:
    """Every process of these sessions; a session's number is not given away while a member lives."""
    if not hasattr(os, "getsid"):
        for leader in sessions:
            with suppress(psutil.Error):
                for process in psutil.Process(leader).children(recursive=True):
                    process.kill()
        return
    mine = os.getsid(0)
    for pid in psutil.pids():
        with suppress(OSError):
            if os.getsid(pid) in sessions - {mine}:
                os.kill(pid, 9)
