"""Explorer: choose what to train and how, press Train, and compare with what was trained before."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from labkit.core.results import Curves, Table
from labkit.explorers.controls import Action, Choice, Choices, Slider
from labkit.explorers.panel import Explorer
from labkit.explorers.working import Progress

MODELS = {"transformer": {}, "without positions": {"positions": "none"}, "LSTM": {"kind": "lstm"}}
CORPORA = ("sotu", "repeated", "phrases", "copy", "modular", "brackets")
CONTEXT = 64
MOST_MINUTES = 2.0
"""However slow the machine is."""
KEPT = 6
"""Runs of this panel on the picture."""
OLD_RUNS = 6


def training(corpus: Any = None) -> Explorer:
    """Small runs side by side. `corpus`: one of your own (a file, a folder, what `labkit.text.dataset` gives)."""
    from labkit.training import all_runs

    own = {str(getattr(corpus, "name", corpus)): corpus} if corpus is not None else {}
    trained: dict[str, tuple[tuple, tuple]] = {}  # label -> (records, row of the table)
    pressed = [0]

    def draw(train: int, compare: tuple[str, ...] = (), **choice: Any) -> Iterator[list | Progress]:
        planned = _plan(own, **choice)
        label = _label(**choice)
        if train and train != pressed[0]:
            pressed[0] = train
            again = sum(one.startswith(label) for one in trained)  # once more: other weights, another order
            name = f"{label}, seed {again}" if again else label
            for part in _train(replace(planned, config=replace(planned.config, seed=again)), name):
                if isinstance(part, Progress):
                    yield part
                else:
                    trained[name] = part  # (records, row)
                    yield _results(trained, compare, None)
        for old in tuple(trained)[:-KEPT]:
            del trained[old]
        yield _results(trained, compare, None if label in trained else _waiting(planned, label))

    old = tuple(run.name for run in all_runs() if run.steps)[-OLD_RUNS:]
    return Explorer(
        title="Train, change one thing, train again",
        note=f"Windows of {CONTEXT} tokens at most, {MOST_MINUTES:g} minutes at most; nothing is kept on disk.",
        controls=(
            Choice("preset", "nano", ("nano", "micro"), label="Size"),
            Choice("model", "transformer", tuple(MODELS), label="Model"),
            Choice(
                "corpus", next(iter(own), CORPORA[0]), (*own, *(c for c in CORPORA if c not in own)), label="Corpus"
            ),
            Slider("layers", 2, 1, 6, label="Layers"),
            Slider("lr", 0.02, 0.002, 0.2, log=True, label="Learning rate"),
            Slider("batch", 8, 4, 64, label="Batch (sequences)"),
            Slider("steps", 40, 20, 600, step=20, label="Steps"),
            *((Choices("compare", (), old, label="Compare with runs on disk"),) if old else ()),
            Action("train", label="Train", default=1),
        ),
        draw=draw,
    )


def _plan(own: dict[str, Any], *, corpus: str, model: str, steps: int, **options: Any) -> Any:
    from labkit.text.worlds import WORLDS
    from labkit.training import plan

    room = {} if corpus in WORLDS else {"context": CONTEXT}
    ends = {"steps": steps, "minutes": MOST_MINUTES, "validate_every": 0}  # at the end only: looking costs time too
    return plan(corpus=own.get(corpus, corpus), **MODELS[model], **room, **ends, **options)


def _label(*, preset: str, model: str, corpus: str, layers: int, lr: float, batch: int, steps: int) -> str:
    return f"{preset} {model}, {layers} layers, {corpus}, rate {lr:.2g}, batch {batch}, {steps} steps"


def _train(planned: Any, label: str) -> Iterator[Progress | tuple[tuple, tuple]]:
    """How far it is; the history and its row of the table, a few times on the way and at the end."""
    from labkit.models import build as new_model
    from labkit.training import steps

    from .training_views import as_record
    from .training_writer import Writer

    model = new_model(planned.preset, vocab_size=planned.data.vocab_size, seed=planned.config.seed, **planned.changes)
    records: list[Any] = []
    writer = Writer(planned)
    step: Any = None

    def seen(text: str) -> tuple[tuple, tuple]:
        loss = next((r.validation for r in reversed(records) if r.validation is not None), None)
        size = round(planned.parameters / 1e6, 2)
        speed = round(step.tokens / max(step.seconds, 1e-9) / 1000, 1)
        return tuple(records), (label, size, round(step.seconds, 1), speed, loss, text)

    for step in steps(model.to(planned.device), planned.data, planned.config):
        records.append(as_record(step))
        yield Progress(step.index, planned.config.steps)
        if step.index % max(10, planned.config.steps // 6) == 0:
            yield seen("…")
    yield seen(writer.text(step))  # after its last step or its last minute


COLUMNS = (
    "run", "parameters (million)", "seconds", "thousand tokens/s", "validation loss (nats)", "writes after ▸",
)  # fmt: skip


def _waiting(planned: Any, label: str) -> tuple:
    size = round(planned.parameters / 1e6, 2)
    return (label, size, None, None, None, "not trained yet: press Train")


def _results(trained: dict[str, tuple[tuple, tuple]], compare: tuple[str, ...], waiting: tuple | None) -> list:
    from labkit.training import open_run
    from labkit.training.runs import curves_of

    histories: dict[str, tuple] = {label: records for label, (records, _) in trained.items()}
    histories |= {f"runs/{name}": open_run(name).steps for name in compare}
    rows = [row for _, row in trained.values()] + ([waiting] if waiting else [])
    table = Table(COLUMNS, tuple(rows), "Runs of this panel")
    if not histories:
        return [table]
    curves = curves_of(histories, title="Loss on the way")
    return [Curves(curves.curves, curves.x_label, curves.y_label, curves.title), table]
