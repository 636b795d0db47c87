"""Splits: nothing on both sides, nothing lost, blocks that end where paragraphs do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.errors import OptionError, TextError
from labkit.text import Corpus, Document, corpus, split
from labkit.text.splits import units


def of(*texts, name="made"):
    return Corpus(name, tuple(Document(str(i), text) for i, text in enumerate(texts)))


TEXTS = st.lists(st.text("ab é\n", min_size=1, max_size=30), min_size=2, max_size=30)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.floats(0, 1), st.integers(0, 5))
def test_no_text_is_on_both_sides_and_none_is_lost(texts, share, seed):
    try:
        train, held = split(of(*texts), validation=share, seed=seed)
    except TextError as error:
        assert "one paragraph" in str(error)
        return
    mine, theirs = ({document.text for document in side} for side in (train, held))
    assert not mine & theirs
    assert sorted("".join(d.text for side in (train, held) for d in side)) == sorted("".join(texts))


def test_copies_of_a_document_stay_together():
    texts = [f"speech {i} " * 20 for i in range(20)]
    for seed in range(5):
        train, held = split(of(*texts, *texts), validation=0.3, seed=seed)
        assert len(held) % 2 == 0 and not {d.text for d in held} & {d.text for d in train}


def test_documents_stay_whole_where_they_are_many():
    train, held = split(corpus("sotu"))
    whole = {d.text for d in corpus("sotu")}
    assert {d.text for d in train} | {d.text for d in held} == whole
    share = sum(len(d.text) for d in held) / sum(len(d.text) for d in corpus("sotu"))
    assert share == pytest.approx(0.1, abs=0.02)
    assert all(d.year and d.author for d in held)


def test_one_long_document_is_cut_at_paragraph_ends():
    text = "\n\n".join(f"Paragraph {i} says one thing or two." for i in range(400))
    train, held = split(of(text), validation=0.2)
    blocks = [*train, *held]
    assert len(blocks) > 10 and sum(len(d.text) for d in held) / len(text) == pytest.approx(0.2, abs=0.03)
    assert all(d.text.startswith("Paragraph") and d.text in text for d in blocks)
    assert sorted(text.index(d.text) for d in blocks)[0] == 0


def test_a_seed_changes_the_choice_and_the_same_seed_does_not():
    texts = [f"text number {i}" for i in range(50)]
    first, again, other = (split(of(*texts), seed=seed)[1] for seed in (0, 0, 1))
    assert first == again and first != other


def test_a_share_that_is_none_and_a_text_that_cannot_be_cut_are_refused():
    with pytest.raises(OptionError, match="from 0 to 1, but is 1"):
        split(of("a", "b"), validation=1.5)
    with pytest.raises(TextError, match=r"one paragraph.*add other text$"):
        split(of("x"))
    assert [len(side) for side in split(of("x"), validation=0)] == [1, 0]
    assert [len(side) for side in split(of("x"), validation=1)] == [0, 1]


def test_blocks_never_cut_a_character():
    blocks = units(of("é" * 5000), share=0.1)
    assert len(blocks) > 10 and "".join(unit.text for unit in blocks) == "é" * 5000
