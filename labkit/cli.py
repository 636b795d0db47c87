"""The command `labkit`.

A mistake of the user's or the machine's is one line on stderr and exit code 1; a traceback is a fault of the lab's.
"""

import sys
from typing import Annotated

import typer

from labkit.core.errors import LabError

app = typer.Typer(
    name="labkit", help="LLM Lab: learn how language models work by looking inside one.", no_args_is_help=True
)


@app.callback()
def _commands() -> None:
    """LLM Lab: learn how language models work by looking inside one."""


@app.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Assets to fetch; without any, they are listed.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Fetch all of them.")] = False,
) -> None:
    """Download and verify the weights, tokenizers and texts that lessons use, so that they run offline."""
    from labkit import assets

    if names or everything:
        for name, path in assets.fetch(None if everything else names).items():
            typer.echo(f"{name:20} {path}")
        return
    table = assets.status()
    typer.echo(table.title)
    for name, what, state, size, *_ in table.rows:
        typer.echo(f"  {name:19} {state:8} {size:6.1f} MB  {what}")
    typer.echo("`labkit fetch NAME` fetches one of them, `labkit fetch --all` all.")


def main() -> None:
    """Run the command line."""
    try:
        app()
    except LabError as error:
        typer.echo(f"labkit: {error}", err=True)
        sys.exit(1)
