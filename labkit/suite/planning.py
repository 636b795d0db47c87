"""What will run: notebooks with typed parameters, their budgets, and the order, found out before anything runs.

A mistake of the user's (no such notebook, no such parameter) raises here. A notebook that is damaged becomes a plan
that cannot run: it will be one failed outcome, and the others finish.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.core.errors import NotebookError

from .baselines import kept_for, read_baseline
from .lessons import read_lesson, read_notebook
from .parameters import Parameter, declared, typed

DEFAULT_MINUTES = 10.0
SEEDS_OF_A_BASELINE = 5


@dataclass(frozen=True)
class Planned:
    """One notebook to run with one set of parameters."""

    notebook: Path
    profile: str
    parameters: dict[str, Any]
    minutes: float = DEFAULT_MINUTES
    memory_gb: float | None = None
    weight: float = 0.0
    """Expected seconds, for the order."""
    subfolder: str = ""
    """Of the run's folder, for the executed notebook; `seed-3` where there are several seeds."""
    assets: tuple[str, ...] = ()
    startup: str = ""
    """Python to run in the kernel before the first cell."""
    compared: bool = False
    """True: against its baseline, which is of the notebook's own parameters."""
    problem: str = ""
    """Why it cannot run at all."""


def plan_run(
    notebooks: Sequence[Path], *, parameters: dict[str, Any], fast: bool = False, seeds: int = 0, accept: bool = False
) -> list[Planned]:
    """What will run, heaviest first.

    Args:
        parameters: name → value, or its text from the command line.
        seeds: run each with SEED 0 … seeds-1; 0 = only with the seed it has.
        accept: what is measured will be the new baselines: the notebook's own seed and the next, five in all, of a
            notebook that has one; makes the folder `baselines` where there is none.

    Raises:
        NotebookError: a notebook does not exist, or has no such parameter.
    """
    if (seeds or accept) and "SEED" in parameters:
        raise NotebookError("--seeds and --accept set SEED for you; leave -p SEED out, or leave them out")
    if seeds and accept:
        raise NotebookError(f"--accept runs {SEEDS_OF_A_BASELINE} seeds by itself; leave --seeds out")
    stems = [path.stem for path in notebooks]
    if twice := {stem for stem in stems if stems.count(stem) > 1}:
        raise NotebookError(f"{', '.join(sorted(twice))}: two notebooks of one name in one run; run them one at a time")
    given = parameters | ({"FAST": True} if fast else {})
    planned = [
        replace(_plan_one(path, given | chosen, accept), subfolder=f"seed-{chosen['SEED']}" if chosen else "")
        for path in notebooks
        for chosen in _rounds(path, seeds, accept)
    ]
    return sorted(planned, key=lambda one: -one.weight)


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


def own_values(parameters: dict[str, Any], known: dict[str, Parameter]) -> bool:
    """Whether the values are the notebook's own, FAST apart: only such runs are compared with its baseline."""
    return not _changed(parameters, known)


def _changed(parameters: dict[str, Any], known: dict[str, Parameter]) -> set[str]:
    own = {name: parameter.default for name, parameter in known.items()}
    return {name for name, value in parameters.items() if name != "FAST" and value != own.get(name)}


def _plan_one(path: Path, given: dict[str, Any], accept: bool) -> Planned:
    profile = "fast" if str(given.get("FAST", "")).lower() in ("true", "yes", "on", "1") else "full"
    if not path.is_file():
        raise NotebookError(f"{path} does not exist; `labkit list` names the lessons")
    try:
        notebook, lesson = read_notebook(path), read_lesson(path)
        known = declared(notebook)
    except NotebookError as error:
        return Planned(path, profile, given, problem=str(error))
    parameters = typed(notebook, path, given)
    if not notebook.metadata.get("kernelspec", {}).get("name"):
        reason = "it names no kernel (metadata.kernelspec); open it in JupyterLab, choose Python 3, and save"
        return Planned(path, profile, parameters, problem=reason)
    if accept and (changed := _changed(parameters, known) - {"SEED"}):
        what = ", ".join(sorted(changed))
        raise NotebookError(f"baselines are of the notebook's own parameters; leave out -p {what}, or --accept")
    minutes = lesson.minutes.get(profile, DEFAULT_MINUTES)
    baseline = read_baseline(path, profile)
    weight = baseline.seconds if baseline else minutes * 60
    return Planned(
        path, profile, parameters, minutes, lesson.memory_gb, weight,
        assets=lesson.assets, compared=(accept or kept_for(path)) and own_values(parameters, known),
    )  # fmt: skip
