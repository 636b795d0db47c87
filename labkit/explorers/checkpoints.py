"""Explorer: a training run replayed, one checkpoint after another."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from labkit.core.errors import OptionError, TextError
from labkit.core.results import Curve, Curves, Table
from labkit.explorers.controls import Slider, Text
from labkit.explorers.panel import KEPT, Explorer

SHOWN_TOKENS = 40
"""Of a text, in the picture of attention."""
WRITTEN = 60
"""Tokens that a checkpoint adds."""
HALF = 20
"""Random tokens that are said twice, to score induction."""


def checkpoints(run: Any = None, text: str | None = None) -> Explorer:
    """A slider over the checkpoints of a run: loss, what it writes, one head's attention, its induction score.

    Args:
        run: a Run or its name; None = the newest one here, or, where there is none, one that is trained now.
        text: what is read and continued; None = some words or numbers that the run's tokenizer knows.
    """
    run = _with_checkpoints(run)
    places, records, opened = run.checkpoints, run.steps, _opener(run)
    last, _ = opened(places[-1])

    @lru_cache(KEPT)
    def read(at: int, text: str) -> tuple:
        return _read_and_write(opened(at)[0], text)

    def draw(checkpoint: int, text: str, layer: int, head: int) -> Iterator[list]:
        at = places[min(checkpoint, len(places) - 1)]
        numbers = [_numbers(records, at, opened(at)[1]), _curve(records, at)]
        yield numbers
        seen, written = read(at, text)
        yield [*numbers, written, seen.head(layer, head)]

    return Explorer(
        title="A model at every age",
        note=f"The run {run.name}: move the slider to replay how it learned.",
        controls=(
            Slider("checkpoint", len(places) - 1, 0, max(1, len(places) - 1), label="Checkpoint"),
            Text("text", _words(last) if text is None else text, label="Text"),
            Slider("layer", last.card.layers - 1, 0, max(1, last.card.layers - 1), label="Layer"),
            Slider("head", 0, 0, max(1, last.card.heads - 1), label="Head"),
        ),
        draw=draw,
    )


def _with_checkpoints(run: Any) -> Any:
    """The run, or the newest one.

    Raises:
        OptionError: there is nothing of it to replay, or its model has no attention.
    """
    from labkit.training import open_run

    run = open_run(run) if run is not None else _newest()
    if not run.checkpoints:
        raise OptionError(f"the run {run.name!r} has no checkpoint to replay; let it train for longer")
    if run.config.get("sizes", {}).get("kind") == "lstm":
        raise OptionError(f"the run {run.name!r} is an LSTM's, which has no attention; replay one of a transformer")
    return run


def _opener(run: Any) -> Callable[[int], tuple[Any, np.ndarray]]:
    """step -> (the model at that step, its induction scores (layer, head)); each is opened once."""
    from labkit.interpretability import induction_scores

    @lru_cache(maxsize=32)
    def opened(step: int) -> tuple[Any, np.ndarray]:
        lm = run.load(step)
        half = min(HALF, (lm.card.context - 1) // 2, lm.card.vocab - 2)
        return lm, induction_scores(lm, length=half, draws=2).values

    return opened


def _read_and_write(lm: Any, text: str) -> tuple[Any, Any]:
    """What the model's heads see of a text's last tokens, and how it goes on.

    Raises:
        TextError: the text has fewer than two tokens.
    """
    from labkit.interpretability import capture
    from labkit.sampling import sample
    from labkit.text import tokenizer

    cut = tokenizer(lm)
    ids = cut.encode(text)[-min(SHOWN_TOKENS, lm.card.context // 2) :]
    if len(ids) < 2:
        raise TextError(f"the text has {len(ids)} token; where a head looks needs 2 or more: add some")
    room = min(WRITTEN, lm.card.context - len(ids))
    return capture(lm, ids), sample(lm, cut.decode(ids), max_tokens=room, temperature=0.7, seed=0)


def _newest() -> Any:
    """The run whose folder is the youngest, or a small one trained now."""
    from labkit.training import all_runs, begin, plan

    found = [run for run in all_runs() if run.checkpoints and run.config.get("sizes", {}).get("kind") != "lstm"]
    if found:
        return max(found, key=lambda run: run.folder.stat().st_mtime)
    run, going = begin(plan("nano", corpus="repeated", layers=2, heads=2, d_model=32, steps=40))
    for _ in going:
        pass
    return run


def _words(lm: Any) -> str:
    """A text of what the tokenizer knows: letters, or a few numbers twice."""
    ids = lm.tokenizer("The people of the people")["input_ids"]
    known = [i for i in ids if i != lm.tokenizer.unk_token_id]
    return "The people of the people" if len(known) == len(ids) else "3 1 4 5 9 2 3 1 4 5 9 2"


def _numbers(records: tuple, step: int, scores: np.ndarray) -> Table:
    """One row: where the run stood."""
    at = records[min(step, len(records)) - 1] if records else None
    layer, head = np.unravel_index(int(scores.argmax()), scores.shape)
    columns = ("step", "of", "loss, nats per token", "best induction score", "of head")
    loss = at.loss if at and step else float("nan")
    return Table(columns, ((step, records[-1].index if records else 0, loss, float(scores.max()), f"L{layer}H{head}"),))


def _curve(records: tuple, step: int) -> Curves:
    """The training loss, and where this checkpoint stands."""
    x, y = (np.array([getattr(r, name) for r in records], float) for name in ("index", "loss"))
    here = Curve(
        "this checkpoint", x[max(0, step - 1) : max(1, step)], y[max(0, step - 1) : max(1, step)], points_only=True
    )
    return Curves((Curve("training", x, y), here), "step", "loss (nats per token)", "How far it is")
