"""Store: a hit equals the first computation; damage and any change compute anew."""

import time

import numpy as np
import pytest
import torch

from labkit.core.paths import cache_folder
from labkit.hallucination import ask
from labkit.models import store as storing
from labkit.models.store import fingerprint, remembered

from .conftest import asked, make_llama


def entries() -> list:
    return list(cache_folder().rglob("output.pkl"))


def counted():
    calls = []

    def compute():
        calls.append(1)
        return {"x": np.arange(1000.0)}, {"words": ["é", 1]}

    return calls, compute


def test_the_second_time_it_is_read():
    calls, compute = counted()
    first, second = remembered({"a": 1}, compute), remembered({"a": 1}, compute)
    np.testing.assert_array_equal(first[0]["x"], second[0]["x"])
    assert first[1] == second[1]
    assert len(calls) == 1


def test_a_run_that_checks_lessons_reads_only_what_it_computed_itself(monkeypatch):
    calls, compute = counted()
    remembered({"a": 1}, compute)
    monkeypatch.setenv("LABKIT_FRESH", "1")
    remembered({"a": 1}, compute)
    assert len(calls) == 1
    monkeypatch.setattr(storing, "_BEGAN", time.time())  # another process
    remembered({"a": 1}, compute)
    remembered({"a": 1}, compute)
    assert len(calls) == 2


@pytest.mark.parametrize("harm", ["shortened", "flipped", "emptied", "nonsense"])
def test_a_damaged_entry_is_computed_anew(harm):
    calls, compute = counted()
    remembered({"a": 1}, compute)
    (path,) = entries()
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 255
    path.write_bytes({"shortened": raw[:-100], "flipped": raw, "emptied": b"", "nonsense": b"x" * 500}[harm])
    again = remembered({"a": 1}, compute)
    np.testing.assert_array_equal(again[0]["x"], np.arange(1000.0))
    remembered({"a": 1}, compute)
    assert len(calls) == 2


def test_a_cache_that_cannot_be_written_to_costs_a_warning(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "file"))
    calls, compute = counted()
    with pytest.warns(UserWarning, match="is not kept"):
        assert remembered({"a": 1}, compute)[1] == {"words": ["é", 1]}
    assert len(calls) == 1


def test_another_recipe_is_computed():
    calls, compute = counted()
    remembered({"a": 1}, compute)
    remembered({"a": 2}, compute)
    assert len(calls) == 2


def test_one_changed_weight_is_another_model():
    model = make_llama()
    before = fingerprint(model)
    assert fingerprint(make_llama()) == before
    with torch.no_grad():
        model.lm_head.weight[3, 4] += 1e-3
    assert fingerprint(model) != before


def test_an_entry_that_fails_leaves_nothing(tmp_path):
    def broken():
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        remembered({"a": 3}, broken)
    assert not entries()


def test_old_entries_go_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(storing, "MOST", 20_000)
    noise = np.random.default_rng(0)
    for n in range(5):
        remembered({"a": n}, lambda: noise.random(1000))
    assert 0 < len(entries()) < 5


def test_answers_from_the_store_equal_those_asked(lm):
    first = ask(lm, asked("alpha", "beta d"), samples=3, max_tokens=4)
    second = ask(lm, asked("alpha", "beta d"), samples=3, max_tokens=4)
    for name in ("texts", "tokens", "ids", "samples", "prompts"):
        assert getattr(first, name) == getattr(second, name), name
    for name in ("logprobs", "entropies", "margins"):
        for a, b in zip(getattr(first, name), getattr(second, name), strict=True):
            np.testing.assert_array_equal(a, b)
    for name in ("hidden", "control", "attention", "sample_logprobs", "sample_lengths"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_the_second_asking_runs_no_model(lm, monkeypatch):
    ask(lm, asked("alpha"), samples=2, max_tokens=3)
    monkeypatch.setattr("labkit.hallucination.asking.continuations", lambda *a: pytest.fail("asked again"))
    assert len(ask(lm, asked("alpha"), samples=2, max_tokens=3)) == 1


def test_other_options_are_asked_anew(lm):
    one = ask(lm, asked("alpha"), samples=4, max_tokens=8, seed=0, look=())
    other = ask(lm, asked("alpha"), samples=4, max_tokens=8, seed=1, look=())
    assert one.samples != other.samples
