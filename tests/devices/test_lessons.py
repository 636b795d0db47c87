"""Every lesson that takes a MODEL, with models that it was not written for, and in a number type of 16 bits.

python -m pytest -m long tests/devices/test_lessons.py -k "gemma"        one model at a time
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import labkit as lab
from labkit.carrying import PATIENCE
from labkit.suite import runner
from labkit.suite.baselines import ACCEPTABLE
from labkit.suite.examine import lessons_of_models
from labkit.suite.planning import plan_run
from tests.tiny import byte_tokenizer, make_llama

LESSONS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
HALVED = """
from labkit.core import devices
from labkit.models import loading
loading.choose_dtype = lambda dtype, device, elements=0: devices.COMPACT
"""
ROUNDING = {
    "00": {"start/decoder_looks_back"},
    "02": {"attention/rows", "attention/by_hand", "attention/by_hand_steps"},
    "08": {"sampling/read_again"},
}
pytestmark = [pytest.mark.long, pytest.mark.notebooks, pytest.mark.weights, pytest.mark.timeout(3600)]


def trained(folder: Path) -> str:
    lab.train("nano", corpus="sotu", minutes=0.3, name="own")
    return "runs/own"


def untrained(folder: Path) -> str:
    make_llama(context=1024).save_pretrained(folder / "tiny")
    byte_tokenizer().save_pretrained(folder / "tiny")
    return str(folder / "tiny")


MODELS = {
    "gemma3-270m": lambda folder: "gemma3-270m",
    "a run": trained,
    "a folder": untrained,
    "minilm": lambda f: "minilm",
}


@pytest.mark.parametrize("model", MODELS)
def test_a_lesson_runs_with_a_model_or_refuses_it_in_one_sentence_before_any_work(model, tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path / "runs"))
    plan = plan_run(lessons_of_models(LESSONS), parameters={"MODEL": MODELS[model](tmp_path)}, fast=True)
    plan = [replace(job, minutes=PATIENCE, memory_gb=None) for job in plan]
    result = runner.run(plan, folder=runner.new_folder(tmp_path / "out"))
    wrong = {}
    for outcome in result.outcomes:
        problems = [f"{one.place}: {one.message}" for one in outcome.problems if one.kind not in (*ACCEPTABLE, "time")]
        refused = (
            len(problems) == 1 and re.search(r": (Model|Option|Target)Error: ", problems[0]) and not outcome.claims
        )
        if problems and not refused:
            wrong[outcome.topic] = problems
    assert wrong == {}


@pytest.mark.parametrize("number", ROUNDING)
def test_bounds_of_rounding_hold_in_16_bits(number, tmp_path):
    (path,) = (path for path in LESSONS if path.name.startswith(number))
    plan = [replace(one, startup=HALVED) for one in plan_run([path], parameters={}, fast=True)]
    (outcome,) = runner.run(plan, folder=runner.new_folder(tmp_path / "out")).outcomes
    claims: dict[str, Any] = {claim.name: claim for claim in outcome.claims}
    assert [one.message for one in outcome.problems if one.kind not in (*ACCEPTABLE, "claim", "time")] == []
    assert {name: claims[name].value for name in ROUNDING[number] if not claims[name].holds} == {}
    assert max(claims[name].value for name in ROUNDING[number]) > 1e-4, "in float32 it would be less"
