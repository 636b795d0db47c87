"""Datasets: tokens on disk that are the text, cached, mapped, and refused where there is nothing to learn from."""

import os
import random
from contextlib import nullcontext

import numpy as np
import pytest

from labkit.core.errors import OptionError, TextError
from labkit.text import Corpus, Document, corpus, dataset, datasets, fit_tokenizer, tokenizer
from labkit.text.datasets import encoder
from labkit.training.loss import bits_per_byte

WORDS = "the cat and the dog see a naïve bird in that old tree"
TEXT = "\n\n".join(f"{WORDS} {i % 7} times, {WORDS[::-1]}." for i in range(200))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def made():
    draw = random.Random(0)
    texts = ("A tale. " + " ".join(draw.sample(WORDS.split(), 12) * 3) + "\n\nIts end." for _ in range(40))
    return Corpus("made", tuple(Document(str(i), text) for i, text in enumerate(texts)))


@pytest.mark.parametrize("kind, size", [("characters", 3), ("bpe", 280), ("words", 80)])
def test_tokens_are_the_text_with_a_mark_before_each_document(made, kind, size):
    data = dataset(made, tokenizer=kind, size=size)
    texts = {d.title: d.text for d in made}
    for side in ("train", "validation"):
        for title, (start, stop) in zip(data.titles(side), data.documents(side), strict=True):
            ids = data.tokens(side)[start:stop]
            assert ids[0] == data.tokenizer.bos_token_id
            assert data.tokenizer.decode(ids[1:]) == texts.pop(title)
    assert not texts
    assert data.vocab_size == len(data.tokenizer) > max(data.tokens("train"))


def test_bytes_per_token_counts_bytes(made):
    data = dataset(made)
    sizes = {d.title: len(d.text.encode()) for d in made}
    for side in ("train", "validation"):
        expected = sum(sizes[title] for title in data.titles(side)) / len(data.tokens(side))
        assert data.bytes_per_token(side) == pytest.approx(expected)


def test_bytes_that_no_token_says_are_counted(made):
    for kind, size in (("characters", 3), ("words", 8), ("words", 10_000)):
        data = dataset(made, tokenizer=kind, size=size)
        for side in ("train", "validation"):
            ids, unknown = data.tokens(side), data.tokenizer.unk_token_id
            said = sum(len(data.tokenizer.decode([i]).encode()) for i in ids if i > unknown)
            whole = data.bytes_per_token(side) * len(ids)
            assert data.lost_share(side) == pytest.approx(1 - said / whole)
    assert dataset(made, tokenizer="bpe", size=280).lost_share() == 0


def test_a_vocabulary_that_lacks_most_words_gains_nothing_by_it(made):
    """Each tokenizer with the best that a model without context can do: its own frequencies."""

    def cost(kind: str, size: int) -> float:
        data = dataset(made, tokenizer=kind, size=size)
        counts = np.unique(data.tokens("validation"), return_counts=True)[1]
        shares = counts / counts.sum()
        return bits_per_byte(float(-(shares * np.log(shares)).sum()), data)

    few, characters, words = cost("words", 8), cost("characters", 3), cost("words", 10_000)
    assert few > characters > words


def test_batches_are_windows_of_the_tokens_the_same_every_time(made):
    data = dataset(made)
    row = data.tokens("train").astype(np.int64)
    one, again, other, held = (
        data.batch(3, batch=5, context=20, seed=seed, split=side).ids
        for seed, side in ((0, "train"), (0, "train"), (1, "train"), (0, "validation"))
    )
    assert one.shape == (5, 21) and one.dtype == np.int64 and (one == again).all() and (one != other).any()
    every = np.lib.stride_tricks.sliding_window_view(row, 21)
    assert all((every == window).all(1).any() for window in one)
    assert held.shape == (5, 21)


def test_it_is_tokenised_once_and_read_through_a_map(made, monkeypatch):
    first = dataset(made)
    monkeypatch.setattr("labkit.text.datasets._make", lambda *_: pytest.fail("tokenised a second time"))
    again = dataset(Corpus("another name", made.documents))
    assert again.hash == first.hash and isinstance(again.tokens(), np.memmap) and again.name == "another name"


def test_what_was_not_used_for_longest_goes_when_there_is_too_much(made, monkeypatch):
    first, second = dataset(made), dataset(made, seed=1)
    os.utime(first.folder, (1e9, 1e9))
    os.utime(second.folder, (1e9 + 1, 1e9 + 1))
    dataset(made)  # used again: now the second one is the oldest
    monkeypatch.setattr(datasets, "MOST", sum(path.stat().st_size for path in first.folder.iterdir()) + 10)
    third = dataset(made, seed=2)
    assert first.folder.exists() and not second.folder.exists() and third.folder.exists()


@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_tokenising_a_long_text_shows_how_far_it_is(made, kind, monkeypatch):
    told = []
    total = sum(len(d.text.encode()) for d in made)
    monkeypatch.setattr(datasets, "LONG", {})
    monkeypatch.setattr(datasets, "LONG_IN_PIECES", total)
    monkeypatch.setattr(
        datasets, "progress", lambda label, total: nullcontext(told.append((label, total)) or told.append)
    )
    data = dataset(made, tokenizer=kind, size=280)
    assert told[0] == ("Tokenising made", 2 * total)
    assert told[1:] == sorted(told[1:]) and told[-1] == 2 * total and len(told) > 40
    monkeypatch.setattr(datasets, "LONG_IN_PIECES", total + 1)
    again = dataset(made, tokenizer=kind, size=280, seed=1)
    assert told[-1] == 2 * total and again.vocab_size == data.vocab_size


def test_every_setting_and_text_has_its_own_hash(made):
    other = Corpus("made", (*made.documents[1:], Document("new", made.documents[0].text + "!")))
    found = [dataset(made), dataset(made, seed=1), dataset(made, validation=0.2), dataset(other)]
    found += [dataset(made, tokenizer="bpe", size=280), dataset(made, tokenizer="bpe", size=270)]
    assert len({data.hash for data in found}) == len(found)


def test_a_file_a_folder_and_a_corpus_give_the_same_tokens(tmp_path, made):
    folder = tmp_path / "texts"
    folder.mkdir()
    for d in made:
        (folder / f"{int(d.title):02}.txt").write_text(d.text, encoding="utf-8")
    files, loaded = dataset(folder), dataset(made)
    assert files.hash == loaded.hash
    (tmp_path / "one.txt").write_text(TEXT, encoding="utf-8")
    one, loaded = dataset(tmp_path / "one.txt"), dataset(Corpus("x", (Document("one", TEXT),)))
    assert (one.tokens() == loaded.tokens()).all() and len(one.tokens("validation")) > 0
    assert TEXT.startswith(one.tokenizer.decode(one.tokens()[:200], skip_special_tokens=True))


def test_a_given_tokenizer_is_used_as_it_is(made):
    fitted = fit_tokenizer("the cat", "characters")
    data = dataset(made, tokenizer=fitted, validation=1.0)
    assert data.vocab_size == len(fitted) and not len(data.tokens("train")) and 1 in data.tokens("validation")


@pytest.mark.parametrize("text", ["", "ab\n", "naïve 日本 <|endoftext|> 🏳️‍🌈", TEXT])
def test_looking_characters_up_is_what_the_tokenizer_does(text):
    fitted = fit_tokenizer(TEXT)
    assert list(encoder(fitted)(text)) == tokenizer(fitted).encode(text)


@pytest.mark.parametrize("text", ["", "fifty characters are too few for any model to learn"])
def test_an_empty_or_tiny_corpus_is_refused_with_its_size(tmp_path, text):
    (tmp_path / "tiny.txt").write_text(text, encoding="utf-8")
    with pytest.raises(TextError, match=f"'tiny.txt' holds {len(text)} bytes.*at least 1,000"):
        dataset(tmp_path / "tiny.txt")
    with pytest.raises(TextError, match=f"holds {len(text)} bytes"):
        dataset(Corpus("tiny", (Document("1", text),)))


@pytest.mark.parametrize(
    "content, message",
    [
        (b"\x7fELF\x02\x01\x01" + bytes(4000), r"no text: byte \d+ is 0"),
        (TEXT.encode("utf-16"), "is 0, as in a program, a picture or UTF-16"),
        (TEXT.encode("latin-1"), r"is not UTF-8 \(byte"),
        (b"a" * 2000 + b"\xff\xfe", r"not UTF-8 \(byte 2000\)"),
    ],
)
def test_binary_files_and_other_encodings_are_refused(tmp_path, content, message):
    (tmp_path / "odd.txt").write_bytes(content)
    with pytest.raises(TextError, match=message):
        dataset(tmp_path / "odd.txt")
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_a_context_longer_than_the_text_is_refused(made):
    for split in ("train", "validation"):
        count = len(dataset(made).tokens(split))
        says = f"on the side '{split}' there are {count:,} tokens.*use a shorter context or more text"
        with pytest.raises(TextError, match=says):
            dataset(made).batch(0, batch=1, context=100_000, split=split)


def test_unknown_options_are_refused_with_the_known_ones(made):
    with pytest.raises(OptionError, match="did you mean 'characters'"):
        dataset(made, tokenizer="character")
    with pytest.raises(OptionError, match="fast tokenizer"):
        dataset(made, tokenizer=3)
    with pytest.raises(OptionError, match="no side 'valid'; did you mean 'validation'"):
        dataset(made).tokens("valid")
    with pytest.raises(TextError, match="no corpus or file is called 'stou'"):
        dataset("stou")


@pytest.mark.parametrize(
    "source", [[TEXT], (TEXT,), None, 3, b"sotu", {}, "~nobody-of-this-name/a.txt", "", "/dev/zero"]
)
@pytest.mark.parametrize("read", [dataset, corpus])
def test_what_is_no_name_of_a_corpus_is_refused_in_one_sentence(read, source):
    with pytest.raises(TextError, match="; give ") as refused:
        read(source)
    assert "\n" not in str(refused.value)


def test_a_folder_called_as_a_text_is_passed_over_and_a_link_to_nowhere_named(tmp_path):
    (tmp_path / "texts" / "folder.txt").mkdir(parents=True)
    with pytest.raises(TextError, match=r"holds no \.txt file"):
        dataset(tmp_path / "texts")
    (tmp_path / "texts" / "a.txt").write_text(TEXT)
    assert dataset(tmp_path / "texts").titles()
    for lost in (tmp_path / "texts" / "b.txt", tmp_path / "lost"):
        lost.symlink_to(tmp_path / "nowhere")
    with pytest.raises(TextError, match=r"b\.txt is a link that leads nowhere; remove it"):
        dataset(tmp_path / "texts")
    with pytest.raises(TextError, match="no corpus or file is called"):
        dataset(tmp_path / "lost")


def test_where_the_cache_cannot_be_written_to_the_tokens_lie_with_the_runs(made, tmp_path, monkeypatch):
    as_always = dataset(made)
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path / "runs"))
    (tmp_path / "no_folder").touch()
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "no_folder"))
    beside = dataset(made)
    assert beside.folder.is_relative_to(tmp_path / "runs") and beside.hash == as_always.hash
    assert np.array_equal(beside.tokens(), as_always.tokens())
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path / "no_folder"))
    with pytest.raises(TextError, match=r"cannot be kept in .*; set LABKIT_CACHE"):
        dataset(made)
