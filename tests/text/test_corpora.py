"""Corpora and the sentences that the lab ships."""

import unicodedata

import pytest

from labkit.core.errors import AssetError, TextError
from labkit.text import corpora, corpus, sentences


def test_the_speeches_are_dated_named_and_in_order():
    speeches = corpus("sotu")
    assert len(speeches) == 237
    years = [document.year for document in speeches]
    assert years == sorted(years) and (years[0], years[-1]) == (1790, 2026)
    assert {"Washington", "Van Buren", "McKinley", "Lincoln"} <= {document.author for document in speeches}
    assert all(len(document.text) > 1000 for document in speeches)


def test_a_span_of_years_holds_both_ends():
    years = [document.year for document in corpus("sotu", since=1861, until=1865)]
    assert years == [1861, 1862, 1863, 1864, 1865]
    with pytest.raises(TextError, match="1790 to 2026"):
        corpus("sotu", since=2100)


def test_own_files_become_a_corpus(tmp_path):
    (tmp_path / "1999-OwnName-1.txt").write_text("ein Text", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("zwei", encoding="utf-8")
    (tmp_path / "._notes.txt").write_bytes(b"\0\x05\x16\x07")  # macOS leaves it on foreign disks
    found = corpus(tmp_path)
    assert [(d.year, d.author, d.text) for d in found] == [(1999, "Own Name", "ein Text"), (None, "", "zwei")]
    assert found.text == "ein Text\n\nzwei"
    assert len(corpus(tmp_path / "notes.txt")) == 1
    assert len(corpus(tmp_path, since=1990)) == 1


def test_what_is_no_corpus_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(TextError, match="no corpus or file"):
        corpus("stou")
    with pytest.raises(TextError, match=r"holds no \.txt"):
        corpus(tmp_path)
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1"))
    with pytest.raises(TextError, match="not UTF-8 \\(byte 0\\)"):
        corpus(tmp_path)
    (tmp_path / "latin.txt").write_text("dated by nothing", encoding="utf-8")
    with pytest.raises(TextError, match="no dated document"):
        corpus(tmp_path, since=1900)


def test_sentences_are_in_nineteen_languages_and_three_things_that_are_none():
    texts = sentences()
    spoken = [text for text in texts if text.code]
    assert texts[0].name == "English" and len(spoken) == 19 and len(texts) == 22
    assert len({text.code for text in spoken}) == len({text.name for text in texts if text.code}) == 19
    assert [text.name for text in texts if text.words is None] == ["Thai", "Chinese", "Japanese"]
    for text in texts:
        assert text.text == unicodedata.normalize("NFC", text.text), text.name


@pytest.mark.parametrize("text", [text for text in sentences() if text.code], ids=lambda text: text.name)
def test_each_language_is_written_in_its_script(text):
    wanted = {"Han": "CJK", "Kana and Han": "HIRAGANA"}.get(text.script, text.script.upper())
    letters = [c for c in text.text if c.isalpha()]
    own = sum(wanted in unicodedata.name(c) for c in letters)
    assert own > (0.4 if text.script == "Kana and Han" else 0.9) * len(letters)
    assert sum(text.text.count(stop) for stop in ".。।") == (0 if text.code == "th" else 3)


def test_sentences_that_are_not_there_are_missed_with_a_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr(corpora, "shipped", lambda name: tmp_path / name)
    corpora.sentences.cache_clear()
    try:
        with pytest.raises(AssetError, match="pip install -e"):
            sentences()
    finally:
        corpora.sentences.cache_clear()
