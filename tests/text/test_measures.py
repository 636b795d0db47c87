"""What splits cost, and whether they can be undone: on tiny tokenizers made here, and against known numbers."""

import math

import numpy as np
import pytest

from labkit.core.errors import OptionError, TextError
from labkit.text import (
    BytePair,
    Sentence,
    compare,
    cuts,
    kind_of,
    number_cuts,
    price_of,
    random_strings,
    round_trip,
    round_trips,
    tokenizer,
)  # fmt: skip
from labkit.text.measures import ALPHABETS, smallest_change
from labkit.text.prices import _prices

TEXTS = (
    Sentence("English", "en", "Latin", "ab cd", True),
    Sentence("Greek", "el", "Greek", "αβ γδ", True),
    Sentence("Chinese", "zh", "Han", "日本", False),
    Sentence("digits", "", "digits", "1 2 3", True),
)


class Words:
    """A tokenizer that knows two words."""

    name, vocab_size = "words", 3

    def encode(self, text):
        return [{"ab": 0, "cd": 1}.get(word, 2) for word in text.split()]

    def pieces(self, ids):
        return [(b"ab", b"cd", b"[UNK]")[i] for i in ids]

    def decode(self, ids):
        return " ".join(piece.decode() for piece in self.pieces(ids))


COMPARED = compare([BytePair(name="bytes"), Words()], TEXTS)


def test_tokens_are_counted_for_characters_words_and_the_first_text():
    assert COMPARED.tokens[:, 0].tolist() == [5, 9, 6, 5]
    assert COMPARED.per_character.values[:, 0].tolist() == [1.0, 9 / 5, 3.0, 1.0]
    assert COMPARED.per_word.values[:, 0].tolist() == [2.5, 4.5]
    assert COMPARED.per_word.row_labels == ("English", "Greek")
    assert COMPARED.premium.values[:, 0].tolist() == [1.0, 9 / 5, 6 / 5]
    assert COMPARED.of("Greek", "bytes") == 9


def test_cells_where_the_text_was_lost_are_empty():
    assert COMPARED.lost.tolist() == [[False, False], [False, True], [False, True], [False, True]]
    assert math.isnan(COMPARED.premium.values[1, 1]) and COMPARED.premium.text[1][1] == "lost"
    assert COMPARED.premium.values[0, 1] == 1.0


def test_a_text_without_its_accents_is_lost_and_one_without_capitals_is_not():
    texts = [Sentence("French", "fr", "Latin", "Été", True), Sentence("English", "en", "Latin", "Summer Day", True)]
    assert compare([tokenizer("bert"), tokenizer("gpt2")], texts).lost.tolist() == [[True, False], [False, False]]


def test_the_share_that_a_language_adds_is_the_premium_without_the_first_text():
    added = COMPARED.added(["bytes"])
    assert added.labels == ("Greek", "Chinese")
    assert np.allclose(added.values, [[80.0, 20.0]])


def test_cost_grows_with_price_and_characters():
    assert COMPARED.cost(10.0, characters=1000).values[1, 0] == pytest.approx(1.8)  # 1,800 tokens at 10 $ a million
    assert np.nanmax(COMPARED.cost(0.0).values) == 0


def test_what_was_not_compared_is_refused():
    with pytest.raises(TextError, match="did you mean 'Greek'"):
        COMPARED.of("Grek", "bytes")
    with pytest.raises(TextError, match="not compared"):
        COMPARED.added(["gpt2"])
    with pytest.raises(OptionError, match="nothing to compare"):
        compare([], TEXTS)


def test_round_trips_count_what_came_back_and_keep_the_shortest_that_did_not():
    result = round_trip(Words(), ["ab cd", "ab  cd", "x"])
    assert (result.tried, result.exact, result.share) == (3, 1, 1 / 3)
    assert result.changed == (("x", "[UNK]"), ("ab  cd", "ab cd"))
    table = round_trips([BytePair(name="bytes"), Words()], ["ab cd", "é"])
    assert table["came back exactly"] == [2, 1]
    assert table["smallest that changed"] == [
        "",
        "'\\xe9' (LATIN SMALL LETTER E WITH ACUTE)",
    ]
    with pytest.raises(OptionError, match="no text"):
        round_trip(Words(), [])


def test_an_example_is_cut_down_to_what_changes():
    assert smallest_change(tokenizer("mistral-v1"), "xyz▁日") == ("▁", " ")
    text, back = smallest_change(Words(), "ab cd  ab x cd")
    assert back != text and round_trip(Words(), [text[:i] + text[i + 1 :] for i in range(len(text))]).changed == ()
    assert smallest_change(Words(), "x" * 500) == ("x" * 500, "[UNK]")


def test_random_strings_are_repeatable_valid_and_of_every_kind():
    strings = random_strings(200, seed=3)
    assert strings == random_strings(200, seed=3) != random_strings(200, seed=4)
    assert all(1 <= len(s) <= 40 and s.encode() for s in strings)
    for i, ranges in enumerate(ALPHABETS.values()):
        assert all(any(low <= ord(c) <= high for low, high in ranges) for c in strings[i]), i
    with pytest.raises(OptionError, match="at least 1"):
        random_strings(0)
    with pytest.raises(OptionError, match="whole numbers"):
        random_strings("a")


@pytest.mark.parametrize(
    "piece, kind",
    [
        (b" word", "␣word"), (b" Word", "␣Word"), (b"ing", "piece"), (b" NASA", "CAPITALS"), (b"camelCase", "mixed"),
        (b"12", "signs and spaces"), (b"\n\n", "signs and spaces"),
        ("日本".encode(), "other scripts and bytes"), (b"\xe2\x80", "other scripts and bytes"),
    ],
)  # fmt: skip
def test_a_token_has_a_kind(piece, kind):
    assert kind_of(piece) == kind


def test_cuts_are_written_side_by_side():
    table = cuts([BytePair(name="bytes")], [" a\n"])
    assert table.rows == (("␣a↵", "␣ | a | ↵"),)


def test_numbers_are_counted_by_the_lengths_of_their_pieces():
    table = number_cuts([tokenizer("cl100k"), tokenizer("qwen")], digits=4)
    assert table.columns == ("tokenizer", "3 + 1", "1 + 1 + 1 + 1")
    assert table.rows == (("cl100k", 9000, 0), ("qwen", 0, 9000))
    with pytest.raises(OptionError, match="1 to 5"):
        number_cuts([tokenizer("qwen")], digits=6)


def test_prices_are_positive_and_unknown_models_get_the_closest_offered():
    price = price_of("gpt-4o")
    assert 0 < price.input < price.output
    with pytest.raises(TextError, match="gpt-4o"):
        price_of("gpt-4oo")
    with pytest.raises(TextError, match="no price per input token"):
        price_of(next(model for model, entry in _prices().items() if not entry.get("input_cost_per_token")))
