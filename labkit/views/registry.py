"""What is drawn of each type of result: one `View` a type, registered beside the functions that draw it.

Ignores what the types are. A result type of one's own brings its view, and is then shown, saved and listed like the
lab's:

    register(MyResult, View(data=lambda result: Table(("word", "count"), tuple(result.counts.items()))))

The data suffice: the picture is then a table, and so are the words. A type that inherits from another has its view.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import Table
from labkit.core.signs import printable


@dataclass(frozen=True)
class View:
    """How one type of result is drawn, said and listed."""

    data: Callable[[Any], Table]
    """The numbers of the picture."""
    figure: Callable[[Any], Any] | None = None
    """A plotly Figure; None = it is drawn as HTML."""
    html: Callable[[Any], str] | None = None
    """The picture as HTML that stands alone; None = plotly draws it, or else it is the data as a table."""
    twin: Callable[[Any], str] | None = None
    """The picture in words; None = its data, row by row."""
    parts: Callable[[Any], Any] = lambda result: (0,)
    """What it is made of; where there is none of it, or no number that is finite, nothing is drawn."""
    called: str = "parts"
    """What these are called."""
    frame: Callable[[Any], Any] | None = None
    """All numbers as a pandas frame, where `data` is only a choice of them."""


_VIEWS: dict[type, View] = {}


def register(kind: type, view: View) -> None:
    """Say how results of a type are shown; the view that stood there is replaced."""
    _VIEWS[kind] = view


def known(result: Any) -> bool:
    """Whether there is a view of this result."""
    return any(kind in _VIEWS for kind in type(result).__mro__)


def view_of(result: Any) -> View:
    """The view of a result's type, or of the nearest type that it inherits from.

    Raises:
        OptionError: there is none.
    """
    for kind in type(result).__mro__:
        if kind in _VIEWS:
            return _VIEWS[kind]
    raise OptionError(
        f"there is no view of type {type(result).__name__}; pass one of the lab's results, such as Bars, Curves or "
        "Table (labkit.core.results), or give the type one with labkit.views.register"
    )


def data(result: Any) -> Table:
    """The numbers of the picture as a Table."""
    return view_of(result).data(result)


def figure(result: Any) -> Any:
    """The plotly Figure of a result.

    Raises:
        OptionError: this result is drawn as HTML, or is no result.
    """
    if draw := view_of(result).figure:
        return draw(result)
    raise OptionError(
        f"what is of type {type(result).__name__} has no plotly figure; use lab.show, which draws it as HTML"
    )


def twin(result: Any) -> str:
    """The picture in words: title, axes, how many, what is largest."""
    view = view_of(result)
    return lack(result) or (view.twin(result) if view.twin else twin(view.data(result)))


def lack(result: Any) -> str:
    """Why there is nothing to draw, as a sentence; empty where there is something."""
    view = view_of(result)
    parts = view.parts(result)
    name = getattr(result, "title", "") or getattr(result, "name", "") or type(result).__name__
    if not (parts.size if isinstance(parts, np.ndarray) else len(parts)):
        return printable(f"{name}: nothing to draw, there are no {view.called}.")
    if isinstance(parts, np.ndarray) and not np.isfinite(parts).any():
        return printable(f"{name}: nothing to draw, none of the {view.called} has a value.")
    return ""
