"""Explorers: a prompt box and a few controls over a live model, one module for each kind.

Reads   what the lesson has loaded, and a small state.
Gives   a panel in a live notebook; in a headless run the picture of its first state.
Ignores how the results are computed and drawn.

`panel` says how to write one.
"""

import json
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from labkit.core.errors import OptionError, closest

from .panel import Explorer

_NOT_KINDS = ("controls", "live", "live_training", "panel", "training_views", "training_writer", "widgets")


def kinds() -> tuple[str, ...]:
    """The kinds of explorers there are, by name."""
    return tuple(sorted(m.name for m in iter_modules(__path__) if m.name not in _NOT_KINDS and m.name[0] != "_"))


def explore(kind: str, *args: Any, view: str | Mapping[str, Any] = "", **state: Any) -> Explorer:
    """An explorer; a notebook cell that ends with it shows it.

    Args:
        kind: attention, branches, checkpoints, hallucination, merges, next_token, sampling, tokens or training.
        args: what it explores, such as a LanguageModel; with none it loads the lesson's default.
        view: a state that "copy as parameters" gave, as JSON or as a dict; a lesson passes its parameter here.
        state: values of single controls; they win over `view`.

    Raises:
        OptionError: there is no such kind or control, or a value is out of a control's range.
    """
    if kind not in kinds():
        raise OptionError(f"there is no explorer {kind!r}; {closest(str(kind), kinds())}")
    explorer: Explorer = import_module(f"{__name__}.{kind}").build(*args)
    explorer.kind = kind
    return explorer.set(**{**_read(view), **state})


def _read(view: str | Mapping[str, Any]) -> dict[str, Any]:
    if not view or isinstance(view, Mapping):
        return dict(view or {})
    try:
        state = json.loads(view)
    except ValueError as error:
        raise OptionError(f"view is not JSON ({error}); paste what the explorer's copy button gave") from None
    if not isinstance(state, dict):
        raise OptionError(f"view must be a JSON object of controls, got {type(state).__name__}")
    return state
