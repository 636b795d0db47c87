"""The command `labkit`.

A mistake of the user's or the machine's is one line on stderr and exit code 1; a traceback is a fault of the lab's.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from labkit import __version__
from labkit.core.errors import LabError, OptionError
from labkit.core.output import harmless, write_what_can_be_written

app = typer.Typer(
    name="labkit", help="LLM Lab: learn how language models work by looking inside one.", no_args_is_help=True
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"labkit {__version__}")
        raise typer.Exit


@app.callback()
def _commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """LLM Lab: learn how language models work by looking inside one."""


@app.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Assets to fetch; without any, they are listed.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Fetch all that come under an open licence.")] = False,
    *,
    accepted: Annotated[bool, typer.Option("--accept-licence", help="Agree to the terms of what has some.")] = False,
) -> None:
    """Download, verify and convert the weights, tokenizers and texts that lessons use, so that they run offline."""
    from labkit import assets, keeping

    if names or everything:
        accepted = accepted or keeping.agreed(names or ())
        for name, path in keeping.ready(None if everything else names or (), accepted=accepted).items():
            typer.echo(f"{name:20} {path}")
        return
    table = assets.status()
    typer.echo(table.title)
    for name, what, state, size, *_ in table.rows:
        typer.echo(f"  {name:19} {state:8} {size:6.1f} MB  {what}")
    typer.echo("`labkit fetch NAME` fetches one of them, `labkit fetch --all` all of open licence.")


@app.command()
def run(
    notebooks: Annotated[list[str] | None, typer.Argument(help="Paths, names or numbers; none = every lesson.")] = None,
    *,
    parameter: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", metavar="NAME VALUE", help="Set a parameter.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Smaller sizes: FAST = True.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of this run; else one in runs/ named after the time.")
    ] = None,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=1, help="Notebooks at a time.")] = 2,
    seeds: Annotated[int, typer.Option(min=0, help="Run with SEED 0 … N-1, show each claim's spread.")] = 0,
    threads: Annotated[int, typer.Option(min=0, help="Of each notebook; 0 = the cores divided by the jobs.")] = 0,
    accept: Annotated[bool, typer.Option("--accept", help="Make what five seeds measure the new baselines.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail for what moved on another kind of machine, too.")
    ] = False,
    executor: Annotated[str, typer.Option(help="local, or dask://HOST:PORT.")] = "local",
    gallery: Annotated[
        Path | None, typer.Option(help="Also write a site of all these lessons into this folder.")
    ] = None,
    kernel: Annotated[str, typer.Option("-k", "--kernel", metavar="NAME", help="Run with this kernel.")] = "",
) -> None:
    """Run notebooks headless, check their claims and budgets, compare with the baselines."""
    from rich.console import Console

    from labkit.carrying import carry_out
    from labkit.suite import classroom
    from labkit.suite.comparison import spread
    from labkit.suite.lessons import find_lessons
    from labkit.suite.parameters import from_pairs
    from labkit.suite.planning import plan_run
    from labkit.suite.reports import write_gallery, write_reports
    from labkit.suite.runner import Settings, new_folder
    from labkit.suite.terminal import print_result, print_table

    given, paths = from_pairs(parameter or []), find_lessons(notebooks or [])
    together = classroom.is_class(paths)
    plan = plan_run(
        paths, parameters=given, fast=fast, seeds=seeds, accept=accept, kernel=kernel, together=together
    )  # fmt: skip
    plan = classroom.copies(plan) if together else plan
    folder, console = new_folder(output), Console(highlight=False)
    settings = Settings(jobs=jobs, threads=threads, accept=accept, strict=strict)
    result = carry_out(plan, folder, settings, console, executor)
    written = {}
    try:  # before anything is printed, which may go wrong
        written["Report"] = write_reports(result, folder)
        if gallery:
            written["Gallery"] = write_gallery(result, folder, gallery)
    finally:
        print_result(console, result)
        if seeds:
            print_table(console, spread(result.outcomes))
        if together:
            print_table(console, classroom.class_table(result.outcomes))
            written["Class"] = classroom.write_class(result.outcomes, folder)
    for what, path in written.items():
        _say(f"{what}: {path}")
    if not result.passed:
        raise typer.Exit(130 if result.interrupted else 1)


@app.command()
def examine(
    model: Annotated[str, typer.Argument(help="A name of the catalog, runs/NAME, a folder, or a hub id.")],
    *,
    against: Annotated[str, typer.Option(help="Another model beside it; else only the lab's own.")] = "",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of the page; else one in runs/ named after the time.")
    ] = None,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=1, help="Notebooks at a time.")] = 2,
) -> None:
    """Run every lesson that takes a MODEL on yours, in FAST, and write one page of what is different in it."""
    from labkit.carrying import examine_model

    _say(f"Page: {examine_model(model, against, output, jobs)}")


@app.command()
def diff(
    run_a: Annotated[Path, typer.Argument(help="Folder of a run, or its results.json.")],
    run_b: Annotated[Path | None, typer.Argument(help="The later one; without it, the accepted baselines.")] = None,
) -> None:
    """Show what moved between two runs, or between the baselines and one run; exit code 1 if anything did."""
    from rich.console import Console

    from labkit.suite.comparison import moved, moved_from_baselines
    from labkit.suite.outcomes import SuiteResult
    from labkit.suite.terminal import print_table

    run = SuiteResult.read(run_a)
    table = moved(run, SuiteResult.read(run_b)) if run_b else moved_from_baselines(run)
    if not len(table):
        typer.echo("Nothing moved.")
        return
    print_table(Console(highlight=False), table)
    raise typer.Exit(1)


@app.command("list")
def list_lessons(
    notebooks: Annotated[list[str] | None, typer.Argument(help="Paths, names or numbers; none = every lesson.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Show the lessons: minutes, memory, what to read before, cells, words, exercises, assets."""
    import functools
    import json

    from rich.console import Console

    from labkit.core.results import Table
    from labkit.suite.lessons import find_lessons, lesson_table, read_lesson
    from labkit.suite.terminal import print_table

    table = lesson_table([read_lesson(path) for path in find_lessons(notebooks or [])])
    if as_json:
        typer.echo(json.dumps([dict(zip(table.columns, row, strict=True)) for row in table.rows], ensure_ascii=False))
    else:
        console, more = Console(highlight=False), ("cells", "words", "assets")
        print_table(console, functools.reduce(Table.without, more, table))  # all beside each other leaves no room
        rows = zip(*(table[name] for name in ("lesson", *more)), strict=True)
        console.print()
        print_table(console, Table(("lesson", *more), tuple(rows), "To read, and what `labkit fetch --all` brings"))


@app.command()
def student(
    notebooks: Annotated[list[str] | None, typer.Argument(help="Paths, names or numbers; none = every lesson.")] = None,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the copies.")],
    nbgrader: Annotated[
        bool, typer.Option("--nbgrader", help="Write a course folder for nbgrader, with solutions, instead.")
    ] = False,
) -> None:
    """Write copies without solutions, to hand out; they run up to each exercise's check."""
    from labkit.suite.lessons import find_lessons
    from labkit.suite.students import write_copies

    written = write_copies(find_lessons(notebooks or []), output, nbgrader=nbgrader)
    for path in written:
        _say(path)
    if nbgrader and written:
        _say(f"Next: cd {output} && nbgrader generate_assignment {written[0].stem}")


@app.command()
def slides(
    notebooks: Annotated[list[Path], typer.Argument(help="Executed notebooks, as `labkit run` leaves them in runs/.")],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the slides.")],
) -> None:
    """Write executed lessons as slides that need no internet."""
    from labkit.assets import member
    from labkit.suite.notebooks import read_notebook, refuse_same_names
    from labkit.suite.slides import write_slides

    refuse_same_names(notebooks)
    reveal = (member("reveal.js"), member("reveal.css"))
    for path in notebooks:
        _say(write_slides(read_notebook(path), output, path.stem, reveal=reveal))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look at this machine and this installation; each problem with its remedy."""
    from labkit.doctor import report

    if not report(as_json=as_json):
        raise typer.Exit(1)


@app.command()
def lessons(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the copies.")],
) -> None:
    """Copy the lessons and their baselines out of an installed labkit, to open and change them."""
    from labkit.keeping import copy_lessons

    copies = copy_lessons(output)
    for path in copies:
        _say(path)
    _say(f"Next: cd {output} && jupyter lab {copies[0].relative_to(output)}")


@app.command()
def cache(
    names: Annotated[
        list[str] | None, typer.Argument(help="Patterns such as 'runs/2026-11-*'; a kind alone means all of it.")
    ] = None,
    *,
    older_than: Annotated[
        float | None, typer.Option(metavar="DAYS", min=0, help="Only what was not written for so long.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove these instead of listing them.")] = False,
) -> None:
    """Show what lies in the cache and among the runs, how large and how old; with --remove, take it away."""
    from rich.console import Console

    from labkit import keeping
    from labkit.suite.terminal import print_table

    wanted = keeping.chosen(keeping.kept(), names or (), older_than=older_than)
    if not remove:
        print_table(Console(highlight=False), keeping.kept_table(wanted))
        return
    if not names and older_than is None:
        raise OptionError("say what to remove: names, such as 'runs/*', or --older-than 30, or '*' for everything")
    left = [(entry, why) for entry, why in keeping.remove(wanted) if why]
    for entry, why in left:
        _say(f"left: {entry.name} ({why})")
    gone = sum(entry.size for entry in wanted) - sum(entry.size for entry, _ in left)
    _say(f"{len(wanted) - len(left)} removed, {gone / 1e6:,.1f} MB; what a lesson needs is fetched or made again")


def _say(what: object) -> None:
    """One line on stdout that no terminal obeys."""
    typer.echo(harmless(str(what)))


def main() -> None:
    """Run the command line."""
    from labkit.suite.parameters import joined

    write_what_can_be_written(sys.stdout, sys.stderr)
    try:
        app(joined(sys.argv[1:]), prog_name="labkit")
    except (LabError, OSError) as error:
        typer.echo(harmless(f"labkit: {error}"), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
