"""Introspection at its limits."""

import numpy as np
import pytest
import torch

from labkit.core.errors import OptionError, TextError
from labkit.hallucination.introspection import able, confidence_in, p_true, stated

from .conftest import asked, make_llama


class Alike:
    """A tokenizer that writes every word in the same way."""

    def __call__(self, text, **options):
        return {"input_ids": [7, 8]}


def test_words_that_are_written_alike_are_refused(lm):
    from dataclasses import replace

    told = replace(lm, model=make_llama(context=512), tokenizer=Alike())
    assert not able(told, asked("a?"), ["b"])
    with pytest.raises(TextError, match="same tokens"):
        p_true(told, asked("a?"), ["b"])


def test_a_model_without_room_is_not_asked_about_itself(lm):
    from labkit.hallucination import ask

    assert not able(lm, asked("a?"), ["b"])  # 256 bytes of context
    answers = ask(lm, asked("a?"), samples=0, max_tokens=2)
    assert answers.p_true is None and answers.hidden is not None
    with pytest.raises(OptionError, match="shorten the question"):
        ask(lm, asked("a?"), samples=0, max_tokens=2, look=("introspection",))


@pytest.mark.parametrize("push, expected", [(0.0, 0.5), (50.0, 1.0), (-50.0, 0.0)])
def test_p_true_follows_the_two_logits(lm, push, expected):
    from dataclasses import replace

    model = make_llama(context=512)
    head = torch.nn.Linear(32, 258)
    head.weight.data.zero_()
    head.bias.data.zero_()
    head.bias.data[ord("t")] = push
    model.lm_head = head
    told = replace(lm, model=model)
    got = p_true(told, asked("a?", "bc?"), ["b", "d"])
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize(
    "text, number", [(" 95", 0.95), ("0", 0.0), (" 7.5%", 0.075), (" 101", None), ("very", None), ("", None)]
)
def test_the_stated_number_is_read(text, number):
    got = confidence_in(text)
    assert np.isnan(got) if number is None else got == number


def test_what_is_stated_has_one_number_for_each(lm):
    from dataclasses import replace

    told = replace(lm, model=make_llama(context=512))
    said = stated(told, asked("a?", "b?"), ["x", "y"])
    assert said.shape == (2,) and (np.isnan(said) | ((said >= 0) & (said <= 1))).all()
