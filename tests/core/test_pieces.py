"""A token reads alike in every kind of vocabulary: spaces kept, bytes as ⟨b6⟩, line ends as ↵ wherever they stand."""

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from labkit.core.pieces import BYTES, Pieces, shown, visible
from labkit.text import tokenizer

BYTE_TOKENS = [f"<0x{byte:02X}>" for byte in range(256)]


def byte_level():
    vocabulary = {letter: number for number, letter in enumerate(BYTES.values())}
    backend = Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return backend


def sentence_piece():
    words = [*BYTE_TOKENS, "▁", "a", "b", ".", "▁a"]
    backend = Tokenizer(models.BPE({w: i for i, w in enumerate(words)}, [("▁", "a")], byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return backend


KINDS = {"bytes": byte_level, "sentencepiece": sentence_piece}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", [" a", "a b.\n", "漢 a\t", "\x07\u00b6"])
def test_the_pieces_of_a_text_joined_are_the_text(kind, text):
    backend = KINDS[kind]()
    pieces = Pieces(backend)
    assert b"".join(map(pieces, backend.encode(text).ids)).decode() == text


@pytest.mark.parametrize("kind", KINDS)
def test_a_byte_and_a_space_are_written_alike_in_every_vocabulary(kind):
    backend = KINDS[kind]()
    backend.add_special_tokens([AddedToken("<|end|>", special=True)])
    pieces, last = Pieces(backend), backend.get_vocab_size() - 1
    assert pieces.texts(backend.encode("漢").ids) == ("⟨e6⟩", "⟨bc⟩", "⟨a2⟩")
    assert [visible(pieces(i)) for i in backend.encode(" \n\t\x07").ids] == ["␣", "↵", "⇥", "␇"]
    assert "".join(visible(pieces(i)) for i in backend.encode(" a.\n").ids) == "␣a.↵"
    assert pieces.texts([last]) == ("<|end|>",)
    assert visible(pieces(last + 1)) == "⟨empty⟩"
    assert all(visible(pieces(i)).strip() for i in range(last))


def test_what_a_byte_vocabulary_cannot_have_written_is_taken_as_it_stands():
    backend = byte_level()
    backend.model = models.BPE({**backend.get_vocab(), "<漢>": 256}, [])
    assert Pieces(backend)(256) == "<漢>".encode()


def test_bytes_that_are_no_whole_character_are_shown_as_numbers():
    assert shown("é".encode()) == "é"
    assert shown(b" \xe2\x80") == " ⟨e2⟩⟨80⟩"
    assert shown(b"a\xffb") == "a⟨ff⟩b"


@pytest.mark.weights
def test_a_split_shows_half_characters_as_numbers():
    assert tokenizer("gpt2").split("日").tokens == ("⟨e6⟩⟨97⟩", "⟨a5⟩")
