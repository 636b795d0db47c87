"""Whole numbers and texts: what passes, and what is refused with the remedy."""

import numpy as np
import pytest

from labkit.core.errors import TextError
from labkit.core.values import checked_text, is_whole


@pytest.mark.parametrize("value", [0, -3, 10**30])
def test_whole_numbers_are_whole(value):
    assert is_whole(value)


@pytest.mark.parametrize("value", [True, np.True_, np.int64(5), 2.0, "2", None, 1.5, np.float32(1)])
def test_all_else_is_not(value):
    assert not is_whole(value)


@pytest.mark.parametrize("text", ["", "naïve 日本語 🏳️‍🌈", "\x00"])
def test_a_text_is_given_back_as_it_is(text):
    assert checked_text(text) is text


@pytest.mark.parametrize(
    "wrong, says",
    [("ab\ud800", "character 2 of the text is U[+]D800"), (b"ab", "bytes; decode"), (None, "got NoneType")],
)
def test_what_is_no_text_is_refused_with_the_remedy(wrong, says):
    with pytest.raises(TextError, match=says):
        checked_text(wrong)
