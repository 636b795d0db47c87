"""The next token: the softmax of the model's logits, for any text that has one."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

import labkit as lab
from labkit.core.errors import ModelError, OptionError, TextError
from labkit.core.pieces import Pieces, visible
from labkit.models import walk
from labkit.models.prediction import next_probabilities


@pytest.fixture
def lm(tiny_folder):
    return lab.load(tiny_folder)


def test_bars_are_the_largest_of_the_models_softmax(lm):
    with torch.no_grad():
        ids = torch.tensor([lm.tokenizer("Once upon").input_ids])
        expected = lm.model(ids).logits[0, -1].double().softmax(-1).numpy()
    bars = lab.next_token(lm, "Once upon", top=5)
    assert np.allclose(bars.values, np.sort(expected)[::-1][:5])
    assert bars.labels == tuple(visible(Pieces(lm.tokenizer)(i)) for i in np.argsort(-expected, kind="stable")[:5])


def test_all_tokens_together_have_probability_one(lm):
    assert next_probabilities(lm, "Once").sum() == pytest.approx(1)
    assert lab.next_token(lm, "Once", top=lm.card.vocab).values.sum() == pytest.approx(1)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_broken_model_is_refused_by_whatever_asks_it(lm, broken):
    with torch.no_grad():
        lm.model.get_output_embeddings().weight[3] = broken
    for ask in (lab.next_token, walk, next_probabilities):
        with pytest.raises(ModelError, match="not finite; its weights or its number type are broken"):
            ask(lm, "Once")


def test_a_vocabulary_of_fewer_than_ten_tokens_is_shown_whole(lm, monkeypatch):
    small = replace(lm, card=replace(lm.card, vocab=7))
    assert len(lab.next_token(small, "Once").labels) == 7
    assert len(lab.next_token(lm, "Once").labels) == 10


@pytest.mark.parametrize("text, says", [
    (None, "NoneType"), ("ab\ud800", "character 2"), ("years 12 " * 10_000, "reads at most 64"),
])  # fmt: skip
def test_a_text_without_a_next_token_is_refused(lm, text, says):
    with pytest.raises(TextError, match=says):
        lab.next_token(lm, text)


def test_an_empty_text_is_the_start_token_where_there_is_one(lm):
    first = lab.next_token(lm, "", top=1)
    with torch.no_grad():
        expected = lm.model(torch.tensor([[lm.tokenizer.bos_token_id]])).logits[0, -1].double().softmax(-1)
    assert first.title == "What comes first" and first.values[0] == pytest.approx(float(expected.max()))
    without = copy.deepcopy(lm.tokenizer)
    without.bos_token = None
    with pytest.raises(TextError, match="empty and this tokenizer has no start token"):
        lab.next_token(replace(lm, tokenizer=without), "")


@pytest.mark.parametrize("text", ["a", "\x00\x07", "<script>alert(1)</script>", "漢字 😀", "   ", "\n"])
def test_odd_texts_have_a_next_token(lm, text):
    assert 0 < lab.next_token(lm, text, top=1).values[0] <= 1


@pytest.mark.parametrize("top", [0, -1, 10**9, 2.5, True, "3"])
def test_top_has_bounds(lm, top):
    with pytest.raises(OptionError, match="choose 1 to"):
        lab.next_token(lm, "Once", top=top)


def test_a_text_that_the_vocabulary_has_no_character_of_is_not_called_empty(lm):
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    letters = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE({"a": 0}, [])))
    narrow = replace(lm, tokenizer=letters)
    assert lab.next_token(narrow, "za", top=1).values[0] > 0
    with pytest.raises(TextError, match="none of the 2 characters"):
        lab.next_token(narrow, "zz")


def test_encoders_predict_no_next_token(tiny_bert_folder, tiny_t5_folder):
    for folder in (tiny_bert_folder, tiny_t5_folder):
        with pytest.raises(ModelError, match="predicts no next token"):
            lab.next_token(lab.load(folder), "Once")


def test_walking_gives_the_tokens_of_greedy_generation(lm):
    ids = torch.tensor([lm.tokenizer("Once upon").input_ids])
    expected = lm.model.generate(ids, max_new_tokens=20, do_sample=False)[0]
    steps = walk(lm, "Once upon", tokens=20)
    assert steps["text so far"][-1] == lm.tokenizer.decode(expected)
    assert steps["token"] == [visible(Pieces(lm.tokenizer)(int(i))) for i in expected[ids.shape[1] :]]


def test_each_step_of_a_walk_is_the_best_of_its_own_distribution(lm):
    steps, text = walk(lm, "The bank", tokens=3), "The bank"
    for token, p, beat, less, so_far in steps.rows:
        bars = lab.next_token(lm, text, top=2)
        assert bars.labels == (token, beat)
        assert np.allclose(bars.values, [p, less], atol=1e-6)
        text = so_far


def test_a_walk_ends_where_the_context_or_the_text_ends(lm, monkeypatch):
    prompt = "Once upon a time " * 5
    room = 64 - len(lm.tokenizer(prompt).input_ids)
    assert len(walk(lm, prompt, tokens=10**6)) == room
    assert len(walk(lm, prompt, tokens=0)) == 0
    first = lm.tokenizer(walk(lm, prompt, tokens=1)["text so far"][0]).input_ids[-1]
    monkeypatch.setattr(lm.model.generation_config, "eos_token_id", first)
    assert len(walk(lm, prompt, tokens=5)) == 1
    with pytest.raises(OptionError, match="0 or more"):
        walk(lm, prompt, tokens=-1)
    with pytest.raises(OptionError, match="whole number"):
        walk(lm, prompt, tokens=1.5)
