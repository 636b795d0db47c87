"""lab.train: the same picture everywhere, texts on the way, a stop that keeps what there is."""

import os
import signal
import threading

import nbclient
import nbformat
import pytest

import labkit as lab
from labkit import views
from labkit.core.errors import OptionError, RunExistsError, TrainingError
from labkit.explorers import live_training
from labkit.explorers.training_views import clock, few_samples, loss_curves, status, summary
from labkit.explorers.training_writer import Writer
from labkit.models import build
from labkit.text import world
from labkit.training import Record, TrainConfig, begin, open_run, plan, steps

DATA = world("repeated", vocabulary=6, length=4)
TINY = {"layers": 1, "heads": 2, "d_model": 16, "batch": 4}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def train(**more):
    return lab.train("nano", **{"corpus": DATA, **TINY, "steps": 25, **more})


def test_it_gives_a_run_with_texts_on_the_way_and_says_one_line(capfd):
    run = train(name="one")
    assert run.samples["step"] == [10, 20, 25]
    assert all("▸" in text for text in run.samples["text"])
    assert run.checkpoints[-1] == 25
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("one: 0.00 million parameters, 25 steps")
    assert 'lab.load("runs/one")' in said.err


def test_its_numbers_are_those_of_the_loop_under_it():

    run = train(name="one", seed=3)
    model = build("nano", vocab_size=DATA.vocab_size, seed=3, layers=1, heads=2, d_model=16, context=DATA.context)
    losses = [step.loss for step in steps(model, DATA, TrainConfig(steps=25, batch=4, seed=3))]
    assert [r.loss for r in run.steps] == losses


def test_what_exists_is_refused_and_resume_goes_on():
    train(name="one")
    with pytest.raises(RunExistsError, match="not overwritten"):
        train(name="one")
    assert train(name="one", resume=True, steps=30).steps[-1].index == 30
    assert train(name="new", resume=True).steps[-1].index == 25


def test_an_interrupt_stops_after_the_step_and_keeps_what_there_is():
    started = threading.Event()
    original = live_training.Counter.__call__

    def told(self, step, latest):
        original(self, step, latest)
        if step.index == 7:
            started.set()

    def interrupt():
        started.wait(30)
        os.kill(os.getpid(), signal.SIGINT)

    live_training.Counter.__call__ = told
    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        run = train(name="stopped", steps=100_000)
    finally:
        live_training.Counter.__call__ = original
        thread.join()
    assert 7 <= run.steps[-1].index < 100_000
    assert run.checkpoints[-1] == run.steps[-1].index == run.samples["step"][-1]
    assert signal.getsignal(signal.SIGINT) is before
    last = run.steps[-1].index
    assert train(name="stopped", resume=True, steps=last + 2).steps[-1].index == last + 2


def test_a_second_interrupt_interrupts_as_always():
    with pytest.raises(KeyboardInterrupt), live_training.stoppable():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(5)


def test_a_loss_that_leaves_all_bounds_is_an_error_and_the_good_checkpoint_stays(monkeypatch):
    def spoil(self, run, step):
        if step.index == 12:
            step.state.model.lm_head.weight.data.fill_(float("nan"))

    monkeypatch.setattr(Writer, "after", spoil)
    with pytest.raises(TrainingError, match="step 13"):
        train(name="spoilt")
    run = open_run("spoilt")
    assert run.steps[-1].index == 12
    assert lab.next_token(run.lm, "0 1", top=1).values[0] > 0


@pytest.mark.parametrize("steps", [2, 10, 25])
def test_a_rate_beyond_sense_is_named_whenever_it_is_noticed(steps):
    """After the last step, where the model should write, or in the next step."""
    with pytest.raises(TrainingError, match=r"learning rate 1e\+09; use a smaller lr"):
        train(lr=1e9, optimizer="adamw", steps=steps, warmup=0, decay=0)


def test_a_headless_notebook_keeps_line_curve_and_texts_and_nothing_else(tmp_path):
    code = (
        "import labkit as lab\n"
        'run = lab.train("nano", corpus="repeated", steps=25, batch=4, layers=1, heads=2, d_model=16)'
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(book, timeout=240).execute()
    outputs = book.cells[0].outputs
    assert all(output.output_type == "display_data" for output in outputs), "no stream of progress lines"
    line, curve = [set(output.data) for output in outputs[:2]]
    assert line == {"text/html", "text/plain"}
    assert views.PLOTLY in curve
    assert len(outputs) <= 4
    assert "The same prompt, on the way" in "".join(
        output.data["text/html"] for output in outputs if "text/html" in output.data
    )


@pytest.mark.parametrize("prompt", ["0 1 2 3 4 5 0 1 2 3"])
def test_a_prompt_that_leaves_no_room_is_refused_before_the_run_begins(prompt, place):
    with pytest.raises(OptionError, match="shorten it"):
        train(prompt=prompt)
    assert not place.exists()


def test_a_text_opens_with_whole_words_of_held_out_text_and_odd_names_are_escaped(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "<script>alert(1).txt"
    path.write_text("\n\n".join(f"paragraph {i} says that <b>{i}</b> and {i + 1} are {2 * i + 1}" for i in range(300)))
    planned = plan("nano", corpus=path, steps=3, context=48, **TINY)
    assert set(Writer(planned).prompt.split()) <= set(path.read_text().split())
    run = train(corpus=path, context=48, steps=12)
    bundles = [views.bundle(one) for one in (loss_curves(run.steps, planned), few_samples(run))]
    shown = str([[content for mime, content in one.items() if mime != "text/plain"] for one in bundles])
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "bits per byte" in summary(run, planned)


@pytest.mark.parametrize("seconds, shown", [(0, "0:00"), (59.6, "1:00"), (65, "1:05"), (3600, "1:00:00"), (-1, "0:00")])
def test_times_read_as_clocks(seconds, shown):
    assert clock(seconds) == shown


def test_the_status_says_what_is_left():
    step = Record(50, 2.5, 0.01, 1.0, 10_000, 5.0)
    assert status(step, plan("nano", corpus=DATA, steps=100)) == (
        "step 50 of 100 · loss 2.500 nats · 2.0 thousand tokens/s · 0:05 left"
    )
    assert "0:55 left" in status(step, plan("nano", corpus=DATA, minutes=1))
    assert "until the validation loss is 1.5" in status(step, plan("nano", corpus=DATA, until_loss=1.5))


def test_a_run_without_a_step_says_so():
    run, going = begin(plan("nano", corpus=DATA, **TINY, steps=5))
    going.close()
    assert "not one step" in summary(run, plan("nano", corpus=DATA, **TINY, steps=5))
