"""A run of the suite: every planned notebook over an executor, compared with its baseline, the results kept.

    plan = planning.plan_run([Path("notebooks/01_tokenization.ipynb")], parameters={"SEED": "1"}, fast=True)
    result = run(plan, folder=new_folder())          # a SuiteResult; results.json and the notebooks are in the folder

A notebook that fails, dies or hangs is one
failed outcome; the others finish. Ctrl-C leaves a partial result and no process.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from labkit.core.devices import describe_machine
from labkit.core.errors import NotebookError
from labkit.core.paths import runs_folder

from .baselines import accept, check_claims, compare, read_baseline
from .lessons import heading_above, read_notebook
from .outcomes import FAILED, STOPPED, Outcome, Problem, SuiteResult
from .planning import Planned
from .supervision import Job, execute
from .warm import WarmServer, possible

SLACK = 1.5
"""Budgets are promises for a notebook that has the machine to itself; beside another one it may take so much more."""
_PACKAGES = ("labkit", "torch", "transformers", "transformer-lens", "tokenizers", "numpy", "plotly", "ipywidgets",
             "bertviz", "jupyterlab", "papermill", "nbclient", "ipykernel")  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """How a run is carried out."""

    jobs: int = 2
    warm: bool = True
    start_seconds: float = 60.0
    threads: int = 0
    """Of each notebook; 0 = the cores divided by the jobs."""
    accept: bool = False
    """True: what is measured becomes the baseline, where nothing worse than that it moved is wrong."""
    strict: bool = False
    """True: a claim that moved fails on every kind of machine, not only on the baseline's."""
    assets: dict[str, str] = field(default_factory=dict)
    """Asset name → sha256, to be kept in the results."""


def run(
    plan: Sequence[Planned],
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
        report: called with each outcome as soon as it is there.

    Raises:
        NotebookError: another run writes into the same folder now, or a notebook to be run lies in it.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    outcomes: dict[int, Outcome] = {}
    with ExitStack() as stack:
        stop_file = stack.enter_context(_only_run_in(folder, plan))
        stack.enter_context(_interrupt_touches(stop_file))
        warm = WarmServer(_threads(settings)) if _worth_warming(plan, settings, executor) else None
        if warm:
            stack.callback(warm.close)
        address = warm.ready() if warm else ""
        jobs = {
            index: replace(_job(one, folder, settings), warm=address, stop_file=str(stop_file))
            for index, one in enumerate(plan)
        }
        pool = executor or stack.enter_context(ThreadPoolExecutor(settings.jobs, thread_name_prefix="notebook"))
        for index, raw in _finished(plan, jobs, pool):
            outcomes[index] = _judge(raw, plan[index], folder, settings)
            report(outcomes[index])
    if settings.accept:
        outcomes |= _accepted(plan, outcomes)
    result = SuiteResult(
        outcomes=tuple(outcomes[index] for index in sorted(outcomes)),
        profile=plan[0].profile if plan else "full",
        seed=next((one.parameters["SEED"] for one in plan if "SEED" in one.parameters), 0),
        device=next((outcome.device for outcome in outcomes.values() if outcome.device), ""),
        started=started.isoformat(timespec="seconds"),
        wall_seconds=time.monotonic() - clock,
        jobs=settings.jobs,
        executor="threads" if executor is None else type(executor).__name__,
        versions=_versions(),
        assets=settings.assets,
        interrupted=any(outcome.verdict == STOPPED for outcome in outcomes.values()),
    )
    try:
        result.write(folder)
    except OSError as error:  # hours of work are not lost for it: the caller has the result and can show it
        result = replace(result, unwritten=f"{folder} cannot be written to ({error.strerror}); free some space")
    return result


@contextmanager
def _only_run_in(folder: Path, plan: Sequence[Planned]) -> Iterator[Path]:
    """Hold the folder, which must not hold the notebooks themselves, for this run; gives the file that stops it."""
    from filelock import FileLock, Timeout

    for one in plan:
        name = one.notebook.name
        if (folder / one.subfolder / name).resolve() == one.notebook.resolve():
            raise NotebookError(f"{folder} holds {name} itself, which the run would overwrite; use another -o")

    lock, stop_file = FileLock(folder / ".lock"), folder / ".stop"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise NotebookError(
            f"another run writes into {folder} now; give this one a folder of its own with -o"
        ) from None
    try:
        stop_file.unlink(missing_ok=True)
        yield stop_file
    finally:
        stop_file.unlink(missing_ok=True)
        lock.release()
        (folder / ".lock").unlink(missing_ok=True)


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


def _job(one: Planned, folder: Path, settings: Settings) -> Job:
    return Job(
        notebook=str(one.notebook.absolute()),
        shown=str(one.notebook),
        executed=str(folder / one.subfolder / one.notebook.name),
        profile=one.profile,
        parameters=one.parameters,
        limit_seconds=one.minutes * 60 * SLACK,
        limit_bytes=None if one.memory_gb is None else round(one.memory_gb * 1e9),
        threads=_threads(settings),
        startup=one.startup,
        start_seconds=settings.start_seconds,
    )


def _finished(plan: Sequence[Planned], jobs: dict[int, Job], pool: Executor) -> Iterator[tuple[int, Outcome]]:
    """Each notebook's outcome as it ends."""
    futures: dict[Future[Outcome], int] = {}
    for index, one in enumerate(plan):
        if one.problem:
            refused = Outcome(str(one.notebook), one.profile, FAILED, parameters=one.parameters)
            yield index, refused.with_problems(Problem("notebook", one.problem))
        else:
            futures[pool.submit(execute, jobs[index])] = index
    for future in as_completed(futures):
        yield futures[future], _result(future, jobs[futures[future]])


def _result(future: "Future[Outcome]", job: Job) -> Outcome:
    """A future's outcome; an executor that lost it (a worker machine gone) makes a failed one."""
    try:
        return future.result()
    except Exception as error:  # whatever the executor raises, the other notebooks go on
        blank = Outcome(job.shown, job.profile, parameters=job.parameters)
        return blank.with_problems(Problem("kernel", f"the executor lost it ({type(error).__name__}: {error})"))


def _judge(raw: Outcome, one: Planned, folder: Path, settings: Settings) -> Outcome:
    """Bounds, baseline, headings, and paths relative to the run's folder."""
    executed = Path(raw.executed).relative_to(folder).as_posix() if raw.executed else ""
    outcome = check_claims(replace(raw, executed=executed), own=one.compared)
    if one.problem:
        return outcome
    if one.compared and raw.verdict != STOPPED and not settings.accept:
        outcome = compare(outcome, read_baseline(one.notebook, one.profile), strict=settings.strict)
    cells = read_notebook(one.notebook).cells
    placed = (
        replace(problem, heading=heading_above(cells, problem.cell))
        if problem.cell >= 0 and not problem.heading
        else problem
        for problem in outcome.problems
    )
    return replace(outcome, problems=tuple(placed))


def _accepted(plan: Sequence[Planned], outcomes: dict[int, Outcome]) -> dict[int, Outcome]:
    """Make the runs of each notebook its baseline; gives what became of those with its own seed."""
    changed: dict[int, Outcome] = {}
    for own, one in enumerate(plan):
        if not one.compared:
            continue
        others = [i for i, other in enumerate(plan) if other.notebook == one.notebook and i != own]
        try:
            changed[own] = accept([outcomes[i] for i in (own, *others)], one.notebook)
        except NotebookError as error:
            changed[own] = outcomes[own].with_problems(Problem("accept", str(error)))
    return changed


def _worth_warming(plan: Sequence[Planned], settings: Settings, executor: Executor | None) -> bool:
    return settings.warm and executor is None and possible() and sum(not one.problem for one in plan) > 1


def _threads(settings: Settings) -> int:
    return settings.threads or max(1, describe_machine().cores // max(1, settings.jobs))


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
