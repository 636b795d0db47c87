"""Asking: the samples are those of `sample`, company changes nothing, and what cannot be asked is refused."""

import numpy as np
import pytest

from labkit.core.errors import OptionError, TextError
from labkit.hallucination import Question, ask, prompt_of
from labkit.sampling import sample

from .conftest import asked, make_llama

TEXTS = ("alpha beta", "alpha bets", "gamma d", "alphabetic")


def test_the_samples_are_those_of_sample(lm):
    answers = ask(lm, asked(*TEXTS, stop="é"), samples=3, max_tokens=6, seed=4, look=())
    drawn = sample(lm, list(TEXTS), n=3, max_tokens=6, seed=4)
    texts = [t.strip() for t in drawn.texts]
    assert [t for row in answers.samples for t in row] == texts
    sums = np.array([lp.sum() for lp in drawn.logprobs]).reshape(len(TEXTS), 3)
    np.testing.assert_allclose(answers.sample_logprobs, sums, atol=1e-3)


def test_a_temperature_is_that_of_sample(lm):
    answers = ask(lm, asked(*TEXTS, stop="é"), samples=3, temperature=0.5, max_tokens=6, look=())
    drawn = sample(lm, list(TEXTS), n=3, temperature=0.5, max_tokens=6)
    assert [t for row in answers.samples for t in row] == [t.strip() for t in drawn.texts]


def test_the_greedy_answer_is_that_of_sample(lm):
    answers = ask(lm, asked(*TEXTS, stop="é"), samples=0, max_tokens=6, look=())
    drawn = sample(lm, list(TEXTS), temperature=0, max_tokens=6)
    assert list(answers.texts) == [t.strip() for t in drawn.texts]
    for ours, theirs, ids, entropies, also in zip(
        answers.logprobs, drawn.logprobs, answers.ids, answers.entropies, drawn.entropies, strict=True
    ):
        np.testing.assert_allclose(ours, theirs[: len(ids)], atol=1e-4)
        np.testing.assert_allclose(entropies, also[: len(ids)], atol=1e-4)


@pytest.mark.parametrize("texts", [TEXTS, [f"shots: one two. Now {end}" for end in ("a", "b", "cd")]])
@pytest.mark.parametrize("model", ["lm", "gpt2"])
def test_a_question_alone_gets_the_same_answers(model, texts, request):
    one = request.getfixturevalue(model)
    together = ask(one, asked(*texts), samples=4, max_tokens=5, look=())
    alone = [ask(one, asked(text), samples=4, max_tokens=5, look=()) for text in texts]
    assert together.samples == tuple(a.samples[0] for a in alone)
    assert together.texts == tuple(a.texts[0] for a in alone)


def test_an_answer_ends_where_it_should(lm):
    whole = ask(lm, asked("alpha", stop="é"), samples=6, max_tokens=8, look=())
    letter = next(c for text in whole.samples[0] for c in text[1:] if c.strip() and c.isascii())
    cut = ask(lm, asked("alpha", stop=letter), samples=6, max_tokens=8, look=())
    assert [text.split(letter)[0].strip() for text in whole.samples[0]] == list(cut.samples[0])


def test_margins_are_those_of_the_two_best(lm):
    import torch

    answers = ask(lm, asked("alpha"), samples=0, max_tokens=1, look=())
    with torch.inference_mode():
        best = lm.model(torch.tensor([lm.tokenizer("alpha")["input_ids"]])).logits[0, -1].topk(2).values
    assert answers.margins[0][0] == pytest.approx(float(best[0] - best[1]), abs=1e-4)


def test_the_prompt_opens_with_two_examples():
    prompt = prompt_of(Question("What is the capital of Peru?", "Lima", "capitals", "Peru"))
    assert prompt.count("Question:") == 3
    assert prompt.endswith("Question: What is the capital of Peru?\nAnswer:")


def test_answers_can_be_chosen(lm):
    answers = ask(lm, asked(*TEXTS), samples=2, max_tokens=3)
    assert answers[[2, 0]].texts == (answers.texts[2], answers.texts[0])
    assert len(answers[np.array([True, False, False, True])]) == 2
    assert answers[1:].hidden is not None and len(answers[1:].hidden) == 3
    assert len(answers.topic("bytes")) == 4
    with pytest.raises(OptionError, match="only about bytes"):
        answers.topic("capitals")


def test_an_answer_is_shown_with_its_probabilities(lm):
    answers = ask(lm, asked("alpha <script>"), samples=0, max_tokens=3, look=())
    strip = answers.strip(0)
    assert strip.tokens == answers.tokens[0]
    np.testing.assert_allclose(strip.values, np.exp(answers.logprobs[0]))
    assert strip.title == "alpha <script>"


@pytest.mark.parametrize(
    "options, says",
    [
        ({"samples": -1}, "samples=-1 is too small"),
        ({"temperature": -1}, "temperature=-1 is out of its range"),
        ({"max_tokens": 0}, "max_tokens=0 is too small"),
        ({"look": ("stats",)}, "did you mean 'states'"),
    ],
)
def test_what_cannot_be_asked_is_refused(lm, options, says):
    with pytest.raises(OptionError, match=says):
        ask(lm, asked("alpha"), **options)


def test_no_question_is_refused(lm):
    with pytest.raises(OptionError, match="no question was given"):
        ask(lm, ())


def test_a_question_longer_than_the_context_is_refused(lm):
    with pytest.raises(OptionError, match=r"prompt has 300 tokens.* context of tiny, 256; shorten"):
        ask(lm, asked("a" * 300), look=())


def test_weights_that_give_no_numbers_are_refused(lm):
    from labkit.core.errors import ModelError

    lm.model.lm_head.weight.data.fill_(float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        ask(lm, asked("alpha"), look=())


def test_a_model_without_a_chat_template_is_asked(lm):
    assert lm.tokenizer.chat_template is None
    assert len(ask(lm, asked("alpha"), samples=2, max_tokens=3)) == 1


def test_questions_in_another_script_are_asked(lm):
    answers = ask(lm, asked("Столица Франции", "法国的首都"), samples=2, max_tokens=4)
    assert len(answers) == 2 and answers.hidden is not None


def test_a_question_must_have_text_and_answer():
    with pytest.raises(TextError, match="has no text"):
        Question(" ", "x")
    with pytest.raises(TextError, match="has no answer"):
        Question("Who?", "")
    with pytest.raises(OptionError, match="did you mean 'number'"):
        Question("How many?", "3", kind="numbr")


def test_a_random_model_speaks_differently():
    import torch

    from labkit.hallucination.states import random_twin

    model = make_llama()
    twin = random_twin(model)
    assert [p.shape for p in twin.parameters()] == [p.shape for p in model.parameters()]
    assert not torch.equal(twin.lm_head.weight, model.lm_head.weight)
