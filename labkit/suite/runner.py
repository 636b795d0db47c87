"""A run of the suite: every planned notebook over an executor, compared with its baseline, the results kept.

    plan = planning.plan_run([Path("notebooks/01_tokenization.ipynb")], parameters={"SEED": "1"}, fast=True)
    result = run(plan, folder=new_folder())          # a SuiteResult; results.json and the notebooks are in the folder

A notebook that fails, dies or hangs is one
failed outcome; the others finish. Ctrl-C leaves a partial result and no process.
"""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from labkit import __version__
from labkit.core.devices import describe_machine
from labkit.core.errors import NotebookError
from labkit.core.locks import only
from labkit.core.paths import runs_folder

from .baselines import accept, check_claims, compare, read_baseline
from .outcomes import STOPPED, Outcome, Problem, SuiteResult
from .planning import Job
from .supervision import execute

_PACKAGES = ("torch", "transformers", "transformer-lens", "tokenizers", "numpy", "plotly", "ipywidgets",
             "bertviz", "jupyterlab", "papermill", "nbclient", "ipykernel")  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """How a run is carried out."""

    jobs: int = 2
    start_seconds: float = 60.0
    threads: int = 0
    """Of each notebook; 0 = the cores divided by as many as run at once."""
    accept: bool = False
    """True: what is measured becomes the baseline, where nothing worse than that it moved is wrong."""
    strict: bool = False
    """True: a claim that moved fails on every kind of machine, not only on the baseline's."""
    assets: dict[str, str] = field(default_factory=dict)
    """Asset name → sha256, to be kept in the results."""


def run(
    plan: Sequence[Job],
    *,
    folder: Path,
    settings: Settings = Settings(),
    executor: Executor | None = None,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> SuiteResult:
    """Run the plan; results.json and the executed notebooks are written into `folder`.

    Args:
        folder: exists and can be written to; see `new_folder`.
        executor: any `concurrent.futures.Executor`; None = so many threads of this process as there are jobs (each
            notebook has a process of its own in any case).
        report: called with each outcome as soon as it is there, and written down.

    Raises:
        NotebookError: another run writes into the same folder now, or a notebook to be run lies in it.
    """
    clock = time.monotonic()
    outcomes: dict[int, Outcome] = {}
    result = SuiteResult(
        profile=plan[0].profile if plan else "full",
        seed=next((job.parameters["SEED"] for job in plan if "SEED" in job.parameters), 0),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        jobs=settings.jobs,
        executor="threads" if executor is None else type(executor).__name__,
        versions=_versions(),
        commit=commit_of(Path(__file__).parents[2]),
        assets=settings.assets,
    )
    with ExitStack() as stack:
        stop_file = stack.enter_context(_only_run_in(folder, plan))
        stack.enter_context(_interrupt_touches(stop_file))
        threads = settings.threads or max(1, describe_machine().cores // max(1, min(settings.jobs, len(plan))))
        jobs = [replace(job, folder=folder, threads=threads, start_seconds=settings.start_seconds) for job in plan]
        pool = executor or stack.enter_context(ThreadPoolExecutor(settings.jobs, thread_name_prefix="notebook"))
        for index, raw in _finished(jobs, pool):
            outcomes[index] = _judge(raw, jobs[index], settings)
            result = _written(result, outcomes, folder, clock)
            with suppress(OSError, ValueError):  # a terminal that is gone costs no result
                report(outcomes[index])
    if settings.accept:
        outcomes |= _accepted(plan, outcomes)
    return _written(result, outcomes, folder, clock)


def _written(result: SuiteResult, outcomes: dict[int, Outcome], folder: Path, clock: float) -> SuiteResult:
    """The result with what has ended so far, written down."""
    result = replace(
        result,
        outcomes=tuple(outcomes[index] for index in sorted(outcomes)),
        device=next((outcome.device for outcome in outcomes.values() if outcome.device), ""),
        wall_seconds=time.monotonic() - clock,
        interrupted=any(outcome.verdict == STOPPED for outcome in outcomes.values()),
        unwritten="",
    )
    try:
        result.write(folder)
    except OSError as error:  # hours of work are not lost for it: the caller has the result and can show it
        result = replace(result, unwritten=f"{folder} cannot be written to ({error.strerror}); free some space")
    return result


@contextmanager
def _only_run_in(folder: Path, plan: Sequence[Job]) -> Iterator[Path]:
    """Hold the folder, which must not hold the notebooks themselves, for this run; gives the file that stops it."""
    for job in plan:
        if replace(job, folder=folder).executed.resolve() == job.source.resolve():
            raise NotebookError(
                f"{folder} holds {job.notebook.name} itself, which the run would overwrite; use another -o"
            )

    lock, stop_file = folder / ".lock", folder / ".stop"
    with only(lock, NotebookError(f"another run writes into {folder} now; give this one a folder of its own with -o")):
        try:
            stop_file.unlink(missing_ok=True)
            yield stop_file
        finally:
            stop_file.unlink(missing_ok=True)
            with suppress(OSError):  # Windows keeps it while it is held
                lock.unlink()


@contextmanager
def _interrupt_touches(stop_file: Path) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) ends the notebooks and keeps what there is; the second ends at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        if stop_file.exists():
            raise KeyboardInterrupt
        stop_file.touch()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def new_folder(wanted: Path | None = None) -> Path:
    """The folder of a new run: `wanted`, else one named after the time, never one that another run got.

    Raises:
        NotebookError: it cannot be made or written to.
    """
    try:
        if wanted is not None:
            wanted.mkdir(parents=True, exist_ok=True)
            (wanted / ".writable").write_text("")
            (wanted / ".writable").unlink()
            return wanted.absolute()
        base = runs_folder()
        base.mkdir(parents=True, exist_ok=True)
        name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        for suffix in ("", *(f"-{number}" for number in range(2, 100))):
            try:
                (base / (name + suffix)).mkdir()
            except FileExistsError:
                continue
            return base / (name + suffix)
    except OSError as error:
        where = wanted or runs_folder()
        raise NotebookError(f"{where} cannot be written to ({error.strerror}); give another folder with -o") from error
    raise NotebookError(f"too many runs started in this second in {runs_folder()}; try again")


def _finished(jobs: Sequence[Job], pool: Executor) -> Iterator[tuple[int, Outcome]]:
    """Each notebook's outcome as it ends; one that an executor lost (a worker machine gone) is a failed one."""
    futures: dict[Future[Outcome], int] = {}
    for index, job in enumerate(jobs):
        if job.problem:
            yield index, _blank(job, "notebook", job.problem)
        else:
            futures[pool.submit(execute, job)] = index
    for future in as_completed(futures):
        index = futures[future]
        try:
            yield index, future.result()
        except Exception as error:  # whatever the executor raises, the other notebooks go on
            yield index, _blank(jobs[index], "kernel", f"the executor lost it ({type(error).__name__}: {error})")


def _blank(job: Job, kind: str, message: str) -> Outcome:
    outcome = Outcome(str(job.notebook), copy=job.copy, profile=job.profile, parameters=job.parameters)
    return outcome.with_problems(Problem(kind, message))


def _judge(raw: Outcome, job: Job, settings: Settings) -> Outcome:
    """Bounds, the baseline, and the headings above what went wrong."""
    outcome = check_claims(raw, own=job.compared)
    if job.compared and raw.verdict != STOPPED and not settings.accept and not job.problem:
        try:
            outcome = compare(outcome, read_baseline(job.notebook, job.profile), strict=settings.strict)
        except (NotebookError, OSError) as error:  # what was measured is kept
            outcome = outcome.with_problems(Problem("notebook", f"not compared: {error}"))
    placed = (
        replace(problem, heading=job.headings[problem.cell]) if 0 <= problem.cell < len(job.headings) else problem
        for problem in outcome.problems
    )
    return replace(outcome, problems=tuple(placed))


def _accepted(plan: Sequence[Job], outcomes: dict[int, Outcome]) -> dict[int, Outcome]:
    """Make the runs of each notebook its baseline; gives what became of those with its own seed."""
    changed: dict[int, Outcome] = {}
    for own, job in enumerate(plan):
        if not job.compared:
            continue
        others = [i for i, other in enumerate(plan) if other.notebook == job.notebook and i != own]
        try:
            changed[own] = accept([outcomes[i] for i in (own, *others)], job.notebook)
        except (NotebookError, OSError) as error:
            changed[own] = outcomes[own].with_problems(Problem("accept", str(error)))
    return changed


def commit_of(home: Path) -> str:
    """`3fc83b8a90c1`, `3fc83b8a90c1, changed`; empty where that is no checkout, as of an installed labkit."""
    if not (home / ".git").exists():
        return ""
    try:
        asked = [["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]]
        run = partial(subprocess.run, capture_output=True, text=True, check=True, timeout=20)
        head, changes = (run(["git", "-C", str(home), *words]).stdout for words in asked)
    except (OSError, subprocess.SubprocessError):  # no git here, or a checkout that belongs to another user
        return ""
    return head.strip() + (", changed" if changes.strip() else "")


def _versions() -> dict[str, str]:
    found = {"labkit": __version__}  # of the code that runs, whatever else is installed
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
