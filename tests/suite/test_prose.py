"""Prose: which numerals in a notebook's text claim a measurement.

A sentence that quotes a measured figure is rendered from its claim (`lab.says("... {topic/name:.1f} ...")`), because a
number typed into a markdown cell stays when the measurement moves. Such numerals are found here.

A numeral claims a measurement when it has a decimal point, a unit (%, s, MB, tokens per second, nats, ×, times ...), a
thousands separator, or a word before it that rounds (about, nearly, ≈). What is chosen rather than measured is written
as code or as mathematics (`temperature=0.7`, $0 \\le p \\le 1$). Not read: code, mathematics, links, headings, the
line of needs under the title, the section of sources, and sentences marked `<!-- given: where it comes from -->`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
UNITS = (
    r"(?:%|‰|×|°|(?:percent|per cent|times|fold|x|points?|bits?|bytes?|nats?|kB|KB|MB|GB|TB|GFLOPs?|FLOPs?|ms|s|sec|"
    r"seconds?|minutes?|min|hours?|h|tokens? (?:per|a|/)|tok/s|million|billion|parameters)\b)"
)
GAP = "[ \u202f\u00a0]"
WHOLE = rf"(?<![\w.,/#-])[-−+]?\d+(?:{GAP}\d\d\d)*"
ROUNDING = r"(?:≈|~|\b(?:about|around|roughly|nearly|almost|more than|less than|fewer than)\b)\s*"
NUMBER = rf"{WHOLE}(?:,\d\d\d|\.\d+)*(?:e[-+]?\d+)?"

MEASURED = re.compile(
    rf"{ROUNDING}{NUMBER}|{NUMBER}{GAP}?{UNITS}|{WHOLE}(?:,\d\d\d|\.\d+)+(?:e[-+]?\d+)?|{WHOLE.removesuffix('*')}+",
    re.IGNORECASE,
)

EXEMPT = (
    re.compile(r"```.*?```", re.DOTALL),
    re.compile(r"`[^`\n]*`"),
    re.compile(r"\$\$.*?\$\$", re.DOTALL),
    re.compile(r"\$[^$\n]+\$"),
    re.compile(r"\]\([^)\s]*\)"),
    re.compile(r"<[a-zA-Z/][^>]*>"),
    re.compile(r"https?://\S+"),
    re.compile(r"\*\*\d\d\.\d+\*\*|\b0\d\.\d\b"),  # an exercise's number
    re.compile(r"\b(?:python|version|exercises?|sections?|lessons?|figures?)\s+\d+(?:\.\d+)*", re.IGNORECASE),
)
GIVEN = re.compile(r"<!--\s*given:\s*\S.*?-->", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
MARK = "\x00"
"""Stands where a sentence is marked as given."""
HEADING = re.compile(r"^#{1,6}\s+(.*)$")
NEEDS = re.compile(r"^\W*needs\b", re.IGNORECASE)
SENTENCE = re.compile(r"(?<=[.!?;])\s+(?!\x00)|\n\s*\n|\n(?=\s*[-*|>\d])")


@dataclass(frozen=True)
class Numeral:
    """A number in a text cell that claims a measurement."""

    cell: int
    """The cell's index; -1 for a text that is not in a notebook."""
    text: str
    """The numeral with its unit."""
    sentence: str


def measured_numerals(notebook: Any) -> list[Numeral]:
    """Every numeral in the notebook's markdown cells that claims a measurement."""
    found, section = [], ""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            continue
        section = _last_heading(cell.source) or section
        if not section.lower().startswith("sources"):
            found += [Numeral(index, text, sentence) for text, sentence in numerals_of(cell.source)]
    return found


def numerals_of(markdown: str) -> Iterator[tuple[str, str]]:
    """(numeral with its unit, sentence) for each number in a text that claims a measurement."""
    for sentence in SENTENCE.split(_readable(markdown)):
        if MARK not in sentence:
            for match in MEASURED.finditer(sentence):
                yield " ".join(match.group().split()), " ".join(sentence.split())


def _readable(markdown: str) -> str:
    """The text without what is exempt: code, mathematics, links, headings, needs, sources."""
    markdown = COMMENT.sub(" ", GIVEN.sub(MARK, markdown))
    for pattern in EXEMPT:
        markdown = pattern.sub(" ", markdown)
    lines, in_sources = [], False
    for line in markdown.split("\n"):
        heading = HEADING.match(line)
        if heading:
            in_sources = heading.group(1).lower().startswith("sources")
        lines.append("" if heading or in_sources or NEEDS.match(line) else line)
    return "\n".join(lines)


def _last_heading(markdown: str) -> str:
    headings = [match.group(1) for line in markdown.split("\n") if (match := HEADING.match(line))]
    return headings[-1] if headings else ""


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_no_lesson_types_a_measured_number_into_its_prose(path):
    """Remedy: lab.says("… {topic/claim:.1f} …"), code for what is chosen, or <!-- given: source --> for a fact."""
    found = measured_numerals(nbformat.read(path, as_version=4))
    assert [f"cell {numeral.cell}: {numeral.text!r} in {numeral.sentence!r}" for numeral in found] == []


@pytest.mark.parametrize(
    "text, numeral",
    [
        ("The model is right 77 % of the time.", "77 %"),
        ("It is right 24–30% of the time.", "30%"),
        ("Head 6 scores 0.92.", "0.92"),
        ("A vocabulary of 49,152 tokens.", "49,152"),
        ("It saw 10 000 words.", "10 000"),
        ("About 40 tokens are enough.", "About 40"),
        ("The loss is ≈ 2 there.", "≈ 2"),
        ("It trains 3 times faster.", "3 times"),
        ("The file has 12 MB.", "12 MB"),
        ("One pass takes 5 seconds.", "5 seconds"),
        ("**0.5** of them", "0.5"),
        ("- first\n- 7 bits each", "7 bits"),
        ("A model of 135 million", "135 million"),
        ("Loss falls to −1.5 here", "−1.5"),
    ],
)
def test_a_measured_number_is_seen(text, numeral):
    assert [found for found, _ in numerals_of(text)] == [numeral]


@pytest.mark.parametrize(
    "text",
    [
        "There are 12 heads in 6 layers.",
        "Vaswani et al. 2017 showed it in 8 pages.",
        "Set `temperature=0.7` and look at $p \\le 0.9$.",
        "```python\nx = 0.5\n```",
        "1. first\n2. second",
        "See [the paper](https://example.org/1.5%) or https://example.org/0.5",
        "needs: CPU · about 1 min · 2 GB    before: 01",
        "## 2.5 times faster",
        "GPT-2, GPT-3.5 and T5 in Python 3.11, exercise 02.1",
        "**12.1** Write it. Then see 02.1.",
        "## Sources\nShannon 1951, 26.5 bits",
        "The card says 135 million. <!-- note -->".replace("135 million", "nothing"),
        "It has 1.7 billion <!-- given: the model's card --> parameters.",
        "Each row sums to 1.",
    ],
)
def test_what_is_chosen_cited_or_given_is_left_alone(text):
    assert list(numerals_of(text)) == []


def test_a_sentence_is_given_by_itself_not_its_neighbours():
    text = "It has 1.7 billion <!-- given: its card --> parameters. It is right 77 % of the time."
    assert [found for found, _ in numerals_of(text)] == ["77 %"]


def test_a_planted_figure_is_found_with_its_cell_and_code_is_not_read():
    book = new_notebook(cells=[new_code_cell("x = 0.5"), new_markdown_cell("The answer is right 77 % of the time.")])
    ((numeral),) = measured_numerals(book)
    assert (numeral.cell, numeral.text) == (1, "77 %")


def test_sources_may_go_on_in_the_next_cell_and_end_at_the_next_heading():
    texts = ["## Sources", "Shannon 1951: 1.3 bits", "## After", "It is 1.3 bits"]
    book = new_notebook(cells=[new_markdown_cell(text) for text in texts])
    assert [numeral.cell for numeral in measured_numerals(book)] == [3]
