"""Examples: the answer and its end are what counts; a prompt is on one side with all its answers."""

import numpy as np
import pytest

from labkit.text import Examples, world
from labkit.text.batches import IGNORED

WORDS = world("repeated", vocabulary=6, length=4).tokenizer
PROMPTS = tuple(f"{a} {b}" for a in range(6) for b in range(6)) * 2
ANSWERS = tuple("5 4 3"[: 1 + 2 * (number % 3)] for number in range(len(PROMPTS)))
WORSE = tuple("0" for _ in PROMPTS)


def said(targets):
    """The words that count."""
    return WORDS.decode(targets[targets != IGNORED])


@pytest.mark.parametrize("seq2seq", [False, True])
def test_what_counts_is_the_answer_and_its_end(seq2seq):
    data = Examples("few", WORDS, PROMPTS, ANSWERS, seq2seq=seq2seq, validation=0)
    rows = data.batch(0, batch=len(PROMPTS), context=12)
    found = [said(targets) for targets in rows.targets]
    assert sorted(found) == sorted(f"{answer} {WORDS.eos_token}" for answer in ANSWERS)
    for read, targets in zip(rows.inputs["input_ids"], rows.targets, strict=True):
        if not seq2seq:  # what is read there is what was said one place before
            at = np.flatnonzero(targets != IGNORED)
            assert np.array_equal(read[at[1:]], targets[at[:-1]]) and at[0] == 1
    if seq2seq:
        assert (rows.inputs["attention_mask"].sum(1) == 3).all()
        assert np.array_equal(rows.inputs["decoder_input_ids"][:, 1:][rows.targets[:, :-1] != IGNORED],
                              rows.targets[:, :-1][rows.targets[:, :-1] != IGNORED])  # fmt: skip


def test_of_two_answers_the_better_one_comes_first():
    rows = Examples("pairs", WORDS, PROMPTS, ANSWERS, WORSE).batch(0, batch=8, context=12)
    assert rows.targets.shape[:2] == rows.inputs["input_ids"].shape[:2] == (8, 2)
    assert all(said(worse) == f"0 {WORDS.eos_token}" for worse in rows.targets[:, 1])
    assert all(said(better) != f"0 {WORDS.eos_token}" for better in rows.targets[:, 0])


def test_a_prompt_is_on_one_side_and_an_epoch_takes_each_example_once():
    data = Examples("few", WORDS, PROMPTS, ANSWERS, validation=0.25)
    sides = {}
    for split, count in (("train", 54), ("validation", 18)):
        ids = data.batch(0, batch=count, context=12, split=split).inputs["input_ids"][:, :2]
        sides[split] = {tuple(row) for row in ids}
        assert len(ids) == 2 * len(sides[split]), "each prompt stands twice among the examples"
    assert not sides["train"] & sides["validation"]
