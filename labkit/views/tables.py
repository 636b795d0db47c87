"""Tables as HTML, and the data of every figure as a table."""

from typing import Any

import numpy as np

from labkit.core.results import Table

from . import theme
from .registry import View, register
from .text import for_html, number, printable

ROWS = 200
"""As many rows are drawn; the rest is counted in a note."""
TALL = 40
"""A table of more rows scrolls, and says so; up to here all of it is seen."""


def _html(result: Table) -> str:
    notes = "".join(f'<p class="lk-note">{for_html(note)}</p>' for note in result.notes)
    return theme.wrap(rows(result) + notes, title=result.title)


def _twin(result: Table) -> str:
    lines = [result.title or "Table", " | ".join(result.columns)]
    lines += [" | ".join(number(value) for value in row) for row in result.rows[:ROWS]]
    if len(result) > ROWS:
        lines.append(f"… {number(len(result) - ROWS)} more rows")
    return printable("\n".join([*lines, *result.notes]), keep="\n")


def rows(table: Table) -> str:
    """A Table's `<table>`, without title and style; numbers to the right, at most `ROWS` rows."""
    numeric = [_numeric(table[column]) for column in table.columns]
    mark = [' class="lk-n"' if n else "" for n in numeric]
    head = "".join(f'<th scope="col"{m}>{for_html(c)}</th>' for c, m in zip(table.columns, mark, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{m}>{for_html(number(v))}</td>" for v, m in zip(row, mark, strict=True)) + "</tr>"
        for row in table.rows[:ROWS]
    )
    said = f"{ROWS} of {number(len(table))} rows are shown" if len(table) > ROWS else f"{len(table)} rows"
    tall = len(table) > TALL
    note = f'<p class="lk-note">{said}; scroll inside the table to see them.</p>' if tall else ""
    return (
        f'<div class="{"lk-scroll" if tall else "lk-wide"}"><table class="lk-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{note}"
    )


def details(table: Table, before: str = "", *, opened: bool = False) -> str:
    """A table folded behind the word "data"; `before` is HTML shown above it."""
    return f"<details{' open' if opened else ''}><summary>data</summary>{before}{rows(table)}</details>"


def _numeric(values: list[Any]) -> bool:
    filled = [v for v in values if v is not None]
    return bool(filled) and all(isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in filled)


register(Table, View(lambda table: table, html=_html, twin=_twin, parts=lambda table: table.rows, called="rows"))
