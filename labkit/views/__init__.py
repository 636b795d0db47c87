"""Pictures of results: `show` draws any result of `labkit.core.results` and gives it a text twin.

Reads   frozen results: TokenSplit, TokenScores, HeadPatterns, LayerGrid, Curve(s), Bars, Points, Samples, Table.
Gives   plotly figures and HTML that follow the page's theme, and plain text that says the same.
Ignores models, training and where a result came from.

    show(result)      draws it here: the picture, its text twin, its data on demand
    figure(result)    the plotly figure          (Bars, Curve, Curves, Points, LayerGrid)
    html(result)      the HTML                   (all others; for the ones above, their data)
    twin(result)      the picture in words: title, axes, what is largest
    data(result)      the picture as a Table
    bundle(result)    what a notebook stores: {mime type: content}
"""

from collections.abc import Iterable
from functools import singledispatch
from typing import Any

from labkit.core.errors import OptionError
from labkit.core.output import put
from labkit.core.results import Table

PLOTLY = "application/vnd.plotly.v1+json"


@singledispatch
def figure(result: Any) -> Any:
    """The plotly Figure of a result.

    Raises:
        OptionError: this result is drawn as HTML, or is no result.
    """
    raise OptionError(
        f"what is of type {type(result).__name__} has no plotly figure; "
        + ("use lab.show, which draws it as HTML" if _known(result) else _advice())
    )


@singledispatch
def html(result: Any) -> str:
    """The HTML of a result, self-contained; of one that plotly draws, its text twin and its data."""
    return theme.wrap(f'<p class="lk-note">{text.for_html(twin(result))}</p>{tables.details(data(result))}')


@singledispatch
def twin(result: Any) -> str:
    """The picture in words: title, axes, how many, what is largest."""
    raise OptionError(f"cannot show what is of type {type(result).__name__}; {_advice()}")


@singledispatch
def data(result: Any) -> Table:
    """The numbers of the picture as a Table."""
    raise OptionError(f"cannot show what is of type {type(result).__name__}; {_advice()}")


def bundle(result: Any) -> dict[str, Any]:
    """What a notebook stores of a result: the picture and its text twin, by mime type."""
    if lack := twins.nothing(result):
        return {"text/html": theme.wrap(f'<p class="lk-warn">{text.for_html(lack)}</p>'), "text/plain": lack}
    words = text.printable(twin(result), keep="\n")
    if _drawn_by_plotly(result):
        return {PLOTLY: tables.plotly_json(figure(result)), "text/plain": words}
    return {"text/html": html(result), "text/plain": words}


def show(result: Any, *more: Any, table: bool | None = None) -> None:
    """Draw a result here, in the notebook, with its text twin; several results one under the other.

    Args:
        result: a result, an explorer, a pandas frame, a plotly figure, or an iterable of them.
        more: further ones.
        table: the numbers as a table below a figure: None = folded behind a small "data", True = open, False = none.

    Raises:
        OptionError: there is no picture of this type of thing.
    """
    from IPython.display import display

    before: Any = None
    for one in _flat((result, *more)):
        if hasattr(one, "_ipython_display_") or (hasattr(one, "_repr_html_") and not _known(one)):
            display(one)
            continue
        content = bundle(one)
        if strips.same_scale(before, one):  # one key serves strips that follow one another
            content["text/html"] = strips.strip(one, key=False)
        put(content)
        before = one
        if table is not False and PLOTLY in content:
            put(_numbers(one, opened=bool(table)))


def _numbers(result: Any, *, opened: bool) -> dict[str, Any]:
    said = f'<p class="lk-note">{text.for_html(twin(result))}</p>'
    return {"text/html": theme.wrap(tables.details(data(result), said, opened=opened)), "text/plain": ""}


def _flat(things: Iterable[Any]) -> Iterable[Any]:
    for thing in things:
        if isinstance(thing, (list, tuple)) or hasattr(thing, "__next__"):
            yield from _flat(thing)
        else:
            yield thing


def _known(result: Any) -> bool:
    return twin.dispatch(type(result)) is not twin.dispatch(object)


def _drawn_by_plotly(result: Any) -> bool:
    has_html = html.dispatch(type(result)) is not html.dispatch(object)
    return not has_html and figure.dispatch(type(result)) is not figure.dispatch(object)


def _advice() -> str:
    return "pass one of the lab's results, such as Bars, Curves or Table (labkit.core.results), or use print"


# Each registers its types with the verbs above.
from . import attention, charts, choosing, grids, strips, tables, text, theme, tree, twins  # noqa: E402, F401
