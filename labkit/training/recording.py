"""Recording: a run's steps pass through and leave their lines, checkpoints and samples on disk.

    for step in record(run, steps(model, data, config), tokenizer):
        ...

Reads   Steps as they are done.
Gives   the same Steps, each written before it is given on.
Ignores who loops over them; a `break` or an interrupt keeps what there is.
"""

import json
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..core.errors import TrainingError
from ..core.locks import only
from ..core.paths import atomic_file
from .checkpoints import can_go_on, drop_training, save
from .loop import Step
from .runs import CHECKPOINTS, HISTORY, SAMPLES, Record, Run, read_lines
from .state import TrainState

KEPT = 32
"""Checkpoints of a run at most; when there are more, every other one goes and new ones come half as often."""


def record(
    run: Run, steps: Iterator[Step], tokenizer: Any = None, *, save_every: int = 10
) -> Generator[Step, None, None]:
    """Write each step's line, and a checkpoint now and then; give the steps on.

    Args:
        run: of `start_run`; or of `open_run`, with steps that go on from its newest checkpoint, after `rewind`.
        save_every: steps between two checkpoints at first; it doubles whenever there are more than `KEPT`, so a run of
            any length leaves 16 to 32 of them, evenly spaced. Without effect on the numbers.

    Raises:
        TrainingError: the disk is full, or another process is training this run. What was saved before stays.

    Laws: killed at a random step and continued = never killed, bit for bit; stopped early, the newest checkpoint is of
    the last step (tests/training/test_runs.py).
    """
    spacing = save_every
    last, whole = None, False
    with alone(run), _appending(run.folder / HISTORY) as write:
        try:
            for step in steps:
                write({f.name: getattr(step, f.name) for f in fields(Record)})
                if step.index % spacing == 0:
                    keep(run, step.state, tokenizer)
                    spacing = thin(run, spacing)
                last, whole = step, True
                yield step
                whole = False  # from here the weights may be between two steps
            whole = True
        finally:
            if last is not None and whole:
                keep(run, last.state, tokenizer)


def keep(run: Run, state: TrainState, tokenizer: Any = None) -> None:
    """A checkpoint to go on from; those before it keep their weights alone."""
    folder = run.folder / CHECKPOINTS / f"{state.step:06d}"
    if not folder.exists():
        save(state, folder, tokenizer=tokenizer)
    for step in run.checkpoints:
        if step != state.step:
            drop_training(run.checkpoint(step))


def thin(run: Run, spacing: int) -> int:
    """Remove every other checkpoint when there are too many; the spacing from now on."""
    if len(run.checkpoints) <= KEPT:
        return spacing
    for step in run.checkpoints[:-1]:
        if step % (2 * spacing):
            shutil.rmtree(run.checkpoint(step))
    return 2 * spacing


def rewind(run: Run) -> int:
    """Take back what was recorded after the newest checkpoint, from which the run can go on; its step.

    Raises:
        TrainingError: no checkpoint can be continued, or another process is training this run.
    """
    whole = [step for step in run.checkpoints if can_go_on(run.checkpoint(step))]
    if not whole:
        raise TrainingError(f"the run {run.name!r} has no checkpoint to go on from; start it anew under another name")
    with alone(run):
        for name, key in ((HISTORY, "index"), (SAMPLES, "step")):
            lines = [line for line in read_lines(run.folder / name) if line[key] <= whole[-1]]
            with atomic_file(run.folder / name) as draft:
                draft.write_text("".join(map(_line, lines)), encoding="utf-8")
    return whole[-1]


def add_sample(run: Run, step: int, text: str) -> None:
    """Note a text that the model wrote at a step."""
    with _appending(run.folder / SAMPLES) as write:
        write({"step": step, "text": text})


def alone(run: Run) -> AbstractContextManager[None]:
    """Hold the run; the system releases it when a process dies, however it dies.

    Raises:
        TrainingError: another process, or another loop of this one, is training it.
    """
    busy = TrainingError(f"the run {run.name!r} is being trained elsewhere; wait for it, or stop it first")
    return only(run.folder / ".lock", busy)


@contextmanager
def _appending(path: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A file that grows by whole lines; each is with the system when the call returns, whatever happens to us then."""

    def write(values: dict[str, Any]) -> None:
        try:
            file.write(_line(values).encode())
        except OSError as error:
            raise TrainingError(
                f"{path} cannot be written ({error}); free some room, then go on with resume=True"
            ) from error

    with path.open("ab", buffering=0) as file:
        yield write


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values) + "\n"
