"""One notebook under supervision: start its worker, watch its time and memory, kill what is left, tell what happened.

`execute` is a plain function of a picklable Job, so any `concurrent.futures.Executor` can run it: threads of this
process, other processes, the workers of a cluster. The notebook itself always has a process of its own.
"""

import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

import psutil

from labkit.core.devices import describe_machine
from labkit.core.isolation import clean_environment
from labkit.core.paths import FRESH

from .calibration import calibrate
from .outcomes import STOPPED, Outcome, Problem
from .planning import Job

SLACK = 1.5
"""Budgets are promises for a notebook that has the machine to itself; beside another one it may take so much more."""
_TICK = 0.2
_GRACE_SECONDS = 15
"""After its kernel was killed a worker writes the notebook so far; it gets so long for it."""
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS")


def execute(job: Job) -> Outcome:
    """Run one notebook between two calibrations; never raises for what the notebook does."""
    outcome = Outcome(
        str(job.notebook), copy=job.copy, profile=job.profile, parameters=job.parameters, note=job.note,
        budget_memory=None if job.memory_gb is None else round(job.memory_gb * 1e9),
    )  # fmt: skip
    if job.stop_file.exists():
        return outcome.with_problems(Problem("stopped", "the run was interrupted before it started"))
    before = calibrate()
    limit = job.minutes * 60 * SLACK * before.slowness
    outcome = replace(outcome, budget_seconds=limit, before=before, after=before)
    try:
        worker = _Worker(job, outcome)
    except OSError as error:
        remedy = "free some memory and disk, or name a folder that can be written to in TMPDIR"
        return outcome.with_problems(Problem("kernel", f"no process can be started ({error}); {remedy}"))
    with worker:
        worker.watch()
    outcome = worker.conclusion()
    if outcome.verdict == STOPPED:
        return outcome
    outcome = replace(outcome, after=calibrate())
    problems = (
        replace(problem, message=f"{problem.message}; {outcome.unsteady}") if problem.kind == "time" else problem
        for problem in outcome.problems
    )
    return replace(outcome, problems=tuple(problems)) if outcome.unsteady else outcome


class _Worker:
    """The process of one notebook, and what is seen of it while it runs."""

    def __init__(self, job: Job, outcome: Outcome) -> None:
        self.job, self.outcome, self.started = job, outcome, time.monotonic()
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - read, and closed, at the conclusion
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "labkit.suite.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, start_new_session=True,
            env=_variables(job) | {FRESH: "1"} | dict.fromkeys(_THREADS, str(job.threads)),
        )  # fmt: skip
        self.at, self.peak, self.sessions = -1, 0, {self.process.pid}
        self.found: Outcome | None = None
        self.stopped: Problem | None = None
        self.messages: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        with suppress(OSError):  # a worker that is gone already is noticed by the end of its messages
            pickle.dump(job, self._input)
            self._input.flush()

    @property
    def _input(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        """End the worker and every process of its sessions, whoever its parent is by now."""
        _kill_sessions(self.sessions)
        self.process.kill()
        self.process.wait()
        self.outcome = replace(self.outcome, seconds=time.monotonic() - self.started, peak_memory=self.peak)
        with suppress(OSError):
            self._input.close()

    def _listen(self) -> None:
        """Cells as they begin, the outcome, and None at the end."""
        with suppress(OSError, EOFError, pickle.UnpicklingError), self.process.stdout as stream:  # pyright: ignore
            while True:
                self.messages.put(pickle.load(stream))
        self.messages.put(None)

    def watch(self) -> None:
        """Return when the worker has said its outcome, has died, or was killed for good."""
        given_up = float("inf")
        while time.monotonic() < given_up:
            try:
                message = self.messages.get(timeout=_TICK)
            except Empty:
                message = self.at
            if not isinstance(message, int):
                self.found = message
                return
            self.at = message
            family = self._measure()
            if self.stopped is None and (reason := self._reason_to_stop()):
                self.stopped = Problem(*reason, cell=self.at)
                given_up = time.monotonic() + _GRACE_SECONDS
            for process in family if self.stopped else ():
                with suppress(psutil.Error):
                    process.kill()

    def _measure(self) -> list[psutil.Process]:
        """The kernel and its children; remembers the most that they held and their sessions."""
        held, family = 0, []
        with suppress(psutil.Error):
            family = psutil.Process(self.process.pid).children(recursive=True)
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
        seconds, most = self.outcome.budget_seconds, self.outcome.budget_memory
        if self.job.stop_file.exists():
            return "stopped", "the run was interrupted"
        if seconds and time.monotonic() - self.started > seconds:
            return "time", (
                f"stopped after {seconds:.0f} s, its budget on this machine; "
                "look for a cell that does not end, or raise `minutes` in metadata.labkit"
            )
        if most and self.peak > most:
            return "memory", (
                f"held {self.peak / 1e9:.2f} GB, its budget is {most / 1e9:.2f} GB; "
                "hold less at once, or raise `memory_gb` in metadata.labkit"
            )
        return None

    def conclusion(self) -> Outcome:
        """The outcome from what the worker said, or from its silence."""
        found, outcome = self.found or Outcome(""), self.outcome
        problems = [_explained(problem, self.peak) for problem in found.problems]
        if self.stopped:  # the kernel died because it was killed here; its last lines are still worth reading
            tail = next((problem.tail for problem in problems if problem.kind == "kernel"), ())
            problems = [replace(self.stopped, tail=tail), *(one for one in problems if one.kind != "kernel")]
        elif self.found is None:
            self.log.seek(0)
            last = self.log.read().decode("utf-8", "replace").splitlines()[-5:]
            message = "the notebook's process ended without a word, as if killed from outside or for lack of memory"
            problems.append(Problem("kernel", message, self.at, tail=tuple(last)))
        self.log.close()
        return replace(
            outcome, claims=found.claims, exercises=found.exercises, executed=found.executed, device=found.device,
            kind=found.kind,
        ).with_problems(*problems)  # fmt: skip


def _variables(job: Job) -> dict[str, str]:
    """What the worker and its kernel see of this process's; somebody else's copy sees no keys."""
    return clean_environment(os.environ) if job.copy else dict(os.environ)


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
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
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
