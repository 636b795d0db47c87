"""Vocabularies: what is known comes back, also after saving; what cannot be is refused."""

import pytest
from transformers import AutoTokenizer

from labkit.core.errors import OptionError, TextError
from labkit.text import Corpus, Document, fit_tokenizer, tokenizer

TEXT = "The naïve cat sat on the mat.\n\nThe cat <|endoftext|> sat,  and\tsat. ▁ The cat sat on the mat.\n" * 3
KINDS = [("characters", 2048), ("bpe", 270), ("words", 100)]


@pytest.mark.parametrize("kind, size", KINDS)
def test_known_text_comes_back_also_after_saving(tmp_path, kind, size):
    fitted = fit_tokenizer(TEXT, kind, size)
    fitted.save_pretrained(tmp_path)
    for one in (fitted, AutoTokenizer.from_pretrained(tmp_path)):
        own = tokenizer(one)
        assert own.decode(own.encode(TEXT)) == TEXT
        assert (one.bos_token_id, one.eos_token_id, one.pad_token_id) == (0, 0, 0)
        assert 0 not in own.encode(TEXT), "a text must not smuggle in the end token"


def test_characters_are_tokens_in_order():
    fitted = fit_tokenizer("hello", "characters")
    assert fitted.get_vocab() == {"<|endoftext|>": 0, "<|unknown|>": 1, "e": 2, "h": 3, "l": 4, "o": 5}
    assert fitted("hex").input_ids == [3, 2, 1]


def test_pairs_have_exactly_the_size_and_know_every_byte():
    fitted = fit_tokenizer(TEXT, "bpe", 270)
    assert len(fitted) == 270
    assert fitted.decode(fitted("日本 🏳️‍🌈").input_ids) == "日本 🏳️‍🌈"


def test_words_are_the_most_frequent_ones_with_the_space_before_them():
    fitted = fit_tokenizer("a a a a b b c", "words", 4)
    assert set(fitted.get_vocab()) == {"<|endoftext|>", "<|unknown|>", " a", " b"}


def test_a_corpus_a_text_and_texts_in_turn_give_the_same():
    whole = fit_tokenizer(Corpus("x", (Document("1", "ab"), Document("2", "bc")))).get_vocab()
    assert whole == fit_tokenizer(iter(["ab", "bc"])).get_vocab() == fit_tokenizer("abbc").get_vocab()


def test_a_vocabulary_larger_than_the_corpus_supports_is_refused_with_the_largest():
    with pytest.raises(TextError, match=r"supports a vocabulary of 2\d\d tokens, not 2,048.*size=2\d\d"):
        fit_tokenizer(TEXT, "bpe")


@pytest.mark.parametrize(
    "kind, size, message",
    [
        ("letters", 10, "no kind of tokenizer 'letters'"),
        ("bpe", 256, "whole number of at least 257"),
        ("words", 2, "at least 3"),
        ("bpe", 300.0, "whole number"),
    ],
)
def test_what_makes_no_sense_is_refused(kind, size, message):
    with pytest.raises(OptionError, match=message):
        fit_tokenizer(TEXT, kind, size)


@pytest.mark.parametrize("kind", ["characters", "words"])
def test_no_text_gives_no_vocabulary(kind):
    with pytest.raises(TextError, match="holds no text"):
        fit_tokenizer("", kind)
