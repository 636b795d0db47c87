"""Each kind of training is a loss and batches over the one engine: it learns, in pieces as at once."""

from math import log

import numpy as np
import pytest
import torch

from labkit.core.errors import OptionError, TextError
from labkit.models import build, load
from labkit.text import Examples, Gaps, Masked, Rows, world
from labkit.text.batches import IGNORED
from labkit.training import TOKENS, TrainConfig, TrainState, compared, evaluate, load_state, preference, save, steps
from labkit.training.loop import gradients
from labkit.training.objectives import log_probabilities

COPY = world("repeated", vocabulary=6, length=4)
WORDS = COPY.tokenizer
SIZES = {"layers": 2, "heads": 2, "d_model": 16, "context": 24}
TEXTS = tuple(f"{a} {b} {c}" for a in range(6) for b in range(6) for c in range(3))
TURNED = tuple(" ".join(reversed(text.split())) for text in TEXTS)
SORTED = tuple(" ".join(sorted(text.split())) for text in TEXTS)
ANSWERS = Examples("turned", WORDS, TEXTS, TURNED)
PAIRS = Examples("manners", WORDS, TEXTS, TURNED, SORTED)
ALONE = Examples("one", WORDS, ("1",), ("1",))
TASKS = {
    "next token": (COPY, "transformer"),
    "hidden tokens, BERT": (Masked(COPY), "bert"),
    "hidden tokens, ModernBERT": (Masked(COPY), "modernbert"),
    "gaps": (Gaps(COPY), "t5"),
    "whole text": (Gaps(COPY, whole=True), "t5"),
    "another text": (Examples("turned", WORDS, TEXTS, TURNED, seq2seq=True), "t5"),
    "answers": (ANSWERS, "transformer"),
    "experts": (COPY, "mixtral"),
    "state space": (COPY, "mamba2"),
    "recurrent": (COPY, "lstm"),
}


def made(kind, data, **more):
    sizes = {k: v for k, v in SIZES.items() if kind != "lstm" or k != "heads"}
    return build("nano", vocab_size=data.vocab_size, kind=kind, **sizes, **more)


@pytest.mark.parametrize("task", TASKS)
def test_it_trains_is_saved_and_computes_the_same(task, tmp_path):
    data, kind = TASKS[task]
    model = made(kind, data)
    before = evaluate(model, data, batches=1).nats_per_token
    *_, last = steps(model, data, TrainConfig(steps=20, batch=16, validate_every=0))
    after = evaluate(model, data, batches=1).nats_per_token
    assert after < before - 0.1, "it learned less than a tenth of a nat"
    lm = load(save(last.state, tmp_path / "one", tokenizer=data.tokenizer))
    assert type(lm.model) is type(model)
    assert evaluate(lm.model, data, batches=1).nats_per_token == pytest.approx(after, rel=1e-5)
    if lm.model.can_generate():
        rows = data.batch(0, batch=2, context=24).rows()
        ids = torch.from_numpy(rows.inputs["input_ids"][:, :6])
        written = lm.model.generate(ids, max_new_tokens=3, do_sample=False)
        assert written.shape[1] <= (4 if kind == "t5" else ids.shape[1] + 3)


@pytest.mark.parametrize("task", TASKS)
def test_saved_and_continued_is_never_stopped(task, tmp_path):
    data, kind = TASKS[task]
    config = TrainConfig(steps=6, batch=8, validate_every=0)
    losses = []
    for step in steps(made(kind, data), data, config):
        losses.append(step.loss)
        if step.index == 3:
            save(step.state, tmp_path / "three", tokenizer=data.tokenizer)
    again = load_state(tmp_path / "three")
    assert [step.loss for step in steps(again.model, data, again.config, start=again)] == losses[3:]


@pytest.mark.parametrize("task", ["hidden tokens, BERT", "another text", "answers"])
def test_a_batch_of_any_kind_in_pieces_is_the_batch(task):
    data, kind = TASKS[task]
    found = []
    for accumulate in (1, 3):
        model = made(kind, data)
        state = TrainState.new(model, TrainConfig(steps=1, batch=7, accumulate=accumulate, clip=0, precision="float32"))
        loss, norm = gradients(state, data.batch(0, batch=7, context=24), TOKENS)
        found.append((loss, norm, torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])))
    assert found[0][:2] == pytest.approx(found[1][:2], rel=1e-4)
    torch.testing.assert_close(found[0][2], found[1][2], rtol=1e-3, atol=1e-6)


def test_a_model_that_is_its_reference_has_log_2_and_one_that_learned_prefers_the_better_answer():
    model = made("transformer", PAIRS)
    pairs = compared(PAIRS, model)
    loss = preference(0.5)
    assert evaluate(model, pairs, batches=1, loss=loss).nats_per_token == pytest.approx(log(2), abs=1e-6)

    def margin():
        rows = PAIRS.batch(0, batch=16, context=24).each(torch.from_numpy)
        with torch.no_grad():
            better, worse = log_probabilities(lambda told: model(**told).logits, rows).T
        return (better - worse).mean().item()

    before = margin()
    list(steps(model, pairs, TrainConfig(steps=20, batch=16, validate_every=0), loss=loss))
    assert evaluate(model, pairs, batches=1, loss=loss).nats_per_token < log(2) - 0.05
    assert margin() > before + 0.5


def test_preferences_in_pieces_are_preferences():
    losses = []
    for accumulate in (1, 4):
        model = made("transformer", PAIRS)
        data = compared(PAIRS, made("transformer", PAIRS, seed=1))
        config = TrainConfig(steps=1, batch=7, accumulate=accumulate, precision="float32")
        (step,) = steps(model, data, config, loss=preference(2.0))
        losses.append((step.loss, step.grad_norm))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_the_log_probability_of_an_answer_is_that_of_its_tokens():
    model = made("transformer", PAIRS).eval()
    rows = PAIRS.batch(0, batch=3, context=24).each(torch.from_numpy)
    with torch.no_grad():
        found = log_probabilities(lambda told: model(**told).logits, rows)
        for pair in range(3):
            for which in range(2):
                targets = rows.targets[pair, which]
                scores = model(input_ids=rows.inputs["input_ids"][pair, which][None]).logits[0].log_softmax(-1)
                told = sum(scores[at, t].item() for at, t in enumerate(targets.tolist()) if t != IGNORED)
                assert found[pair, which].item() == pytest.approx(told, rel=1e-5)


def test_the_law_of_evaluation_by_position_holds_where_batches_differ_in_width():
    seen = evaluate(made("transformer", ANSWERS), ANSWERS, batches=2)
    assert seen.tokens == 2 * 64 * 4, "three words and an end token each"
    assert np.isfinite(seen.by_position).sum() == 4


@pytest.mark.parametrize(
    "make, error, says",
    [
        (lambda: Masked(COPY, rate=1.0), OptionError, "rate is"),
        (lambda: Gaps(COPY, rate=0.9).batch(0, batch=1, context=24), OptionError, "gaps"),
        (lambda: Examples("one", WORDS, ("1",), ("1", "2")), OptionError, "as many of each"),
        (lambda: Examples("one", WORDS, (), ()), OptionError, "as many of each"),
        (lambda: Examples("one", WORDS, ("1",), ("1",), ("2",), seq2seq=True), OptionError, "leave out"),
        (lambda: ANSWERS.batch(0, batch=1, context=3), TextError, "6 tokens"),
        (lambda: ANSWERS.batch(0, batch=1, context=9, split="test"), OptionError, "no side"),
        (lambda: ALONE.batch(0, batch=1, context=9, split="validation"), TextError, "no example"),
    ],
)
def test_what_makes_no_batch_is_refused(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_rows_change_all_at_once():
    rows = Rows({"input_ids": np.arange(4)}, np.arange(4), {"weight": np.arange(4) / 2}).each(lambda one: one[:2])
    assert (len(rows), len(rows.inputs["input_ids"]), len(rows.more["weight"])) == (2, 2, 2)
