"""Tokenizers of real models: what each promises, oracles beside them, and input that nobody wants."""

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers, trainers

from labkit.core.errors import TextError
from labkit.text import Tokenizer, names, random_strings, round_trip, title, tokenizer

BYTEWISE = ("gpt2", "cl100k", "o200k", "deepseek", "tekken")
SIZES = {
    "gpt2": 50257, "cl100k": 100277, "o200k": 200019, "claude": 65000, "deepseek": 129280, "mistral-v1": 32000,
    "tekken": 131072, "qwen": 151646, "bert": 30522,
}  # fmt: skip
ODD = {
    "empty": "", "one character": "a", "a space": " ", "control characters": "\x00\x01\x07\x1b[31m\x7f",
    "a script": "<script>alert(1)</script>", "special tokens": "<|endoftext|><s>[CLS]<|im_start|>",
    "right to left": "\u202eabc\u202c שלום", "a family": "👨‍👩‍👧‍👦", "loose accents": "\u0301\u0301a",
}  # fmt: skip
LONG = {
    "one letter": "a" * 100_000, "spaces": " " * 100_000, "signs": "^" * 100_000, "words": "word " * 20_000,
    "lines": "\n" * 100_000, "emoji": "🙂" * 25_000, "no spaces": "日本語" * 33_334, "digits": "1" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("name", names())
def test_every_named_tokenizer_keeps_the_protocol(name):
    tok = tokenizer(name)
    assert isinstance(tok, Tokenizer)
    assert tok.name == name
    assert tok.vocab_size == SIZES[name]
    assert title(name) != name


@pytest.mark.parametrize("name", BYTEWISE)
def test_tokenizers_on_bytes_give_back_every_string(name):
    assert round_trip(tokenizer(name), random_strings(2000, seed=7)).changed == ()


@pytest.mark.parametrize("name", BYTEWISE)
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_pieces_of_a_split_are_the_bytes_of_the_text(name, text):
    tok = tokenizer(name)
    assert b"".join(tok.pieces(tok.encode(text))) == text.encode()


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_texts_are_split_and_ids_lie_in_the_vocabulary(name, text):
    split = tokenizer(name).split(text)
    assert all(0 <= i < SIZES[name] for i in split.ids)
    assert split.text == text
    assert (len(split) == 0) == (text == "") or name == "bert"  # which drops spaces and control characters


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("kind", LONG)
def test_a_hundred_thousand_characters_are_split(name, kind):
    split = tokenizer(name).split(LONG[kind])
    assert split.note == "" or name not in BYTEWISE


@pytest.mark.parametrize("name", names())
def test_half_a_character_is_refused_with_its_place_and_a_remedy(name):
    with pytest.raises(TextError, match=r"character 2 .* U\+D800.*surrogatepass"):
        tokenizer(name).split("ab\ud800c")


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("thing", [b"bytes", None, 7, ["a"]])
def test_what_is_no_text_is_refused(name, thing):
    with pytest.raises(TextError, match="must be a str"):
        tokenizer(name).encode(thing)


@pytest.mark.parametrize("name", names())
def test_ids_outside_the_vocabulary_are_refused_with_its_size(name):
    for wrong in (-1, SIZES[name]):
        with pytest.raises(TextError, match=f"0 to {SIZES[name] - 1}"):
            tokenizer(name).decode([wrong])


def test_a_text_cannot_smuggle_a_special_token_in():
    for name in names():
        tok = tokenizer(name)
        for special in ("<|endoftext|>", "<EOT>", "<s>", "[CLS]", "<｜end▁of▁sentence｜>"):
            assert len(tok.encode(special)) > 1, (name, special)


def test_an_unknown_name_offers_the_closest():
    with pytest.raises(TextError, match="did you mean 'gpt2'"):
        tokenizer("gtp2")
    with pytest.raises(TextError, match="cannot be opened"):
        tokenizer(object())


@pytest.mark.parametrize("name, theirs", [("gpt2", "gpt2"), ("cl100k", "cl100k_base"), ("o200k", "o200k_base")])
def test_patterns_and_special_tokens_are_those_of_tiktoken(monkeypatch, name, theirs):
    """tiktoken's own recipes, without the files that they would download."""
    from tiktoken_ext import openai_public

    from labkit.text.families import _catalog

    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", lambda *a, **k: {})
    monkeypatch.setattr(openai_public, "data_gym_to_mergeable_bpe_ranks", lambda **k: {})
    recipe, facts = openai_public.ENCODING_CONSTRUCTORS[theirs](), _catalog()[name]
    assert facts["pattern"] == recipe["pat_str"]
    assert facts["specials"] == recipe["special_tokens"]


def small_backend(text: str, decoder) -> Backend:
    backend = Backend(models.BPE(unk_token=None))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoder
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, show_progress=False, initial_alphabet=alphabet,
                                  special_tokens=["<end>"])  # fmt: skip
    backend.train_from_iterator([text], trainer)
    return backend


def test_a_tokenizer_of_the_library_is_copied_not_changed():
    backend = small_backend("the cat and the hat " * 50, decoders.ByteLevel())
    backend.enable_truncation(max_length=2)
    tok = tokenizer(backend)
    text = "the cat <end> naïve"
    assert tok.decode(tok.encode(text)) == text
    assert len(tok.encode(text)) > 2 and len(backend.encode(text).ids) == 2
    assert len(tok.encode("<end>")) > 1 and tok.pieces([0]) == [b"<end>"]


def test_a_model_lends_its_tokenizer():
    class Model:
        name = "mine"
        tokenizer = small_backend("low lower lowest " * 50, decoders.ByteLevel())

    tok = tokenizer(Model())
    assert tok.name == "mine" and tok.decode(tok.encode("lowest")) == "lowest"
    assert tokenizer(tok) is tok


def test_what_a_tokenizer_loses_is_said():
    assert tokenizer("bert").split("Ünïque 🙂").note == "does not give this text back exactly"
    assert tokenizer("o200k").split("Ünïque 🙂").note == ""
    assert "space" in tokenizer("mistral-v1").split("Hello").note
    assert tokenizer("qwen").decode(tokenizer("qwen").encode("e\u0301")) == "é"
    assert tokenizer("claude").decode(tokenizer("claude").encode("ﬁ①")) == "fi1"
