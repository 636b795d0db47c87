"""An examination: what the lessons measure of one model, beside what is accepted of the lab's own and another model's.

    write_examination(card, result, folder)     examine.html into the run's folder

Reads   the run of every lesson that has a parameter MODEL, in FAST, and the baselines.
Gives   one page: the model's card, where it differs most, each lesson's numbers, lessons that refused it with why.
Ignores how the model was loaded and how the lessons were run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.core.errors import NotebookError
from labkit.core.results import Table

from .baselines import beside, read_baseline
from .notebooks import read_notebook, title
from .outcomes import Outcome, SuiteResult
from .pages import POLICY, read, style, template, write
from .parameters import declared
from .records import ROUNDING, ClaimRecord, show_value
from .reports import PAGES, REPORT, seconds, when, write_reports

MODEL = "MODEL"
PAGE = "examine.html"
MOST = 15
"""Rows of what differs most."""


@dataclass(frozen=True)
class Measured:
    """One number of a lesson, of this model and of those beside it."""

    lesson: str
    claim: ClaimRecord
    other: ClaimRecord | None
    """the same number of the model that is compared with"""

    @property
    def units(self) -> float | None:
        """Distance from the accepted value in ranges of its seeds; None where nothing moved, or no number can tell.

        A lesson's own tolerance stands for the range where it gives one, and a hundredth of the value is the least.
        """
        claim = self.claim
        if not claim.drifted or claim.moved is None or claim.accepted is None:
            return None
        scatter = 0.0 if claim.least is None or claim.most is None else claim.most - claim.least
        unit = claim.tolerance or max(scatter, ROUNDING * abs(float(claim.accepted)))
        return claim.moved / unit if unit else None


@dataclass(frozen=True)
class Examined:
    """One lesson's numbers of this model."""

    outcome: Outcome
    title: str
    rows: tuple[Measured, ...]

    @property
    def refusal(self) -> str:
        """The sentence with which the lesson refused the model or stopped; empty where it ran to its end."""
        stopped = [
            problem for problem in self.outcome.problems if problem.kind in ("error", "kernel", "notebook", "time")
        ]
        return f"{stopped[0].place}: {stopped[0].message}" if stopped else ""


def lessons_of_models(paths: Sequence[Path]) -> list[Path]:
    """Those of the notebooks that take a MODEL.

    Raises:
        NotebookError: none of them does.
    """
    found = [path for path in paths if MODEL in declared(read_notebook(path))]
    if not found:
        raise NotebookError(f"none of {len(paths)} notebooks has a parameter {MODEL}; call it in the lab's folder")
    return found


def examined(result: SuiteResult, against: SuiteResult | None = None) -> list[Examined]:
    """Each lesson of the run beside its accepted values and the other model's run.

    Law: units are distances in ranges of the seeds (tests/suite/test_examine.py).
    """
    others = {
        (outcome.topic, claim.name): claim
        for outcome in (against.outcomes if against else ())
        for claim in outcome.claims
    }
    found = []
    for outcome in sorted(result.outcomes, key=lambda outcome: outcome.topic):
        path = Path(outcome.notebook)
        baseline = read_baseline(path, outcome.profile)
        claims = (beside(outcome, baseline) if baseline else outcome).claims
        rows = tuple(Measured(outcome.topic, claim, others.get((outcome.topic, claim.name))) for claim in claims)
        found.append(Examined(outcome, title(read_notebook(path)) or outcome.topic, rows))
    return found


def most_different(lessons: Sequence[Examined]) -> list[Measured]:
    """The numbers furthest from what is accepted, in ranges of the seeds, furthest first."""
    rows = [row for lesson in lessons for row in lesson.rows if row.units is not None]
    return sorted(rows, key=lambda row: -(row.units or 0))[:MOST]


def write_examination(
    card: Table, result: SuiteResult, folder: Path, *, other: str = "", against: SuiteResult | None = None
) -> Path:
    """Write examine.html, and report.html with the executed lessons' pages, into the run's folder; the page's path.

    Args:
        card: the model's facts; its title names it.
        other: the name of the model that is compared with.
        against: its run, in the subfolder `against`; None = only the accepted values stand beside.

    Raises:
        NotebookError: the folder cannot be written to, or a baseline is damaged.
    """
    write_reports(result, folder)
    lessons = examined(result, against)
    pages = {one.outcome.topic for one in lessons if (folder / PAGES / f"{one.outcome.topic}.html").exists()}
    text = template(PAGE).render(
        card=card, lessons=lessons, different=most_different(lessons), pages=pages, folder=PAGES, report=REPORT,
        other=other if against else "", policy=POLICY, style=style() + read("report.css"), show=show_value,
        seconds=seconds, when=when(result.started), wall=result.wall_seconds,
    )  # fmt: skip
    write(folder / PAGE, text)
    return folder / PAGE
