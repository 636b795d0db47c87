"""`lab.explore`: finds the explorers that the lessons have, and sets one up.

Loads the module of every lesson, for an explorer is known by its name alone.
"""

from collections.abc import Mapping
from typing import Any

from labkit.core.errors import OptionError, closest
from labkit.explorers.panel import KINDS, Explorer

from . import load, numbers


def kinds() -> tuple[str, ...]:
    """The kinds of explorers that the lessons have, by name."""
    for number in numbers():
        load(number)
    return tuple(sorted(KINDS))


def explore(kind: str, *args: Any, view: str | Mapping[str, Any] = "", **state: Any) -> Explorer:
    """An explorer; a notebook cell that ends with it shows it.

    Args:
        kind: one of KINDS.
        args: what it explores, such as a LanguageModel; with none it loads the lesson's default.
        view: a state that "copy as parameters" gave, as JSON or as a dict; a lesson passes its parameter here.
        state: values of single controls; they win over `view`.

    Raises:
        OptionError: there is no such kind or control, or a value is out of a control's range.
    """
    if kind not in kinds():
        raise OptionError(f"there is no explorer {kind!r}; {closest(str(kind), kinds())}")
    explorer = KINDS[kind](*args)
    explorer.kind = kind
    return explorer.read(view).set(**state)


explore.__doc__ = str(explore.__doc__).replace("one of KINDS", ", ".join(kinds()))  # what `lab.explore?` shows
