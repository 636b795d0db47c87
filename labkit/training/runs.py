"""Runs: a folder for each training, from which it can be shown, loaded, continued and repeated.

    run.json            all that recreates it: sizes, corpus and its hash, options, seed, versions
    history.jsonl       one line for each step, appended as it is done
    samples.jsonl       texts that the model wrote on its way
    checkpoints/000200  model folders by step; the newest one can be continued, the others hold weights only

Reads   those files.
Gives   Run, Record, Curves, Table.
Ignores how training works and how curves are drawn.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import OptionError, RunExistsError, TrainingError, closest
from ..core.paths import runs_folder
from ..core.results import Curve, Curves, Table

if TYPE_CHECKING:
    from ..models import LanguageModel

ABOUT, HISTORY, SAMPLES, CHECKPOINTS = "run.json", "history.jsonl", "samples.jsonl", "checkpoints"
AXES = {
    "step": ("index", "step"),
    "tokens": ("tokens", "tokens trained on"),
    "seconds": ("seconds", "seconds of training"),
    "loss": ("loss", "loss (nats per token)"),
    "lr": ("lr", "learning rate of the matrices"),
    "grad_norm": ("grad_norm", "length of the gradient"),
}
"""What a curve can run over, and its name with its unit."""
POINTS = 400
"""Of a line on a picture; longer histories are averaged over neighbours."""


@dataclass(frozen=True)
class Record:
    """What one optimizer step did: a line of the history."""

    index: int
    """Steps done so far, this one included."""
    loss: float
    """Nats per token of its batch, before the weights moved."""
    lr: float
    """Learning rate of the matrices."""
    grad_norm: float
    """Length of the gradient before clipping."""
    tokens: int
    """Tokens trained on so far."""
    seconds: float
    """Time of the training so far."""
    validation: float | None = None
    """Nats per token of the validation split after this step, where it was looked at."""


@dataclass(frozen=True)
class Run:
    """A training run on disk; it may still be going on, and then each look shows more."""

    folder: Path

    @property
    def name(self) -> str:
        """`lab.load("runs/NAME")` opens its newest checkpoint."""
        return self.folder.name

    @cached_property
    def config(self) -> dict[str, Any]:
        """All that recreates it, as it was written at the start."""
        try:
            return json.loads((self.folder / ABOUT).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrainingError(f"{self.folder / ABOUT} cannot be read ({error}); the run cannot be used") from error

    @property
    def steps(self) -> tuple[Record, ...]:
        """(step,) what has been done so far."""
        return tuple(Record(**line) for line in read_lines(self.folder / HISTORY))

    @property
    def samples(self) -> Table:
        """What the model wrote on its way: step, text."""
        rows = tuple((line["step"], line["text"]) for line in read_lines(self.folder / SAMPLES))
        return Table(("step", "text"), rows, f"What {self.name} wrote while it learned")

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """(checkpoint,) their steps, rising."""
        folder = self.folder / CHECKPOINTS
        names = [c.name for c in folder.iterdir()] if folder.is_dir() else []
        return tuple(sorted(int(name) for name in names if name.isdecimal()))

    def checkpoint(self, step: int) -> Path:
        """The folder of one checkpoint.

        Raises:
            OptionError: there is none of this step.
        """
        if step not in self.checkpoints:
            near = min(self.checkpoints, key=lambda one: abs(one - int(step)), default=None)
            raise OptionError(f"{self.name} has no checkpoint of step {step}; the nearest is of step {near}")
        return self.folder / CHECKPOINTS / f"{step:06d}"

    def load(self, step: int | None = None) -> "LanguageModel":
        """The model as it was at a checkpoint; None = the newest one."""
        from ..models import load

        if step is None and not self.checkpoints:
            raise TrainingError(f"{self.name} has no checkpoint yet; let it train for longer")
        step = self.checkpoints[-1] if step is None else step
        return replace(load(self.checkpoint(step)), name=f"{self.name} at step {step:,}")

    @cached_property
    def lm(self) -> "LanguageModel":
        """The model of the newest checkpoint, loaded once."""
        return self.load()

    @property
    def loss(self) -> float:
        """The newest validation loss, nats per token; nan where none was measured."""
        return next((r.validation for r in reversed(self.steps) if r.validation is not None), float("nan"))

    def curves(self, y: str = "loss", x: str = "step") -> Curves:
        """How training went.

        Args:
            y: loss (with the validation loss), lr or grad_norm.
            x: step, tokens or seconds.
        """
        return compare_runs(self, y=y, x=x)

    def __repr__(self) -> str:
        done = self.steps
        ended = f"{done[-1].index:,} steps, validation loss {self.loss:.3f} nats" if done else "no step yet"
        return f"Run({self.name!r}: {self.config.get('preset', '?')} on {self.config['data']['name']}, {ended})"


def compare_runs(*runs: Run, y: str = "loss", x: str = "step") -> Curves:
    """The curves of several runs on the same axes."""
    for axis, known in ((y, ("loss", "lr", "grad_norm")), (x, ("step", "tokens", "seconds"))):
        if axis not in known:
            raise OptionError(f"there is no axis {axis!r} here; {closest(str(axis), known)}")
    return curves_of({run.name: run.steps for run in runs}, y=y, x=x)


def curves_of(histories: dict[str, tuple[Record, ...]], *, y: str = "loss", x: str = "step", title: str = "") -> Curves:
    """Curves of histories by name; of the loss both sides, of one run without its name."""
    found = []
    for name, records in histories.items():
        of = f"{name}: " if len(histories) > 1 else ""
        across, up = (np.array([getattr(r, AXES[axis][0]) for r in records], float) for axis in (x, y))
        found.append(Curve(f"{of}training" if y == "loss" else name, *thinned(across, up)))
        seen = [(i, r.validation) for i, r in enumerate(records) if r.validation is not None]
        if y == "loss" and seen:
            places, values = zip(*seen, strict=True)
            found.append(Curve(f"{of}validation", across[list(places)], np.array(values)))
    return Curves(tuple(found), AXES[x][1], AXES[y][1], title or ", ".join(histories))


def thinned(x: np.ndarray, y: np.ndarray, most: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """A long line as the means of neighbours: at most about `most` points, the same area below it."""
    every = -(-len(x) // most)
    if every <= 1:
        return x, y
    cuts = np.arange(0, len(x), every)
    sizes = np.diff(np.append(cuts, len(x)))
    return np.add.reduceat(x, cuts) / sizes, np.add.reduceat(y, cuts) / sizes


def open_run(name: str | Path | Run) -> Run:
    """A run by its name, `runs/NAME` or folder.

    Raises:
        TrainingError: there is no such run.
    """
    if isinstance(name, Run):
        return name
    text = str(name).removeprefix("runs/")
    for folder in (Path(name), runs_folder() / text):
        if text and (folder / ABOUT).is_file():
            return Run(folder)
    raise TrainingError(
        f"there is no run {str(name)!r} in {runs_folder()}; {closest(text, [r.name for r in all_runs()])}"
    )


def all_runs() -> list[Run]:
    """The runs of this place, by name."""
    return [Run(path.parent) for path in sorted(runs_folder().glob(f"*/{ABOUT}"))]


def runs() -> Table:
    """The runs of this place: what was trained, for how long, how well."""
    rows = []
    for run in all_runs():
        done = run.steps
        last = done[-1] if done else Record(0, 0, 0, 0, 0, 0)
        rows.append(
            {
                "run": run.name,
                "preset": run.config.get("preset", ""),
                "corpus": run.config["data"]["name"],
                "parameters (million)": round(run.config.get("parameters", 0) / 1e6, 2),
                "steps": last.index,
                "tokens (million)": round(last.tokens / 1e6, 2),
                "time (min:s)": "{}:{:02}".format(*divmod(round(last.seconds), 60)),
                "validation loss (nats)": round(run.loss, 3),
            }
        )
    return Table.of(rows, title="Runs here", notes=('lab.load("runs/NAME") opens one',))


def start_run(name: str, about: dict[str, Any]) -> Run:
    """A new run's folder.

    Raises:
        RunExistsError: a run of this name is there.
        OptionError: the name cannot be a folder's.
        TrainingError: the folder cannot be written.
    """
    if not isinstance(name, str) or not name.strip() or name != Path(name).name or name.startswith("."):
        raise OptionError(f"{name!r} cannot name a run; use letters, digits, - and _")
    folder = runs_folder() / name
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise RunExistsError(
            f"there is a run {name!r} already, and it is not overwritten; "
            "give another name=, go on with it: resume=True, or remove its folder"
        ) from None
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"the run's folder {folder} cannot be made ({error}); set LABKIT_RUNS to another"
        ) from error
    (folder / ABOUT).write_text(json.dumps({"name": name, **about}, indent=1, ensure_ascii=False), encoding="utf-8")
    return Run(folder)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a file of JSON objects; a last one that was cut off counts as not written."""
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield json.loads(line)
