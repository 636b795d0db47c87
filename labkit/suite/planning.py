"""What will run: notebooks with typed parameters, their budgets, and the order, found out before anything runs.

A mistake of the user's (no such notebook, no such parameter, no such kernel) raises here. A notebook that is damaged
becomes a job with a problem: it will be one failed outcome, and the others finish.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from labkit.core.errors import NotebookError, closest
from labkit.core.output import harmless

from .baselines import kept_for, read_baseline
from .lessons import read_lesson
from .notebooks import headings, read_in_order, read_notebook, refuse_same_names
from .parameters import Parameter, declared, typed

DEFAULT_MINUTES = 10.0
SEEDS_OF_A_BASELINE = 5


@dataclass(frozen=True)
class Job:
    """One notebook to run with one set of parameters: all that a worker needs, here or on another machine."""

    notebook: Path
    """As the user named it, from `home`."""
    profile: str = "full"
    parameters: dict[str, Any] = field(default_factory=dict)
    minutes: float = DEFAULT_MINUTES
    """Of the reference machine; scaled by a calibration of the process that executes it."""
    memory_gb: float | None = None
    weight: float = 0.0
    """Expected seconds, for the order."""
    subfolder: str = ""
    """Of the run's folder, for the executed notebook; `seed-3` where there are several seeds."""
    assets: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    """Above each cell."""
    kernel: str = ""
    """Another than the notebook names; empty = its own."""
    startup: str = ""
    """Python to run in the kernel before the first cell."""
    copy: str = ""
    """Of a class: the folder that names this copy, which somebody else wrote."""
    compared: bool = False
    """True: against its baseline, which is of the notebook's own parameters."""
    note: str = ""
    """What was put in order in the file."""
    problem: str = ""
    """Why it cannot run at all."""
    home: Path = field(default_factory=Path.cwd)
    folder: Path = Path()
    """Of the run; this and what follows is the runner's to say."""
    threads: int = 1
    start_seconds: float = 60.0
    """How long a kernel may take to answer."""

    @property
    def source(self) -> Path:
        """The notebook's absolute path."""
        return self.home / self.notebook

    @property
    def executed(self) -> Path:
        """Where the executed notebook is written."""
        return self.folder / self.subfolder / self.notebook.name

    @property
    def stop_file(self) -> Path:
        """The run is stopped when this file appears."""
        return self.folder / ".stop"


def plan_run(
    notebooks: Sequence[Path], *, parameters: dict[str, Any], fast: bool = False, seeds: int = 0, accept: bool = False,
    kernel: str = "", together: bool = False,
) -> list[Job]:  # fmt: skip
    """What will run, heaviest first.

    Args:
        parameters: name → value, or its text from the command line.
        seeds: run each with SEED 0 … seeds-1; 0 = only with the seed it has.
        accept: what is measured will be the new baselines: the notebook's own seed and the next, five in all, of a
            notebook that has one; makes the folder `baselines` where there is none.
        kernel: the kernel to run them with; empty = the one that each names.
        together: several of one name are copies of a lesson; `classroom.copies` tells them apart.

    Raises:
        NotebookError: a notebook does not exist, or has no such parameter; there is no such kernel.
    """
    if (seeds or accept) and "SEED" in parameters:
        raise NotebookError("--seeds and --accept set SEED for you; leave -p SEED out, or leave them out")
    if seeds and accept:
        raise NotebookError(f"--accept runs {SEEDS_OF_A_BASELINE} seeds by itself; leave --seeds out")
    if not together:
        refuse_same_names(notebooks)
    elif seeds or accept:
        raise NotebookError("a class is run once; leave out --seeds and --accept, or name notebooks of different names")
    if kernel:
        _find_kernel(kernel)
    given = parameters | ({"FAST": True} if fast else {})
    jobs = []
    for path in notebooks:
        for chosen in _rounds(path, seeds, accept):
            job = _plan_one(path, given | chosen, accept, kernel)
            jobs.append(replace(job, subfolder=f"seed-{chosen['SEED']}" if chosen else ""))
    return sorted(jobs, key=lambda job: -job.weight)


def _find_kernel(name: str) -> None:
    from jupyter_client.kernelspec import KernelSpecManager

    known = KernelSpecManager().find_kernel_specs()
    if name not in known:
        raise NotebookError(f"no kernel {name!r} here; {closest(name, list(known))}; kernels: {', '.join(known)}")


def _rounds(path: Path, seeds: int, accept: bool) -> list[dict[str, int]]:
    """The seeds to run a notebook with; its own first where they become a baseline."""
    if not accept:
        return [{"SEED": seed} for seed in range(seeds)] or [{}]
    with suppress(NotebookError):
        own = declared(read_notebook(path)).get("SEED")
        if own and isinstance(own.default, int):
            several = dict.fromkeys((own.default, *range(SEEDS_OF_A_BASELINE)))
            return [{"SEED": seed} for seed in several][:SEEDS_OF_A_BASELINE]
    return [{}]


def changed(parameters: dict[str, Any], known: dict[str, Parameter]) -> set[str]:
    """The names whose values are not the notebook's own, FAST apart: only runs without any have a baseline."""
    own = {name: parameter.default for name, parameter in known.items()}
    return {name for name, value in parameters.items() if name != "FAST" and value != own.get(name)}


def _plan_one(path: Path, given: dict[str, Any], accept: bool, kernel: str) -> Job:
    profile = "fast" if str(given.get("FAST", "")).lower() in ("true", "yes", "on", "1") else "full"
    if not path.is_file():
        raise NotebookError(f"{path} does not exist; `labkit list` names the lessons")
    try:
        (notebook, note), lesson = read_in_order(path), read_lesson(path)
        known = declared(notebook)
    except NotebookError as error:
        return Job(path, profile, given, problem=str(error))
    parameters = typed(notebook, path, given)
    if not (kernel or notebook.metadata.get("kernelspec", {}).get("name")):
        reason = "it names no kernel (metadata.kernelspec); use --kernel python3, or choose one in JupyterLab and save"
        return Job(path, profile, parameters, problem=reason)
    others = changed(parameters, known)
    if accept and others - {"SEED"}:
        what = ", ".join(sorted(others - {"SEED"}))
        raise NotebookError(f"baselines are of the notebook's own parameters; leave out -p {what}, or --accept")
    minutes = lesson.minutes.get(profile, DEFAULT_MINUTES)
    weight = minutes * 60
    with suppress(NotebookError):  # a damaged baseline costs this notebook its verdict, when it is judged
        baseline = read_baseline(path, profile)
        weight = baseline.seconds if baseline else weight
    return Job(
        path, profile, parameters, minutes, lesson.memory_gb, weight, assets=lesson.assets, kernel=kernel,
        headings=tuple(map(harmless, headings(notebook.cells))), compared=(accept or kept_for(path)) and not others,
        note=f"put in order: {note}" if note else "",
    )  # fmt: skip
