"""Waiting: the parts come out as they went in, and a line says how far they are only where somebody reads it."""

import pytest

from labkit.hallucination import waiting
from labkit.hallucination.waiting import watched


@pytest.fixture
def impatient(monkeypatch):
    """The lines that are written, with no time between them."""
    lines = []
    monkeypatch.setattr(waiting, "PATIENCE", 0.0)
    monkeypatch.setattr(waiting, "REDRAW", 0.0)
    monkeypatch.setattr(waiting, "_line", lambda: lines.append)
    return lines


def test_what_comes_out_is_what_went_in(impatient):
    assert list(watched(iter("abc"), 3, "reading")) == ["a", "b", "c"]


def test_the_line_counts_units_not_parts_and_is_gone_at_the_end(impatient):
    list(watched([[1, 2], [3, 4, 5], [6]], 6, "a model answers", size=len))
    assert [line.split(" · ")[0] for line in impatient[:-1]] == [
        "a model answers: 2 of 6 questions",
        "a model answers: 5 of 6 questions",
    ]
    assert impatient[-1] == ""


def test_the_line_is_gone_when_the_work_breaks_off(impatient):
    def failing():
        yield 1
        yield 2
        raise ValueError

    with pytest.raises(ValueError):
        list(watched(failing(), 5, "reading"))
    assert len(impatient) > 1 and impatient[-1] == ""


def test_short_work_shows_nothing(monkeypatch):
    monkeypatch.setattr(waiting, "_line", lambda: pytest.fail("a line was begun"))
    assert list(watched(range(3), 3, "reading")) == [0, 1, 2]


def test_a_file_gets_no_line(capsys, monkeypatch):
    monkeypatch.setattr(waiting, "PATIENCE", 0.0)
    monkeypatch.setattr(waiting, "REDRAW", 0.0)
    list(watched(range(5), 5, "reading"))
    assert capsys.readouterr() == ("", "")


def test_the_rest_is_estimated_from_the_pace_once_there_is_one():
    assert waiting._left(30.0, 0.25) == " · 1:30 left"
    assert waiting._left(30.0, 0.05) == ""
