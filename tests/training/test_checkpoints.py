"""Checkpoints: continued is never stopped, all of it or nothing, and no program inside."""

import json
import resource
import subprocess
import sys

import pytest
import torch

import labkit as lab
from labkit.core.errors import TrainingError
from labkit.models import build
from labkit.text import world
from labkit.training import TrainConfig, TrainState, load_state, save, steps
from labkit.training.checkpoints import VALUES, _put_together, _taken_apart, can_go_on, drop_training

DATA = world("repeated", vocabulary=6, length=4)
TINY = {"layers": 1, "heads": 2, "d_model": 16, "context": DATA.context}


def new(seed=0, **more):
    return build("nano", vocab_size=DATA.vocab_size, seed=seed, **{**TINY, **more})


def config(**more):
    return TrainConfig(**{"steps": 8, "batch": 4, "validate_every": 3, **more})


def trained(until: int, **more):
    """The state after `until` steps, and the losses up to there."""
    losses, state = [], None
    for step in steps(new(), DATA, config(**more)):
        losses.append(step.loss)
        state = step.state
        if step.index == until:
            break
    return state, losses


def same_weights(one, two):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("until", [1, 5])
def test_continued_from_a_checkpoint_is_never_stopped_bit_for_bit(tmp_path, optimizer, until):
    whole, losses = trained(8, optimizer=optimizer)
    state, _ = trained(until, optimizer=optimizer)
    save(state, tmp_path / "one")
    again = load_state(tmp_path / "one")
    assert (again.step, again.tokens, again.config) == (state.step, state.tokens, state.config)
    assert [step.loss for step in steps(again.model, DATA, again.config, start=again)] == losses[until:]
    assert same_weights(again.model, whole.model)


def test_the_random_generators_come_back_too(tmp_path):
    torch.manual_seed(5)
    save(TrainState.new(new(), config()), tmp_path / "one")
    drawn = torch.rand(3)
    load_state(tmp_path / "one")
    assert torch.equal(torch.rand(3), drawn)


def test_an_lstm_goes_on_as_well(tmp_path):
    model = build("nano", vocab_size=DATA.vocab_size, kind="lstm", layers=1, d_model=8, context=DATA.context)
    done = [
        (step.loss, step.index == 2 and save(step.state, tmp_path / "two")) for step in steps(model, DATA, config())
    ]
    again = load_state(tmp_path / "two")
    assert [step.loss for step in steps(again.model, DATA, config(), start=again)] == [loss for loss, _ in done[2:]]


def test_lab_load_opens_a_checkpoint_and_generate_stops_at_the_end_token(tmp_path):
    state, _ = trained(2)
    save(state, tmp_path / "one", tokenizer=DATA.tokenizer)
    lm = lab.load(tmp_path / "one")
    assert same_weights(lm.model, state.model)
    assert lm.model.generation_config.eos_token_id == DATA.tokenizer.eos_token_id
    assert lm.tokenizer("0 1")["input_ids"] == [2, 3]


def test_saving_changes_nothing_in_the_run(tmp_path):
    _, losses = trained(8)
    seen = []
    for step in steps(new(), DATA, config()):
        seen.append(step.loss)
        save(step.state, tmp_path / str(step.index), tokenizer=DATA.tokenizer)
    assert seen == losses


def test_a_checkpoint_is_never_overwritten(tmp_path):
    state, _ = trained(1)
    save(state, tmp_path / "one")
    with pytest.raises(TrainingError, match="never overwritten"):
        save(state, tmp_path / "one")


def test_weights_alone_are_half_the_size_and_say_that_nothing_goes_on_from_them(tmp_path):
    state, _ = trained(2)
    save(state, tmp_path / "whole")
    save(state, tmp_path / "weights", weights_only=True)
    sizes = [sum(f.stat().st_size for f in (tmp_path / n).glob("*.safetensors")) for n in ("whole", "weights")]
    assert sizes[0] > 1.8 * sizes[1]
    assert can_go_on(tmp_path / "whole")
    with pytest.raises(TrainingError, match="weights only"):
        load_state(tmp_path / "weights")
    drop_training(tmp_path / "whole")
    assert sorted(f.name for f in (tmp_path / "whole").iterdir()) == sorted(
        f.name for f in (tmp_path / "weights").iterdir()
    )


@pytest.mark.parametrize("damage", ["{", '{"form": 99}', '{"form": 1, "config": {"stepps": 3}, "state": 1}'])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    save(trained(1)[0], tmp_path / "one")
    (tmp_path / "one" / VALUES).write_text(damage)
    with pytest.raises(TrainingError, match=r"damaged|another version"):
        load_state(tmp_path / "one")


def test_what_no_file_can_hold_is_named():
    with pytest.raises(TrainingError, match=r"state\.model is a object"):
        _taken_apart({"model": object()}, "state", {})


def test_nested_values_come_back_as_they_were():
    held = {"a": [1, (2.5, None)], 3: {"t": torch.arange(3)}, "b": True, "empty": []}
    tensors = {}
    again = _put_together(json.loads(json.dumps(_taken_apart(held, "x", tensors))), tensors)
    assert torch.equal(again[3].pop("t"), held[3].pop("t"))
    assert again == held


FULL_DISK = """
import resource, sys
from pathlib import Path
from labkit.models import build
from labkit.text import world
from labkit.training import TrainConfig, save, steps
model, here = build("nano", vocab_size=65, layers=1, context=31), Path(sys.argv[1])
state = next(steps(model, world("repeated"), TrainConfig(steps=2, batch=2))).state
save(state, here / "first")
sizes = {file.name: file.stat().st_size for file in (here / "first").iterdir()}
limit = {"config": 200, "weights": sizes["model.safetensors"] // 2, "nothing": 10 * sizes["model.safetensors"],
         "optimizer": (sizes["model.safetensors"] + sizes["training.safetensors"]) // 2}[sys.argv[2]]
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    save(state, here / "second")
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no such limit on this system")
@pytest.mark.parametrize("too_large", ["config", "weights", "optimizer", "nothing"])
def test_a_disk_that_is_full_keeps_the_checkpoint_before_whole(tmp_path, too_large):
    """No file may grow beyond a limit, which fails as a full disk does: at the first file, the second, the last."""
    told = [sys.executable, "-c", FULL_DISK, str(tmp_path), too_large]
    said = subprocess.run(told, capture_output=True, text=True, check=True).stdout
    if too_large == "nothing":
        assert said == ""
        assert load_state(tmp_path / "second").step == 1
        return
    assert said.startswith("TrainingError"), said
    assert "resume=True" in said
    assert [file.name for file in tmp_path.iterdir()] == ["first"]
    assert load_state(tmp_path / "first").step == 1
