"""A law that labkit cites is there: each `tests/….py` that one of its files names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CITED = re.compile(r"\b(?:\w+/)*(?:test|bench)_\w+\.py\b")


def missing(root: Path) -> list[str]:
    """`file: citation` of what is not there; a file name without its folder counts as not there."""
    named = [
        (p, cited) for p in sorted((root / "labkit").rglob("*.py")) for cited in CITED.findall(p.read_text("utf-8"))
    ]
    assert named, "nothing is cited: the guard looks in the wrong place"
    return [f"{path.relative_to(root)}: {cited}" for path, cited in named if not (root / cited).is_file()]


def test_each_law_that_is_cited_is_there():
    assert missing(ROOT) == []


@pytest.mark.parametrize(
    "cited, faults",
    [("tests/core/test_a.py", 0), ("tests/core/test_gone.py", 1), ("test_a.py", 1), ("core/test_a.py", 1)],
)
def test_the_guard_sees_a_law_that_is_gone(tmp_path, cited, faults):
    for folder in ("labkit", "tests/core"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tests/core/test_a.py").write_text("")
    (tmp_path / "labkit/a.py").write_text(f'"""Law: it holds ({cited})."""')
    assert len(missing(tmp_path)) == faults
