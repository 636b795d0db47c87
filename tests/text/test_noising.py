"""Noised text: as much is spoiled as was asked for, the rest stands, and what was taken out puts the text together."""

import numpy as np
import pytest

from labkit.text import Gaps, Masked, world
from labkit.text.batches import IGNORED

DATA = world("repeated", vocabulary=6, length=8)
ASKED = {"batch": 64, "context": 40}
TEXT = DATA.batch(0, **ASKED).ids[:, :-1]


def test_as_many_tokens_of_each_row_are_to_be_said_as_the_rate_tells_and_all_others_stand():
    data = Masked(DATA, rate=0.2)
    rows = data.batch(0, **ASKED)
    asked = rows.targets != IGNORED
    assert (asked.sum(1) == 8).all()
    assert np.array_equal(rows.targets[asked], TEXT[asked])
    assert np.array_equal(rows.inputs["input_ids"][~asked], TEXT[~asked])
    masked = (rows.inputs["input_ids"] == data.tokenizer.mask_token_id)[asked].mean()
    stands = (rows.inputs["input_ids"] == TEXT)[asked].mean()
    assert 0.74 < masked < 0.86 and 0.08 < stands < 0.2  # of 512; some swapped ones are the same by chance


@pytest.mark.parametrize("whole", [False, True])
def test_gaps_put_back_give_the_text(whole):
    data = Gaps(DATA, rate=0.3, whole=whole)
    rows = data.batch(0, **ASKED)
    end, start = data.tokenizer.eos_token_id, data.tokenizer.pad_token_id
    signs = set(data.tokenizer.convert_tokens_to_ids(data.new_tokens))
    for text, read, heard, said in zip(TEXT, *rows.inputs.values(), rows.targets, strict=True):
        assert read[-1] == said[-1] == end and heard[0] == start and np.array_equal(heard[1:], said[:-1])
        assert sum(token in signs for token in read) == 4  # 12 tokens in gaps of 3
        if whole:
            assert np.array_equal(said[:-1], text)
            continue
        lost, sign = {}, None
        for token in said[:-1]:
            sign = token if token in signs else sign
            lost.setdefault(sign, []).extend([] if token in signs else [token])
        back = [t for token in read[:-1] for t in (lost[token] if token in signs else [token])]
        assert np.array_equal(back, text)


@pytest.mark.parametrize("kind", [Masked, Gaps])
def test_a_batch_is_the_same_each_time_and_sides_and_numbers_differ(kind):
    data = kind(DATA)

    def ids(index, split="train"):
        return data.batch(index, split=split, **ASKED).inputs["input_ids"]

    assert np.array_equal(ids(3), ids(3))
    assert not np.array_equal(ids(3), ids(4)) and not np.array_equal(ids(3), ids(3, "validation"))


def test_new_tokens_have_ids_of_their_own_and_the_datas_tokenizer_stays():
    data = Gaps(DATA)
    assert data.vocab_size == DATA.vocab_size + 1 + data.most
    assert len(DATA.tokenizer) == DATA.vocab_size
    assert len({Masked(DATA).hash, Masked(DATA, rate=0.2).hash, data.hash, Gaps(DATA, whole=True).hash}) == 4
