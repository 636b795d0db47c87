"""Showing a result: what a notebook stores of it, and what stands below a figure."""

import json
import re
from collections.abc import Iterable
from typing import Any

from labkit.core.output import in_notebook, put

from . import strips, tables, theme
from .registry import data, figure, known, lack, twin, view_of
from .text import for_html, printable

PLOTLY = "application/vnd.plotly.v1+json"

# Runs in the page: plotly's own button, pressed for the figure above with dark letters on white, as paper wants them.
_SAVE = (
    "const p=[...document.querySelectorAll('.js-plotly-plot')].filter(e=>e.compareDocumentPosition(this)&4).pop(),"
    "b=p&&p.querySelector('.modebar-btn');if(b){const l=p.layout,k=['font','paper_bgcolor'],o=k.map(n=>l[n]),"
    "c=p._context,t=c.toImageButtonOptions;c.toImageButtonOptions={...t,format:this.dataset.format};"
    "l.font={...l.font,color:'#222'};l.paper_bgcolor='#fff';b.click();"
    "k.forEach((n,i)=>o[i]===undefined?delete l[n]:l[n]=o[i]);c.toImageButtonOptions=t}"
)


def html(result: Any) -> str:
    """The HTML of a result, self-contained; of one that plotly draws, its text twin and its data."""
    view = view_of(result)
    if why := lack(result):
        return theme.wrap(f'<p class="lk-warn">{for_html(why)}</p>')
    if view.html:
        return view.html(result)
    return _numbers(result) if view.figure else html(view.data(result))


def bundle(result: Any) -> dict[str, Any]:
    """What a notebook stores of a result: the picture and its text twin, by mime type."""
    words = printable(twin(result), keep="\n")
    if lack(result) or not view_of(result).figure:
        return {"text/html": html(result), "text/plain": words}
    return {PLOTLY: plotly_json(result), "text/plain": words}


def plotly_json(result: Any) -> dict[str, Any]:
    """A figure as the notebook stores it: plain lists (older readers know no packed arrays), nan as null."""
    content = json.loads(figure(result).to_json(engine="json", remove_uids=True))
    config = theme.CONFIG | {"toImageButtonOptions": {"format": "png", "scale": 2, "filename": file_name(result)}}
    return {"data": content["data"], "layout": content["layout"], "config": config}


def file_name(result: Any) -> str:
    """A file's name made of a result's title, without an ending."""
    title = getattr(result, "title", "") or getattr(result, "name", "")
    return "-".join(re.findall(r"\w+", title.casefold()))[:60] or type(result).__name__.casefold()


def show(result: Any, *more: Any, table: bool | None = None) -> None:
    """Draw a result here, in the notebook, with its text twin; several results one under the other.

    Args:
        result: a result, an explorer, a pandas frame, a plotly figure, or an iterable of them; of anything else its
            repr is shown.
        more: further ones.
        table: the numbers as a table below a figure: None = folded behind a small "data", True = open, False = none.
    """
    before: Any = None
    for one in _flat((result, *more)):
        if not known(one):
            _as_it_is(one)
            continue
        content = bundle(one)
        if strips.same_scale(before, one):  # one key serves strips that follow one another
            content["text/html"] = strips.strip(one, keyed=False)
        put(content)
        before = one
        if table is not False and PLOTLY in content:
            put({"text/html": _numbers(one, opened=bool(table), below=True), "text/plain": ""})


def _as_it_is(thing: Any) -> None:
    if in_notebook():
        from IPython.display import display

        display(thing)
    else:
        put({"text/plain": printable(repr(thing), keep="\n")})


def _numbers(result: Any, *, opened: bool = False, below: bool = False) -> str:
    """A figure in words and its data, folded; below the figure itself, buttons that save it, for keyboards too."""
    said = f'<p class="lk-note">{for_html(twin(result))}</p>'
    if not below:
        return theme.wrap(said + tables.details(data(result)))
    buttons = "".join(
        f'<button type="button" data-format="{kind}" onclick="{for_html(_SAVE)}" '
        f'aria-label="save the figure above as {kind.upper()}">{kind.upper()}</button>'
        for kind in ("svg", "png")
    )
    folded = tables.details(data(result), said, opened=opened)
    return theme.wrap(f'<div class="lk-below" data-lm-suppress-shortcuts="true">{folded}{buttons}</div>')


def _flat(things: Iterable[Any]) -> Iterable[Any]:
    for thing in things:
        if isinstance(thing, (list, tuple)) or hasattr(thing, "__next__"):
            yield from _flat(thing)
        else:
            yield thing
