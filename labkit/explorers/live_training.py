"""`lab.train`: a run before one's eyes: the curve grows, the model writes, and a stop keeps what there is.

Reads   what `labkit.training.plan` takes.
Gives   a Run; in a notebook its picture: loss, samples, one line of numbers.
Ignores how a step is made: it loops over `labkit.training.begin`.

In a live notebook the picture is drawn anew every second or two, and an interrupt of the kernel stops the run after its
current step. A headless run shows the same final picture, once; a terminal shows one line that counts.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import monotonic
from typing import Any

from labkit import views
from labkit.core.output import in_notebook
from labkit.training import Plan, Run, Step, begin, plan
from labkit.training.distributed import rank
from labkit.views import theme
from labkit.views.text import for_html

from .live import is_live
from .training_views import as_record, few_samples, loss_curves, status, summary
from .training_writer import Writer

STOP = "interrupting the kernel (■) stops it and keeps what there is"
REDRAW = 1.5
"""Seconds between two pictures."""


def train(
    preset: str = "nano",
    *,
    corpus: Any = "sotu",
    seed: int = 0,
    name: str | None = None,
    resume: bool = False,
    **options: Any,
) -> Run:
    """Train a model from nothing, and watch it learn.

    Args:
        preset: `nano` (letters, 0.8 M parameters), `micro` (4 M) or `mini` (25 M, for a GPU).
        corpus: `sotu`; a world: `copy`, `repeated`, `phrases`, `modular`, `brackets`; a text file; a folder of .txt
            files; or what `labkit.text.dataset` and `labkit.text.world` give.
        seed: of the weights and of the order of the text.
        name: the run's, by which `lab.load("runs/NAME")` opens it; None = preset and corpus with the next free number.
        resume: True = go on with the run of this name where there is one.
        options: the end: `minutes=`, `steps=`, `until_loss=` (validation, nats per token), none = one minute; how:
            `batch lr optimizer warmup decay clip precision compile validate_every …` (TrainConfig); what: `layers heads
            d_model d_ff context kind positions` (the preset's); the text: `tokenizer size validation`; where:
            `device=`; `prompt=`, after which it writes.

    Returns:
        Run: .lm, .curves(), .steps, .checkpoints, .load(step). A run that was stopped is one too.

    Raises:
        OptionError, TextError: something asked for cannot be; nothing was written.
        RunExistsError: there is a run of this name; it is not overwritten.
        TrainingError: the loss left all bounds, or the disk is full; the last good checkpoint stays.

    Laws: tests/explorers/test_live_training.py.
    """
    prompt = options.pop("prompt", None)
    planned = plan(preset, corpus=corpus, seed=seed, **options)
    writer = Writer(planned, prompt)
    run, going = begin(planned, name=name, go_on=resume)
    if rank():  # one of several processes: the first one draws
        for _ in going:
            pass
        return run
    with stoppable() as stop, screen(run, planned) as draw, closing(going):
        for step in going:
            writer.after(run, step)
            draw(step, writer.latest)
            if stop.is_set():
                break
        writer.last(run)
    return run


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """An event that the first interrupt sets; the second one interrupts as always."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.getsignal(signal.SIGINT)

    def interrupted(*_: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


Draw = Callable[[Step, str], None]


@contextmanager
def screen(run: Run, planned: Plan) -> Iterator[Draw]:
    """Where the run is watched: a notebook with a person, a notebook without, a terminal."""
    if is_live():
        with live_screen(run, planned) as draw:
            yield draw
        return
    counter = Counter(planned)
    try:
        yield counter
    finally:
        counter.end()
        if in_notebook():
            show_final(run, planned)
        else:
            print(summary(run, planned), file=sys.stderr)


class Counter:
    """One line that counts, on a terminal; nothing where nobody reads along."""

    def __init__(self, planned: Plan) -> None:
        self._planned, self._drawn, self._seen = planned, 0.0, False

    def __call__(self, step: Step, latest: str) -> None:
        if sys.stderr.isatty() and monotonic() - self._drawn > 0.5:
            self._drawn, self._seen = monotonic(), True
            print(f"\r\x1b[K{status(step, self._planned)}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Close the line."""
        if self._seen:
            print(file=sys.stderr)


@contextmanager
def live_screen(run: Run, planned: Plan) -> Iterator[Draw]:
    """Status, growing curve and newest text; at the end the final picture takes their place."""
    import ipywidgets as w
    from IPython.display import display

    line, text, picture = w.HTML(), w.HTML(), w.Output()
    box = w.VBox([line, picture, text])
    handle: Any = display(box, display_id=True)
    drawn, records = [0.0], list(run.steps)

    def draw(step: Step, latest: str) -> None:
        records.append(as_record(step))
        if monotonic() - drawn[0] < REDRAW:
            return
        drawn[0] = monotonic()
        said = f'<span role="status">{for_html(status(step, planned))}</span>'
        line.value = theme.wrap(f'{said} <span class="lk-faint">· {STOP}</span>')
        content = views.bundle(loss_curves(records, planned))
        picture.layout.min_height = f"{content.get(views.PLOTLY, {}).get('layout', {}).get('height', 0)}px"
        picture.outputs = ({"output_type": "display_data", "data": content, "metadata": {}},)
        text.value = theme.wrap(f'<div class="lk-sample" style="white-space:pre-wrap">{for_html(latest)}</div>')

    try:
        yield draw
    finally:
        handle.update({"text/html": "", "text/plain": ""}, raw=True)
        box.close()
        show_final(run, planned)


def show_final(run: Run, planned: Plan) -> None:
    """The run as it stands at the end: one line, the loss, what it wrote."""
    from IPython.display import display

    said = summary(run, planned)
    display({"text/html": theme.wrap(f'<div class="lk-note">{for_html(said)}</div>'), "text/plain": said}, raw=True)
    if records := run.steps:
        views.show([loss_curves(records, planned), few_samples(run)])
