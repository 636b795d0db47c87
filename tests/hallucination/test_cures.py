"""Cures: right, refused and wrong add up; a threshold keeps its risk; the fact that is found is the fact that fits."""

from dataclasses import replace

import numpy as np
import pytest

from labkit.core.errors import OptionError, ShapeError, TextError
from labkit.hallucination import Answers, Question, questions
from labkit.hallucination.context import KNOWLEDGE, conflict, false_facts
from labkit.hallucination.cures import (
    FactTable,
    Judged,
    as_sentence,
    asked_twice,
    below,
    gain,
    plain,
    refuse,
    sampled,
    statement,
    threshold_for,
    told,
    told_plainly,
    with_facts,
)


def said(*rows, samples=()):
    """Answers as if a model had given them: (question's text, right answer, what was said)."""
    asked = tuple(Question(text, answer, "capitals", text) for text, answer, _ in rows)
    texts = tuple(text for _, _, text in rows)
    drawn = tuple((s,) for s in (samples or texts))
    n = len(rows)
    logprobs = tuple(np.log([0.1 + 0.8 * i / n]) for i in range(n))
    return Answers(
        "model", asked, ("",) * n, texts, tuple((t,) for t in texts), ((1,),) * n, logprobs, logprobs, logprobs, drawn,
        np.zeros((n, 1)), np.ones((n, 1), int),
    )  # fmt: skip


FOUR = (("a?", "Rome", "Rome"), ("b?", "Oslo", "Rome"), ("c?", "Lima", "I do not know"), ("d?", "Bern", "Bern"))


def test_each_answer_is_right_refused_or_wrong():
    outcome = plain(said(*FOUR))
    assert outcome.shares == (0.5, 0.25, 0.25)
    assert (outcome.right.astype(int) + outcome.refused + outcome.wrong == 1).all()


def test_asked_twice_it_answers_only_where_it_says_the_same():
    outcome = asked_twice(said(*FOUR, samples=("rome!", "Oslo", "I do not know", "Basel")))
    assert outcome.right.tolist() == [True, False, False, False]
    assert outcome.refused.tolist() == [False, True, True, True]


def test_a_sample_is_judged_like_an_answer():
    outcome = sampled(said(*FOUR, samples=("Rome", "Oslo", "Lima", "nobody knows")))
    assert outcome.shares == (0.75, 0.25, 0.0)
    with pytest.raises(OptionError, match="sample 1 was not drawn"):
        sampled(said(*FOUR), 1)


@pytest.mark.parametrize("risk", [0.0, 0.1, 0.3, 0.5, 1.0])
def test_a_threshold_keeps_its_risk_and_is_the_highest_that_does(risk):
    rng = np.random.default_rng(0)
    wrong = rng.random(60) < 0.5
    doubt = np.round(wrong * 0.4 + rng.random(60), 1)  # with ties
    limit = threshold_for(wrong, doubt, risk)
    passed = doubt <= limit
    if passed.any():
        assert wrong[passed].mean() <= risk
    for higher in np.unique(doubt[doubt > limit]):
        assert wrong[doubt <= higher].mean() > risk


def test_a_threshold_that_cannot_be_met_lets_nothing_through():
    limit = threshold_for([True, False], [0.0, 1.0], 0.1)
    assert limit == -np.inf
    assert plain(said(*FOUR)).wrong.any()
    assert below(said(*FOUR), np.zeros(4), limit).shares == (0.0, 1.0, 0.0)
    assert below(said(*FOUR), np.zeros(4), np.inf).shares == plain(said(*FOUR)).shares


def test_refusing_never_adds_a_right_or_a_wrong_answer():
    rows = [(f"q{i}?", "Rome", "Rome" if i % 3 else "Oslo") for i in range(30)]
    answers = said(*rows)
    outcome = refuse(answers, np.random.default_rng(1).random(30), risk=0.3)
    assert (outcome.right <= plain(answers).right).all()
    assert (outcome.wrong <= plain(answers).wrong).all()


def test_a_question_and_its_answer_become_a_sentence():
    capital, president = questions("capitals", n=1)[0], questions("presidents", n=1)[0]
    assert statement(capital).startswith("The capital of ")
    assert statement(capital).endswith(f" is {capital.answer}.")
    assert statement(president).startswith(f"{president.answer} gave the State of the Union address in ")
    assert statement(capital, "Nowhere").endswith(" is Nowhere.")


def test_a_fact_stands_before_the_question_as_in_the_examples():
    capital = questions("capitals", n=1)[0]
    for put in (told, told_plainly):
        new = put(capital, "Hear.")
        assert new.prompt.endswith(f"Hear.\nQuestion: {capital.text}\nAnswer:")
        assert new.prompt.startswith(new.shared)
        assert new.shared
        assert (new.text, new.answer) == (capital.text, capital.answer)
    assert "The capital of Italy is Rome.\nQuestion" in told(capital, "Hear.").prompt
    assert told(replace(capital, prompt="Kenya's capital is"), "Hear.").prompt == "Hear. Kenya's capital is"


def test_a_question_becomes_a_sentence_without_its_end():
    capital = Question("What is the capital of Luxembourg?", "Luxembourg", "capitals", "Luxembourg")
    assert as_sentence(capital).prompt == "The capital of Luxembourg is"
    with pytest.raises(OptionError, match="ends with its answer"):
        as_sentence(questions("presidents", n=1)[0])


def test_contradicting_facts_are_refused():
    with pytest.raises(TextError, match="contradict"):
        FactTable.of([Question("What is x?", "1", "t", "x"), Question("What is x now?", "2", "t", "x")])
    with pytest.raises(TextError, match="no fact"):
        FactTable.of([Question("What is x?", "", "t", "x", kind="refusal")])


@pytest.mark.weights
def test_the_nearest_statement_is_the_one_about_the_question():
    asked = questions("capitals", n=40) + questions("symbols", n=20)
    table = FactTable.of(asked)
    found = with_facts(asked, table)
    right = [f"{statement(old)}\n" in new.prompt for new, old in zip(found, asked, strict=True)]
    assert np.mean(right) >= 0.9
    assert all(new.answer == old.answer for new, old in zip(found, asked, strict=True))


def test_a_false_fact_is_false_and_of_the_same_kind():
    asked = questions("capitals", n=30)
    for (new, lie), old in zip(false_facts(asked, seed=2), asked, strict=True):
        assert lie != old.answer
        assert lie in {q.answer for q in asked}
        assert f"\n{statement(old, lie)}\n" in new.prompt
    assert false_facts(asked, seed=2) == false_facts(asked, seed=2)
    with pytest.raises(OptionError, match="one answer"):
        false_facts(asked[:1])


def test_a_conflict_counts_who_follows_and_who_remembers():
    before = said(*FOUR)
    after = said(("a?", "Rome", "Oslo"), ("b?", "Oslo", "Lima"), ("c?", "Lima", "Cairo"), ("d?", "Bern", "Bern"))
    found = conflict(before, after, ["Oslo", "Lima", "Rome", "Rome"])
    assert [found[name]["follows the prompt"].tolist() for name in KNOWLEDGE] == [[True, False], [True], [False]]
    assert [found[name]["says the truth"].tolist() for name in KNOWLEDGE] == [[False, False], [False], [True]]
    with pytest.raises(OptionError, match="1 false answers"):
        conflict(before, after, ["x"])


def test_shapes_and_empties_are_refused():
    with pytest.raises(ShapeError):
        below(said(*FOUR), np.zeros(3), 0.0)
    with pytest.raises(OptionError, match="risk=2"):
        threshold_for([True, False], [0, 1], 2)


def test_whether_right_can_be_told_from_wrong_is_said_with_numbers():
    assert said(*FOUR).one_sided() == ""
    alone = said(FOUR[1], FOUR[2]).one_sided()
    assert alone.startswith("0 of 2 answers are right") and "2 or more of each kind" in alone
    assert said(FOUR[0], FOUR[1], FOUR[3]).one_sided().startswith("1 of 3 answers is wrong")
    assert said(FOUR[0], FOUR[0], FOUR[1], FOUR[2]).one_sided().startswith("2 of 4 answers are right")  # one entity


def test_refusing_at_random_gains_nothing_and_refusing_what_is_wrong_does():
    rng = np.random.default_rng(0)
    right, refused = rng.random(400) < 0.4, rng.random(400) < 0.5
    before = Judged(right, np.zeros(400, bool))
    luck, sense = gain(Judged(right & ~refused, refused), before), gain(Judged(right, ~right & refused), before)
    assert luck.low < 0 < luck.high and abs(luck.value) < 0.1
    assert sense.low > 0.1
    with pytest.raises(OptionError, match="all 400 questions are refused"):
        gain(Judged(right & False, ~right | right), before)
