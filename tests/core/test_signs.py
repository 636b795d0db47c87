"""What cannot be seen has one sign, and nothing else is changed."""

import pytest

from labkit.core.signs import SIGNS, edged, printable, seen


@pytest.mark.parametrize(
    "text, written",
    [(" Paris", "␣Paris"), ("a b", "a␣b"), ("\n\t\r\u00a0", "↵⇥␍⍽"), ("l·l", "l·l"), ("", ""), (".\n", ".↵")],
)
def test_each_unseen_character_has_its_sign(text, written):
    assert seen(text) == written


def test_every_sign_is_one_character_of_its_own_that_is_seen():
    assert len(set(SIGNS.values())) == len(SIGNS)
    assert all(len(sign) == 1 and sign.isprintable() and sign not in SIGNS for sign in SIGNS.values())


@pytest.mark.parametrize(
    "label, written", [(" New York", "␣New York"), ("er  ", "er␣␣"), ("  ", "␣␣"), ("plain", "plain"), ("", "")]
)
def test_of_a_label_only_the_outer_spaces_are_seen(label, written):
    assert edged(label) == written


@pytest.mark.parametrize("text", ["\x85", "\u00ad", "\u061c", "\ufff9", "\u200b", "\ud800", "\x1b"])
def test_what_only_steers_a_text_is_made_visible(text):
    assert printable(f"a{text}b").isprintable()
    assert printable(text, keep=text) == text


def test_joiners_of_scripts_and_emoji_stay():
    assert printable("👩\u200d💻 می\u200cخواهم") == "👩\u200d💻 می\u200cخواهم"
