"""Runs of lessons from the command line: a plan with all it needs in place, and the examination of a model.

Ignores what a lesson is and how the command line looks.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from labkit import keeping
from labkit.suite import runner
from labkit.suite.outcomes import SuiteResult
from labkit.suite.planning import Job, plan_run

PATIENCE = 60.0
"""Minutes that a lesson may take with a model of another size: its budget is that of the lab's own."""


def carry_out(
    plan: list[Job], folder: Path, settings: runner.Settings, console: Any, executor: str = "local"
) -> SuiteResult:
    """Run a plan with its assets in place, and each notebook told on the console as it ends."""
    from labkit.suite.executors import open_executor
    from labkit.suite.terminal import Progress

    keeping.ready([*(name for one in plan for name in one.assets), *keeping.assets_of_models(plan)])  # before any clock
    settings = replace(settings, assets=keeping.asset_hashes(plan))
    with open_executor(executor, folder) as pool, Progress(console, len(plan)) as progress:
        return runner.run(plan, folder=folder, settings=settings, executor=pool, report=progress.ended)


def examine_model(model: str, against: str, output: Path | None, jobs: int) -> Path:
    """Every lesson that takes a MODEL, in FAST, on this model and on another one; the page of what is different.

    Raises:
        ModelError: one of them cannot be loaded; no lesson was run.
        NotebookError: no lesson is here, or the folder cannot be written to.
    """
    from rich.console import Console

    from labkit.models.loading import load
    from labkit.suite.examine import MODEL, lessons_of_models, write_examination
    from labkit.suite.lessons import find_lessons

    paths = lessons_of_models(find_lessons())
    names = [str(Path(name).resolve()) if Path(name).is_dir() else name for name in (model, against) if name]
    card, *_ = [load(name).card.table() for name in names]
    folder, console, results = runner.new_folder(output), Console(highlight=False), []
    for name, where in zip(names, (folder, folder / "against"), strict=False):
        plan = [
            replace(job, minutes=PATIENCE, memory_gb=None)
            for job in plan_run(paths, parameters={MODEL: name}, fast=True)
        ]
        results.append(carry_out(plan, runner.new_folder(where), runner.Settings(jobs=jobs), console))
    return write_examination(card, results[0], folder, other=against, against=results[1] if against else None)
