"""What a run prints: a line as each notebook ends, a table at the end, each failure with its cell and last lines."""

from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable
from rich.text import Text

from labkit.core.output import harmless
from labkit.core.results import Table

from .baselines import told
from .outcomes import PASSED, STOPPED, Outcome, SuiteResult, kind_text
from .records import counted

_MARKS = {PASSED: ("✔", "green"), STOPPED: ("■", "yellow")}
_FAILED_MARK = ("✘", "red")


class Progress:
    """A line for each notebook that ended; at a terminal also how many are left and for how long it has run."""

    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total, self._done = console, total, 0
        words = TextColumn("{task.remaining:.0f} of {task.total:.0f} notebooks left ·"), TextColumn("· Ctrl-C stops")
        self._bar = Bar(
            words[0], TimeElapsedColumn(), words[1], console=console, transient=True, disable=not console.is_terminal
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def ended(self, outcome: Outcome) -> None:
        """One line: which notebook ended, how, and after how long."""
        self._done += 1
        self._bar.advance(self._task)
        mark, colour = _MARKS.get(outcome.verdict, _FAILED_MARK)
        what = f"[{self._done}/{self._total}] {_name(outcome)}  {outcome.seconds:.0f} s"
        why = f"  {outcome.problems[0].message}" if outcome.problems else ""
        self._console.print(_line((f"{mark} ", colour), what, (why, "dim")), overflow="ellipsis", no_wrap=True)


def print_result(console: Console, result: SuiteResult) -> None:
    """The table of all notebooks, then each problem with its place, then the totals."""
    table = RichTable(title=None, box=None, pad_edge=False, header_style="bold")
    for column in ("", "notebook", "profile", "claims", "seconds", "budget", "memory", "problem"):
        table.add_column(column, justify="right" if column in ("seconds", "budget", "memory") else "left")
    for outcome in result.outcomes:
        mark, colour = _MARKS.get(outcome.verdict, _FAILED_MARK)
        table.add_row(
            Text(mark, colour), Text(_name(outcome)), outcome.profile, counted(outcome.claims),
            f"{outcome.seconds:.1f}", f"{outcome.budget_seconds:.0f}" if outcome.budget_seconds else "",
            f"{outcome.peak_memory / 1e9:.2f} GB", ", ".join(_marks_of(outcome)),
        )  # fmt: skip
    console.print()
    console.print(table)
    for outcome in result.outcomes:
        _print_problems(console, outcome)
        _print_moved(console, outcome)
    _print_totals(console, result)


def moved_elsewhere(outcome: Outcome) -> str:
    """How many claims moved beyond their tolerance on another kind of machine, and which two kinds; empty for none."""
    if not outcome.moved:
        return ""
    many = f"{len(outcome.moved)} claim{'s' if len(outcome.moved) > 1 else ''}"
    here, there = outcome.machine or "unknown", kind_text(outcome.accepted_kind) or "unknown"
    return f"{many} moved, on another kind of machine, where only bounds decide: here {here}; the baseline's {there}"


def print_table(console: Console, table: Table) -> None:
    """A Table as the terminal shows it; numbers are text here. What is too wide goes on in the next line;
    names of claims stay in one piece, so that they can be searched for."""
    shown = RichTable(title=_line(table.title), box=None, pad_edge=False, header_style="bold", title_justify="left")
    for column in table.columns:
        shown.add_column(_line(column), overflow="fold", no_wrap=column in ("claim", "bound", "lesson"))
    for row in table.rows:
        shown.add_row(*(_line(f"{entry:g}" if isinstance(entry, float) else str(entry)) for entry in row))
    console.print(shown)
    for note in table.notes:
        console.print(_line(note))


def _line(*parts: str | tuple[str, str]) -> Text:
    """Text, some of it with a style, of which the terminal obeys nothing."""
    return Text.assemble(
        *((harmless(part), "") if isinstance(part, str) else (harmless(part[0]), part[1]) for part in parts)
    )


def _print_problems(console: Console, outcome: Outcome) -> None:
    name = ("\n" + _name(outcome), "bold")
    if outcome.note:
        console.print(_line(name, f": {outcome.note}"))
    for problem in outcome.problems:
        place = f", {problem.place}" if problem.place else ""
        console.print(_line(name, f"{place}: ", (problem.message, "red")))
        for line in problem.tail:
            console.print(_line((f"    {line}", "dim")))


def _print_moved(console: Console, outcome: Outcome) -> None:
    if not outcome.moved:
        return
    console.print(_line(("\n" + _name(outcome), "bold"), ": ", (moved_elsewhere(outcome), "yellow")))
    for claim in outcome.claims:
        if claim.name in outcome.moved:
            console.print(_line((f"    {told(claim)}", "dim")))


def _marks_of(outcome: Outcome) -> list[str]:
    """Kinds of problems, each once, and how many claims moved where that is none."""
    kinds = dict.fromkeys(problem.kind for problem in outcome.problems)
    return [*kinds, *([f"{len(outcome.moved)} moved"] if outcome.moved else [])]


def _print_totals(console: Console, result: SuiteResult) -> None:
    passed = sum(outcome.passed for outcome in result.outcomes)
    ratio = f", {result.ratio:.2f} of their seconds added up" if result.ratio and len(result.outcomes) > 1 else ""
    slowness = f"this machine takes {result.slowness:.2f} × the reference's time"
    console.print(
        f"\n{passed} of {len(result.outcomes)} notebooks passed in {result.wall_seconds:.0f} s{ratio}; {slowness}"
    )
    if result.unwritten:
        console.print(_line((f"No results.json: {result.unwritten}", "red")))
    if result.interrupted:
        console.print("Interrupted: the results are partial.", style="yellow")


def _name(outcome: Outcome) -> str:
    seed = outcome.parameters.get("SEED")
    return harmless(outcome.label if seed is None else f"{outcome.label} seed {seed}")
