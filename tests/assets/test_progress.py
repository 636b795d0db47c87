"""Progress: parts come out as they went in, and a bar is drawn only where somebody reads it."""

import io

import pytest

from labkit.assets import progress
from labkit.assets.progress import watched
from labkit.core.paths import FRESH


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch):
    shown = Terminal()
    monkeypatch.setattr(progress, "_stream", lambda: shown)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.delenv(FRESH, raising=False)
    return shown


def test_what_comes_out_is_what_went_in_and_units_are_counted(screen):
    parts = [[1, 2], [3, 4, 5], [6]]
    assert list(watched(parts, 6, "a model answers", size=len)) == parts
    assert "a model answers" in screen.getvalue() and "/6" in screen.getvalue()


def test_short_work_a_file_and_a_checking_run_show_nothing(screen, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    list(watched(range(3), 3, "short"))
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setenv(FRESH, "1")
    list(watched(range(3), 3, "checked"))
    assert not {"short", "checked"} & set(screen.getvalue().split())
    monkeypatch.delenv(FRESH)
    file = io.StringIO()
    monkeypatch.setattr(progress, "_stream", lambda: file)
    list(watched(range(3), 3, "to a file"))
    assert file.getvalue() == ""
