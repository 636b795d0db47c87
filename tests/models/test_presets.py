"""Models to be trained here: sizes, refusals, weights by seed, and that all the usual doors open on each of them."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from labkit.core.devices import quick_type
from labkit.core.errors import ModelError, OptionError
from labkit.models import LanguageModel, build, load, lstm, next_token, presets, shape, watch
from labkit.models.architectures import new_model
from labkit.models.presets import count_parameters
from labkit.sampling.forward import CachedRunner, PlainRunner

TINY = {"layers": 2, "context": 24}
KINDS = {
    "rotary": {"heads": 2, "d_model": 16},
    "learned": {"heads": 2, "d_model": 16, "positions": "learned"},
    "none": {"heads": 2, "d_model": 16, "positions": "none"},
    "untied": {"heads": 2, "d_model": 16, "tied": False},
    "lstm": {"d_model": 16, "kind": "lstm"},
}


def tiny(kind: str, vocab_size: int = 50, seed: int = 0):
    return build("nano", vocab_size=vocab_size, seed=seed, **TINY, **KINDS[kind])


@pytest.fixture(params=KINDS)
def model(request):
    return tiny(request.param).eval()


IDS = torch.tensor([[3, 14, 15, 9, 2, 6, 5, 35], [8, 9, 7, 9, 3, 2, 3, 8]])


def logits(model, ids, **more):
    with torch.no_grad():
        return model(input_ids=ids, **more).logits


@pytest.mark.parametrize("name", presets()["name"])
@pytest.mark.parametrize("changes", [{}, {"positions": "learned"}, {"tied": False}, {"kind": "lstm"}])
def test_the_counted_parameters_are_those_of_the_model(name, changes):
    vocab = shape(name).vocab
    with torch.device("meta"):
        model = new_model(shape(name, vocab, **changes), vocab)
    assert sum(p.numel() for p in model.parameters()) == count_parameters(shape(name, vocab, **changes), vocab)


def test_the_table_says_the_sizes_that_the_presets_have():
    said = dict(zip(presets()["name"], presets()["parameters (million)"], strict=True))
    assert said == {"nano": 0.8, "micro": 3.9, "mini": 24.6}


@pytest.mark.parametrize("name", presets()["name"])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_lstm_has_the_transformers_parameters_within_one_percent(name, layers):
    vocab = shape(name).vocab
    wanted = count_parameters(shape(name), vocab)
    assert count_parameters(shape(name, vocab, kind="lstm", layers=layers), vocab) == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"heads": 3}, "multiple of 3"),
        ({"d_model": 20, "heads": 4}, "rotary positions turn pairs"),
        ({"layers": 0}, "1 to 256"),
        ({"context": -1}, "1 to"),
        ({"d_model": 12.5}, "whole number"),
        ({"heads": True}, "whole number"),
        ({"positions": "rotery"}, "did you mean 'rotary'"),
        ({"kind": "rnn"}, "kind='rnn'"),
        ({"kind": "lstm", "heads": 2}, "an LSTM has no heads"),
        ({"kind": "lstm", "positions": "learned"}, "an LSTM has no positions"),
        ({"kind": "t5", "positions": "learned"}, "in its own way"),
        ({"tied": 1}, "True or False"),
        ({"width": 3}, "no 'width'"),
        ({"layers": 256, "d_model": 16_384, "heads": 256}, "GB are free"),
    ],
)
def test_sizes_that_cannot_go_together_are_refused_with_the_reason(changes, says):
    with pytest.raises(OptionError, match=says):
        build("nano", vocab_size=50, **changes)


@pytest.mark.parametrize("vocab", [0, 1, -3, 2.5, "65", 10**9])
def test_a_vocabulary_of_no_use_is_refused(vocab):
    with pytest.raises(OptionError, match="vocab_size"):
        build("nano", vocab_size=vocab)


def test_a_mistyped_preset_offers_the_nearest():
    with pytest.raises(OptionError, match="did you mean 'nano'"):
        build("nanno", vocab_size=65)


def test_the_width_alone_takes_the_feed_forward_part_with_it():
    assert shape("nano", d_model=256).d_ff == 2 * shape("nano").d_ff
    assert shape("nano", d_model=256, d_ff=100).d_ff == 100


def test_the_seed_decides_the_weights_and_the_global_generator_is_left_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    one, same, other = tiny("rotary", seed=1), tiny("rotary", seed=1), tiny("rotary", seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    pairs = zip(one.parameters(), same.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not torch.equal(one.lm_head.weight, other.lm_head.weight)


def test_a_new_model_knows_nothing(model):
    loss = model(input_ids=IDS, labels=IDS).loss.item()
    assert loss == pytest.approx(np.log(50), abs=0.1)


def test_no_model_sees_what_comes_later(model):
    changed = IDS.clone()
    changed[:, 5] = 40
    a, b = logits(model, IDS), logits(model, changed)
    assert torch.allclose(a[:, :5], b[:, :5], atol=1e-6)
    assert not torch.allclose(a[:, 5:], b[:, 5:], atol=1e-6)


def test_only_a_model_without_positions_takes_a_shuffled_past_for_the_same():
    """One layer, because two could build an order from the causal mask."""
    swapped = IDS[:, [2, 0, 1, 4, 3, 5, 6, 7]]
    for kind, same in (("rotary", False), ("learned", False), ("none", True), ("lstm", False)):
        one = build("nano", vocab_size=50, layers=1, context=24, **KINDS[kind]).eval()
        assert torch.allclose(logits(one, IDS)[:, -1], logits(one, swapped)[:, -1], atol=1e-6) == same, kind


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded_it_computes_the_same(kind, tmp_path, tokenizer):
    model = tiny(kind, len(tokenizer)).eval()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    lm = load(tmp_path)
    assert type(lm.model) is type(model)
    assert torch.equal(logits(lm.model, IDS), logits(model, IDS))
    assert torch.equal(logits(AutoModelForCausalLM.from_pretrained(tmp_path).eval(), IDS), logits(model, IDS))


@pytest.mark.parametrize("how", [{}, {"num_beams": 3}])
def test_generate_gives_with_its_memory_what_it_gives_without(model, how):
    told = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0, **how}
    assert torch.equal(model.generate(IDS, **told), model.generate(IDS, use_cache=False, **told))


def test_padding_on_the_left_changes_nothing(model):
    ids = torch.cat([torch.zeros(2, 3, dtype=torch.long), IDS], 1)
    mask = (torch.arange(11) >= 3).long().expand(2, -1)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    padded = logits(model, ids, attention_mask=mask, position_ids=positions)[:, 3:]
    assert torch.allclose(padded, logits(model, IDS), atol=1e-6)


def test_the_labs_samplers_feed_it_token_by_token(model):
    rows = [[3, 14, 15, 9], [8, 9]]
    cached, plain = CachedRunner(model), PlainRunner(model)
    assert torch.allclose(cached.begin(rows), plain.begin(rows), atol=1e-5)
    for tokens in ([[4], [5]], [[6], [7]]):
        assert torch.allclose(cached.advance(torch.tensor(tokens)), plain.advance(torch.tensor(tokens)), atol=1e-5)
    for runner in (cached, plain):
        runner.select([1, 1, 0])
    tokens = torch.tensor([[1], [2], [3]])
    assert torch.allclose(cached.advance(tokens), plain.advance(tokens), atol=1e-5)


def test_an_lstm_that_is_to_take_back_tokens_says_why_it_cannot():
    runner = CachedRunner(tiny("lstm").eval())
    runner.begin([[3, 14]])
    with pytest.raises(ModelError, match="one state"):
        runner.crop(1)


@pytest.mark.parametrize("quick", ["float32", "bfloat16"])
def test_an_lstm_of_short_weights_reads_with_and_without_a_unit_for_them(quick, monkeypatch):
    """The way of a processor without the unit is open on every one, the other way where the processor has it."""
    monkeypatch.setattr(lstm, "quick_type", lambda device: min(quick, quick_type(device), key=len))
    exact, ids = tiny("lstm").eval(), torch.arange(8)[None]
    with torch.no_grad():
        right = exact(ids).logits
        with torch.autocast("cpu", torch.bfloat16):
            under_autocast = exact(ids).logits
        short = tiny("lstm").eval().bfloat16()(ids).logits
    for found in (under_autocast, short):
        assert found.dtype == torch.bfloat16
        assert 0 < (found.float() - right).abs().max() < 0.02 * right.abs().max()


def test_an_lstm_read_in_two_halves_is_an_lstm_read_at_once():
    model = tiny("lstm").eval()
    with torch.no_grad():
        first = model(input_ids=IDS[:, :3], use_cache=True)
        second = model(input_ids=IDS[:, 3:], past_key_values=first.past_key_values)
    assert torch.allclose(torch.cat([first.logits, second.logits], 1), logits(model, IDS), atol=1e-6)


def test_rotary_models_open_under_the_bridge(tokenizer):
    lm = watch("tiny", tiny("rotary", len(tokenizer)), tokenizer)
    ids = torch.tensor([[3, 14, 15, 9]])
    assert torch.allclose(lm.bridge(ids), logits(lm.model, ids), atol=1e-4)


def test_watching_a_model_in_training_sees_its_changes_and_leaves_it_in_training(tokenizer):
    model = tiny("rotary", len(tokenizer))
    lm = watch("in training", model, tokenizer)
    assert isinstance(lm, LanguageModel)
    assert model.training
    assert not lm.model.training
    before = next_token(lm, "The", top=3).values
    with torch.no_grad():
        model.lm_head.weight.mul_(3)
    assert not np.allclose(next_token(lm, "The", top=3).values, before)
    assert lm.model.generation_config.eos_token_id == tokenizer.eos_token_id
