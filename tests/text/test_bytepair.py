"""Byte-pair encoding: its laws, and the tokenizers library as the oracle."""

import json
import random
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers, trainers

from labkit.core.errors import OptionError, TextError
from labkit.text import BytePair, corpus, merge_table, train
from labkit.text.bytepair import BYTES, chunks_of, join

TEXT = "low low low low low lower lower newest newest newest newest newest newest widest widest widest. " * 3


def written(piece: bytes) -> str:
    return "".join(BYTES[b] for b in piece)


def library(text: str, merges: int, least: int = 2):
    """(merges, tokenizer) of the tokenizers library."""
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=256 + merges, min_frequency=least, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())  # fmt: skip
    backend.train_from_iterator([text], trainer)
    return [tuple(pair) for pair in json.loads(backend.to_str())["model"]["merges"]], backend


def ours(text: str, merges: int, least: int = 2) -> list[tuple[str, str]]:
    return [(written(m.left), written(m.right)) for m in train(text, merges=merges, least=least)]


def test_merges_of_the_speeches_are_those_of_the_library_and_so_are_the_splits():
    text = corpus("sotu", since=2010).text
    expected, backend = library(text, 1500)
    learned = tuple(train(text, merges=1500))
    assert [(written(m.left), written(m.right)) for m in learned] == expected
    assert BytePair(learned).encode(text) == backend.encode(text).ids


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab c", min_size=1, max_size=200), st.sampled_from([1, 2, 3]))
def test_merges_are_those_of_the_library_when_nearly_all_pairs_tie(text, least):
    assert ours(text, 40, least) == library(text, 40, least)[0]


@pytest.mark.parametrize("seed", range(5))
def test_merges_are_those_of_the_library_on_any_characters(seed):
    draw = random.Random(seed)
    text = "".join(draw.choice("aé日🙂 \n\t'1s") for _ in range(800))
    assert ours(text, 60) == library(text, 60)[0]


def test_each_count_is_what_a_fresh_count_gives():
    learned: list = []
    for merge in train(TEXT, merges=30):
        before = BytePair(tuple(learned))
        pair = (merge.left, merge.right)
        pieces = [before.pieces(before._encode_chunk(chunk)) for chunk in chunks_of(TEXT)]
        seen = [p for word in pieces for p in pairwise(word)]
        assert merge.count == seen.count(pair) == max(map(seen.count, set(seen)))
        learned.append(merge)
        assert merge.tokens == len(BytePair(tuple(learned)).encode(TEXT))


@given(st.text(max_size=80))
def test_what_was_cut_comes_back(text):
    tok = BytePair(MERGES)
    assert tok.decode(tok.encode(text)) == text
    assert b"".join(tok.pieces(tok.encode(text))) == text.encode()


MERGES = tuple(train(TEXT, merges=25))


def test_no_merges_means_one_token_for_each_byte():
    assert BytePair().encode("aé") == [ord("a") - ord("!"), *BytePair().encode("é")]
    assert len(BytePair().encode("aé日")) == 1 + 2 + 3
    assert BytePair().vocab_size == 256


def test_more_merges_never_make_the_training_text_longer():
    sizes = [merge.tokens for merge in MERGES]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] < len(TEXT.encode())


def test_joining_goes_from_left_to_right():
    assert join([1, 1, 1], (1, 1), 9) == [9, 1]
    assert join([1, 2, 1, 2, 3], (1, 2), 9) == [9, 9, 3]
    assert join([], (1, 2), 9) == []


def test_no_merge_crosses_a_word():
    assert not any(re.search(rb"\S\s", merge.joined) for merge in train(TEXT * 4, merges=200))


def test_training_stops_when_no_pair_is_left_or_frequent_enough():
    assert list(train("")) == list(train("a")) == list(train("abc")) == []
    assert [m.joined for m in train("ab ab", least=1)] == [b"ab", b" ab"]


def test_a_table_of_merges_counts_from_one():
    table = merge_table(MERGES[:3])
    assert table["merge"] == [1, 2, 3] and table["new token"][0] == table["left"][0] + table["right"][0]


def test_what_cannot_be_learned_from_is_refused():
    with pytest.raises(OptionError, match="at least 1"):
        list(train("text", merges=0))
    with pytest.raises(TextError, match="surrogate"):
        list(train("a\ud800"))
    with pytest.raises(TextError, match="0 to 255"):
        BytePair().decode([256])
