"""Reports: what a run found, on one page for people, in junit.xml for CI, and as a site of all lessons.

    write_reports(result, folder)         report.html, junit.xml and pages/ into the run's folder
    write_gallery(result, folder, site)   index.html and the lessons' pages into a folder that any web server can serve

Everything opens from a file, without a server and without internet. Ignores how the notebooks were run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from labkit.core.errors import LabError, NotebookError

from .junit import junit
from .lessons import exercise_cells
from .notebooks import promise, read_notebook, title
from .offline import requests_of
from .outcomes import FAILED, PASSED, STOPPED, Outcome, SuiteResult
from .pages import POLICY, Page, add_plotly, read, style, template, write, write_page
from .records import ClaimRecord, counted, show_value
from .terminal import moved_elsewhere

REPORT, JUNIT, PAGES = "report.html", "junit.xml", "pages"
SIGNS = {PASSED: "✔", FAILED: "✘", STOPPED: "○"}


@dataclass(frozen=True)
class Entry:
    """One notebook of the run, as the templates show it."""

    outcome: Outcome
    title: str
    promise: str = ""
    exercises: int = 0
    name: str = ""
    """Of its page and its figures' file; empty = there is no page."""
    figures: int = 0
    note: str = ""
    """Why there is no page, or what it would have loaded from another host."""

    @property
    def given(self) -> str:
        """`SEED = 3`: what was set for this run of the notebook; FAST is its profile."""
        return ", ".join(f"{name} = {value!r}" for name, value in self.outcome.parameters.items() if name != "FAST")

    @property
    def sign(self) -> str:
        return SIGNS.get(self.outcome.verdict, "?")

    @property
    def told(self) -> str:
        """How many claims hold, and how many were only measured."""
        return counted(self.outcome.claims)

    @property
    def fails(self) -> bool:
        """Whether a claim does not hold."""
        return any(claim.holds is False for claim in self.outcome.claims)

    @property
    def claims(self) -> list[ClaimRecord]:
        """Those with a problem first, then those that moved, else in the lesson's order."""
        return sorted(self.outcome.claims, key=lambda claim: (not _blamed(self.outcome, claim), not claim.drifted))

    @property
    def blamed(self) -> int:
        """Claims that do not hold, or moved further than they may."""
        return sum(_blamed(self.outcome, claim) for claim in self.outcome.claims)

    @property
    def elsewhere(self) -> str:
        """Why claims that moved are no problem here; empty where none did."""
        return moved_elsewhere(self.outcome)

    @property
    def drift(self) -> ClaimRecord | None:
        """The claim that used most of its tolerance; None where nothing can be compared. Rounding noise is no move."""
        compared = [claim for claim in self.outcome.claims if claim.accepted is not None]
        kept = [claim for claim in compared if claim.drifted or (claim.moved or 0) <= (claim.allowed or 0)]
        return max(kept, key=lambda c: (c.drifted, (c.moved or 0) / max(c.allowed or 0, 1e-9)), default=None)


def write_reports(result: SuiteResult, folder: Path) -> Path:
    """Write report.html, junit.xml and the lessons' pages into the run's folder; the path of report.html.

    A notebook whose page cannot be made is in the report with the reason; the others keep theirs.

    Raises:
        NotebookError: the folder cannot be written to, or is full.
    """
    with _room_in(folder):
        entries = _write_pages(result, folder, folder / PAGES, back=f"../{REPORT}")
        text = template("report.html").render(
            result=result, entries=entries, tally=tally(result), policy=POLICY, style=style() + read("report.css"),
            thumbnail_style=style(), plots=read("plots.js"), pages=PAGES, when=when(result.started), show=show_value,
            seconds=seconds, gigabytes=gigabytes, junit=JUNIT,
        )  # fmt: skip
        write(folder / REPORT, text)
        write(folder / JUNIT, junit(result))
    return folder / REPORT


def write_gallery(result: SuiteResult, folder: Path, site: Path) -> Path:
    """Write a site of all lessons of a run: `index.html` and a page each; the path of index.html.

    Raises:
        NotebookError: the folder cannot be written to, or is full.
    """
    with _room_in(site):
        entries = _write_pages(result, folder, site, back="index.html")
        text = template("gallery.html").render(
            entries=entries, policy=POLICY, style=style() + read("report.css"), thumbnail_style=style(),
            plots=read("plots.js"), when=when(result.started), seconds=seconds,
        )  # fmt: skip
        write(site / "index.html", text)
    return site / "index.html"


def tally(result: SuiteResult) -> str:
    """`5 of 6 lessons passed`."""
    passed, total = sum(outcome.passed for outcome in result.outcomes), len(result.outcomes)
    if not total:
        return "nothing was run"
    if passed == total and not result.interrupted:
        return f"all {total} lessons passed" if total > 1 else "the lesson passed"
    return f"{passed} of {total} lessons passed" + (", then the run was interrupted" if result.interrupted else "")


def seconds(value: float | None) -> str:
    """`4.2 s`, `1 min 05 s`, `1 h 02 min`."""
    if value is None:
        return ""
    if value < 59.5:
        return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def gigabytes(value: float | None) -> str:
    """`1.3 GB`, `240 MB`; empty for nothing."""
    if not value:
        return ""
    return f"{value / 1e9:.1f} GB" if value >= 0.95e9 else f"{value / 1e6:.0f} MB"


def when(started: str) -> str:
    """ISO 8601 as `22 November 2026, 02:10 UTC`; what does not parse, as it is."""
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return started
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


@contextmanager
def _room_in(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise NotebookError(
            f"cannot write the pages into {folder}: {reason}; free some space, or give another folder"
        ) from error


def _write_pages(result: SuiteResult, folder: Path, pages: Path, *, back: str) -> list[Entry]:
    """A page for each notebook that left one, and what the templates need to know about it."""
    pages.mkdir(parents=True, exist_ok=True)
    add_plotly(pages)
    entries: list[Entry] = []
    for outcome in sorted(result.outcomes, key=lambda outcome: outcome.label):  # not in the order of their weight
        taken, wanted = {entry.name for entry in entries}, outcome.label.replace("/", "-")
        name = next(n for n in (wanted, *(f"{wanted}-{i}" for i in range(2, 10_000))) if n not in taken)
        entries.append(_entry(outcome, folder, pages, name, back))
    return entries


def _entry(outcome: Outcome, folder: Path, pages: Path, name: str, back: str) -> Entry:
    if not outcome.executed:
        return Entry(outcome, outcome.label, note="nothing of this notebook was executed")
    try:
        notebook = read_notebook(folder / outcome.executed)
        page = write_page(notebook, pages, name, back=back)
    except LabError as error:
        return Entry(outcome, outcome.label, note=str(error))
    except OSError:
        raise
    except Exception as error:  # an output that no page can show must not cost the report of the others
        return Entry(outcome, outcome.label, note=f"no page could be made of it ({type(error).__name__}: {error})")
    told = any(problem.kind == "offline" for problem in outcome.problems)
    exercises, asked = len(exercise_cells(notebook)), "" if told else _asked(page)
    what = (f"{outcome.copy}: " if outcome.copy else "") + (title(notebook) or name)
    return Entry(outcome, what, promise(notebook), exercises, name, len(page.figures), asked)


def _asked(page: Page) -> str:
    """What the page would load from another host, were it allowed to."""
    found = requests_of(page.body())
    return f"asks another host for {', '.join(found[:3])}: blocked in its page" if found else ""


def _blamed(outcome: Outcome, claim: ClaimRecord) -> bool:
    return claim.holds is False or (claim.drifted and claim.name not in outcome.moved)
