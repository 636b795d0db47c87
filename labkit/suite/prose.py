"""Prose: which numerals in a notebook's text claim a measurement.

A sentence that quotes a measured figure is rendered from its claim (`lab.says("... {topic/name:.1f} ...")`), because a
number typed into a markdown cell stays when the measurement moves. This module finds such numerals.

A numeral claims a measurement when it has a decimal point, a unit (%, s, MB, tokens per second, nats, ×, times ...), a
thousands separator, or a word before it that rounds (about, nearly, ≈). What is chosen rather than measured is written
as code or as mathematics (`temperature=0.7`, $0 \\le p \\le 1$). Not read: code, mathematics, links, headings, the
line of needs under the title, the section of sources, and sentences marked `<!-- given: where it comes from -->`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
