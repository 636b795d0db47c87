"""README's table of lessons, from what the notebooks say about themselves: `make readme` writes it, a guard compares.

.venv/bin/python .ci/readme.py [FOLDER]        the repository's folder; else this one
"""

import re
import sys
from pathlib import Path
from textwrap import fill

from labkit.suite.lessons import Lesson, find_lessons, read_lesson

MAP = (
    "start here", "tokenization", "attention", "inside the model", "training", "scaling laws", "architectures",
    "post-training", "sampling", "in-context learning", "hallucination", "efficiency", "bias", "tools and agents",
    "choosing a model",
)  # fmt: skip
"""All lessons by their numbers, which stay while some do not exist yet."""
TIE = "\x1f"
"""Stands for a space at which no line ends."""
TABLE = re.compile(r"\| \| lesson \| you will see \|\n(?:\|.*\n)+")
COMING = re.compile(r"Coming, with their numbers kept: [^.]*\.\n\n")


def written(readme: str, folder: Path) -> str:
    """The README with the table and the line of what is coming as the notebooks in `folder` have them."""
    lessons = [read_lesson(path) for path in find_lessons(folder=folder)]
    there = {lesson.number for lesson in lessons}
    missing = [
        f"{number:02} {name}".replace(" ", TIE) for number, name in enumerate(MAP) if f"{number:02}" not in there
    ]
    line = fill(f"Coming, with their numbers kept: {' · '.join(missing)}.", 100, break_on_hyphens=False)
    coming = f"{line}\n\n".replace(TIE, " ") if missing else ""
    text = TABLE.sub(lambda _: table(lessons), readme)
    return COMING.sub(lambda _: coming, text)


def table(lessons: list[Lesson]) -> str:
    """One row a lesson: number, name and address, what it shows."""
    rows = [
        f"| {one.number} | [{_name(one)}](notebooks/{one.topic}.ipynb) | {one.shows.replace('|', '·')} |"
        for one in lessons
    ]
    return "\n".join(["| | lesson | you will see |", "|---|---|---|", *rows]) + "\n"


def _name(lesson: Lesson) -> str:
    """`02_attention` as `Attention`."""
    return lesson.topic.partition("_")[2].replace("_", " ").capitalize()


if __name__ == "__main__":
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    file = root / "README.md"
    file.write_text(written(file.read_text(encoding="utf-8"), root / "notebooks"), encoding="utf-8")
