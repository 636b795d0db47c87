"""Sweeps: many small runs, planned as one, each done once: what a kill left is read, and the rest goes on.

    plans = [plan("nano", corpus="sotu", d_model=d, steps=n) for d, n in grid]
    done = sweep(plans, name="sizes")                    # here, one after another
    done = sweep(plans, name="sizes", executor=pool)     # any concurrent.futures.Executor, a Dask client's too

Reads   Plans.
Gives   SweepRun: parameters, tokens, operations, seconds, held-out loss with its standard error.
Ignores what is fitted to them (`scaling`).

A run is a file named after all that decides it: sizes, data, options, seed. It is written when the run has ended.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from math import isfinite
from pathlib import Path
from time import perf_counter

from ..core.errors import OptionError, TrainingError
from ..core.paths import atomic_file, runs_folder
from ..core.results import Table
from ..models import build
from .loop import steps
from .plans import Plan
from .scaling import PER_PARAMETER_AND_TOKEN


@dataclass(frozen=True)
class SweepRun:
    """What one run of a sweep gave."""

    name: str
    """`d_model 32, 400 steps`: what sets it apart in its sweep."""
    parameters: int
    table: int
    """Of these, in the table of tokens."""
    tokens: int
    """Trained on."""
    loss: float
    """Nats per token, held out; nan where it diverged."""
    error: float
    """Standard error of the loss over held-out sequences."""
    seconds: float
    seed: int = 0
    said: str = ""
    """Why it diverged."""

    @property
    def operations(self) -> float:
        """6 N D, all parameters counted."""
        return PER_PARAMETER_AND_TOKEN * self.parameters * self.tokens


def sweep(plans: Sequence[Plan], *, name: str, executor: Executor | None = None) -> Iterator[SweepRun]:
    """Train what is planned and was not trained yet; gives each run as it ends, finished ones first.

    Args:
        plans: each with an end in `steps`; two of the same are one run.
        name: of the sweep's folder in `runs`.
        executor: where they are trained; None = here.

    Raises:
        OptionError: a plan that ends by the clock or by its loss, or a name that is no folder's.
        TextError: the text is shorter than one window.
        TrainingError: the executor lost a run, such as one of data that no process can be sent; the others are kept.

    Laws (tests/training/test_sweep.py): a second sweep trains nothing; one that was killed goes on with the rest; a run
    that diverges is named and ends nothing else; an executor's processes give the same losses.
    """
    folder, planned = _folder(name), {_key(one): one for one in plans}
    for one in plans:
        if one.config.steps is None or one.config.minutes is not None or one.config.until_loss is not None:
            raise OptionError("a sweep compares runs of given length; plan each with steps= and no other end")
    missing = {}
    for key, one in planned.items():
        try:
            yield SweepRun(**json.loads((folder / f"{key}.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            missing[key] = one
    labels = dict(zip(planned, _labels(list(planned.values())), strict=True))
    futures = {executor.submit(train, one, labels[key]): key for key, one in missing.items()} if executor else {}
    lost = []
    for future in as_completed(futures):
        if error := future.exception():
            lost.append(f"{labels[futures[future]] or 'the run'} ({type(error).__name__}: {error})")
        else:
            yield _kept(folder / f"{futures[future]}.json", future.result())
    if lost:
        raise TrainingError(f"the executor lost {'; '.join(lost)}; the other runs are kept: sweep again to go on")
    for key, one in () if executor else missing.items():
        yield _kept(folder / f"{key}.json", train(one, labels[key]))


def train(plan: Plan, name: str = "") -> SweepRun:
    """One run, from new weights to its held-out loss; nothing is written."""
    began = perf_counter()
    model = build(plan.preset, vocab_size=plan.data.vocab_size, seed=plan.config.seed, device=plan.device,
                  **plan.changes)  # fmt: skip
    count = sum(weight.numel() for weight in model.parameters())
    table = model.get_input_embeddings().weight.numel()
    tokens, seen, said = 0, None, ""
    try:
        for step in steps(model, plan.data, replace(plan.config, validate_every=0)):
            tokens, seen = step.tokens, step.state.measured
    except TrainingError as error:
        said = str(error)
    loss, error = (seen.nats_per_token, seen.error) if seen and not said else (float("nan"), float("nan"))
    return SweepRun(name, count, table, tokens, loss, error, perf_counter() - began, plan.config.seed, said)


def sweep_table(runs: Sequence[SweepRun]) -> Table:
    """The runs side by side."""
    rows = [
        {
            "run": run.name,
            "parameters": run.parameters,
            "without the table": run.parameters - run.table,
            "tokens": run.tokens,
            "operations (6ND)": f"{run.operations:.2g}",
            "loss (nats)": round(run.loss, 3) if isfinite(run.loss) else "diverged",
            "±": round(run.error, 3) if isfinite(run.error) else "",
            "seconds": round(run.seconds, 1),
        }
        for run in sorted(runs, key=lambda run: (run.operations, run.parameters))
    ]
    return Table.of(rows, title="The sweep")


def _folder(name: str) -> Path:
    if not name.strip() or name != Path(name).name or name.startswith("."):
        raise OptionError(f"{name!r} cannot name a sweep; use letters, digits, - and _")
    return runs_folder() / "sweeps" / name


def _key(plan: Plan) -> str:
    """Names all that decides a run's result: not when it began, nor with which versions."""
    about = {name: value for name, value in plan.about().items() if name not in ("started", "versions", "device")}
    return blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=12).hexdigest()


def _labels(plans: Sequence[Plan]) -> list[str]:
    """What sets each plan apart from the others: sizes, steps, rate, seed."""
    facts = [asdict(plan.sizes) | plan.config.as_dict() | {"corpus": plan.source["name"]} for plan in plans]
    moving = [key for key in facts[0] if len({repr(fact[key]) for fact in facts}) > 1] if facts else []
    return [", ".join(f"{key} {fact[key]:g}" if isinstance(fact[key], float) else f"{key} {fact[key]}"
                      for key in moving if fact[key] is not None) for fact in facts]  # fmt: skip


def _kept(path: Path, run: SweepRun) -> SweepRun:
    """The run, written down; one that diverged too, or it would be trained again and again."""
    with atomic_file(path) as draft:
        draft.write_text(json.dumps(asdict(run)), encoding="utf-8")
    return run
