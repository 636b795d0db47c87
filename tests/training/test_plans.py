"""Plans: what cannot be is refused with the remedy, before anything is written."""

import random

import pytest

from labkit.core.errors import LabError, OptionError, TextError
from labkit.training import begin, plan

from .conftest import DATA, TINY, tiny


@pytest.mark.parametrize(
    "options, error, says",
    [
        ({"minutes": 0}, OptionError, "minutes is 0"),
        ({"minutes": -1}, OptionError, "minutes is -1"),
        ({"minutes": "5"}, OptionError, "number is wanted"),
        ({"steps": 0}, OptionError, "steps is 0"),
        ({"steps": 2.5}, OptionError, "whole number"),
        ({"lr": float("nan")}, OptionError, "not a number"),
        ({"until_loss": True}, OptionError, "number is wanted"),
        ({"validation": 0}, OptionError, "leaves one side of the text empty"),
        ({"validation": 1}, OptionError, "such as 0.1"),
        ({"optimizer": "sgd"}, OptionError, "sgd"),
        ({"stepps": 3}, OptionError, "did you mean 'steps'"),
        ({"device": "cuda:7"}, OptionError, "not on this machine|cuda"),
        ({"seed": "0"}, OptionError, "whole number"),
        ({"heads": 3}, OptionError, "multiple of 3"),
        ({"context": 3}, OptionError, "does not hold one example"),
        ({"tokenizer": "bpe"}, OptionError, "tokens already"),
        ({"corpus": "nowhere.txt"}, TextError, "nowhere"),
        ({"corpus": ""}, LabError, "."),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(options, error, says, place):
    with pytest.raises(error, match=says):
        begin(plan("nano", **{"corpus": DATA, **TINY, **options}))
    assert not place.exists()


@pytest.mark.parametrize("tokenizer", ["bpe", "words"])
def test_another_tokenizer_than_the_presets_gets_a_size_that_suits_it(tokenizer, tmp_path):
    file = tmp_path / "text.txt"
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghij", k=6)) for _ in range(1500)]
    file.write_text("\n\n".join(" ".join(words[n : n + 30]) for _ in range(2) for n in range(0, 1500, 30)), "utf-8")
    assert plan("nano", corpus=file, tokenizer=tokenizer, steps=1).data.vocab_size > 257
    assert plan("nano", corpus=file, tokenizer=tokenizer, size=300, steps=1).data.vocab_size <= 300


@pytest.mark.parametrize("name", ["", " ", "a/b", "../up", ".hidden", "x" * 300, "a\0b", 7])
@pytest.mark.parametrize("go_on", [False, True])
def test_a_name_that_no_folder_can_have_is_refused(name, go_on):
    with pytest.raises(LabError):
        begin(tiny(), name=name, go_on=go_on)


def test_a_text_shorter_than_the_context_is_refused_at_once(tmp_path, monkeypatch, place):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "short.txt").write_text("to be or not to be\n\n" * 100)
    with pytest.raises(TextError, match="context"):
        plan("nano", corpus=tmp_path / "short.txt", context=4000, steps=5)
    assert not place.exists()


def test_with_no_end_given_a_run_is_one_minute():
    assert plan("nano", corpus=DATA).config.minutes == 1
    assert plan("nano", corpus=DATA, steps=5).config.minutes is None


def test_a_run_of_a_text_says_where_it_came_from(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "mine.txt"
    path.write_text("\n\n".join(f"paragraph {i} says that {i} and {i + 1} are {2 * i + 1}" for i in range(200)))
    planned = plan("nano", corpus=path, steps=2, context=16)
    assert planned.source["source"] == str(path)
    assert planned.source["tokenizer"] == "characters"
    assert planned.data.vocab_size < 60


def test_an_lstm_gets_a_rate_of_its_own_and_whoever_names_one_gets_that():
    assert plan("nano", corpus=DATA, steps=2, kind="lstm").config.lr == 0.06
    assert plan("nano", corpus=DATA, steps=2, kind="lstm", lr=0.01).config.lr == 0.01
    assert plan("nano", corpus=DATA, steps=2, kind="lstm", optimizer="adamw").config.lr == 1e-3


def test_a_run_by_the_clock_that_goes_on_by_steps_keeps_its_rate(place):
    _, going = begin(tiny(steps=None, minutes=0.0001, precision="float32"), name="clock")
    list(going)
    _, going = begin(tiny(steps=20, precision="float32"), name="clock", go_on=True)
    assert next(going).state.config.lr == 0.03
    going.close()
    assert tiny(steps=20).config.lr == 0.015


def test_a_run_names_the_version_of_the_code_that_runs(monkeypatch):
    monkeypatch.setattr("labkit.training.plans.__version__", "9.9.9")
    assert tiny().about()["versions"]["labkit"] == "9.9.9"
