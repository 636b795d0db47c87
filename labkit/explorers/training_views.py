"""Words and pictures of a run: its status while it goes on, its summary, its curves, its texts.

Reads   Plan, Run, Record.
Gives   sentences, Curves, Table.
"""

from collections.abc import Sequence
from dataclasses import fields
from math import isfinite, log
from typing import Any

from labkit.core.results import Curves, Table
from labkit.training import Plan, Record, Run, Step
from labkit.training.loss import bits_per_byte
from labkit.training.runs import curves_of
from labkit.training.schedule import progress

SHOWN = 6
"""Texts in the final picture."""


def as_record(step: Step | Record) -> Record:
    """The numbers of a step, without the model."""
    return Record(**{f.name: getattr(step, f.name) for f in fields(Record)})


def status(step: Any, planned: Plan) -> str:
    """How far a run is: `step 120 of 500 · loss 2.31 · 15.2 thousand tokens/s · 0:32 left`."""
    config = planned.config
    of = f" of {config.steps:,}" if config.steps else ""
    parts = [f"step {step.index:,}{of}", f"loss {step.loss:.3f} nats", speed(step)]
    if config.steps or config.minutes:
        share = progress(step.index, step.seconds, steps=config.steps, minutes=config.minutes)
        parts.append(f"{clock(step.seconds * (1 / max(share, 1e-9) - 1))} left")
    else:
        parts.append(f"{clock(step.seconds)}, until the validation loss is {config.until_loss}")
    return " · ".join(parts)


def speed(step: Any) -> str:
    """Tokens trained on in a second."""
    return f"{step.tokens / max(step.seconds, 1e-9) / 1000:,.1f} thousand tokens/s"


def clock(seconds: float) -> str:
    """`1:05`, or `2:03:00` from an hour on."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def summary(run: Run, planned: Plan) -> str:
    """What was trained, for how long, how well, and how to open it."""
    records = run.steps
    if not records:
        return f"{run.name}: not one step was done"
    last, loss = records[-1], run.loss
    per_byte = bits_per_byte(loss, planned.data)
    bits = "" if per_byte is None else f" = {per_byte:.3f} bits per byte"
    wanted = f" of {planned.config.steps:,}" if planned.config.steps and last.index < planned.config.steps else ""
    measured = f"; validation loss {loss:.3f} nats per token{bits}" if isfinite(loss) else "; no validation loss yet"
    return (
        f"{run.name}: {planned.parameters / 1e6:.2f} million parameters, {last.index:,}{wanted} steps, "
        f"{last.tokens / 1e6:.2f} million tokens in {clock(last.seconds)} ({speed(last)}){measured}. "
        f'lab.load("runs/{run.name}") opens it.'
    )


def loss_curves(records: Sequence[Record], planned: Plan) -> Curves:
    """Training and validation loss so far, and where a model that knows nothing stands."""
    title = f"{planned.preset} learns {planned.source['name']}"
    curves = curves_of({planned.preset: tuple(records)}, title=title)
    level = (("knows nothing: log(vocabulary)", log(planned.data.vocab_size)),)
    return Curves(curves.curves, curves.x_label, curves.y_label, title, levels=level)


def few_samples(run: Run) -> Table:
    """Texts of a run from the first to the last, a handful."""
    rows = run.samples.rows
    places = (
        sorted({round(i * (len(rows) - 1) / (SHOWN - 1)) for i in range(SHOWN)})
        if len(rows) > SHOWN
        else range(len(rows))
    )
    return Table(("step", "what it writes after ▸"), tuple(rows[i] for i in places), "The same prompt, on the way")
