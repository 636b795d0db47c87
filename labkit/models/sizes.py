"""How large is large: published models by parameters and training tokens, and the loaded ones among them.

Reads   data/known_models.toml, and the counted parameters of models loaded here.
Gives   a Table and Points.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from labkit.core.errors import AssetError
from labkit.core.results import Points, Table

from .catalog import entries
from .language_model import LanguageModel

PUBLISHED, ESTIMATED, HERE = "published", "estimate", "on this machine, counted"


def known_models(*loaded: LanguageModel) -> Table:
    """Well-known models by size, and those given, smallest first.

    Args:
        loaded: models of this machine; their parameters are counted, their training tokens are the catalog's.

    Returns:
        Table of columns model, year, kind, parameters (million), training tokens (billion; None = not published),
        figures (`published`, `estimate`, or counted here), note, source.
    """
    rows = [*map(_published, _facts()), *map(_here, loaded)]
    notes = ("training tokens: every pass over the same text counts",)
    return Table.of(sorted(rows, key=lambda row: row["parameters (million)"]), "Models by size", notes)


def by_size(*loaded: LanguageModel) -> Points:
    """The same on two log axes; models whose training tokens are not published have no place there."""
    rows = [row for row in known_models(*loaded).rows if row[4]]
    return Points(
        x=np.array([row[3] * 1e6 for row in rows], dtype=float),
        y=np.array([row[4] * 1e9 for row in rows], dtype=float),
        labels=tuple(row[0] for row in rows),
        groups=tuple(row[5] for row in rows),
        x_label="parameters",
        y_label="training tokens",
        title="How large is large?",
        log_x=True,
        log_y=True,
        named=True,
    )


@cache
def _facts() -> tuple[dict[str, Any], ...]:
    path = Path(__file__).parents[2] / "data" / "known_models.toml"
    if not path.is_file():
        raise AssetError(f"{path} is missing; install the lab from its checkout with `pip install -e .`")
    return tuple(tomllib.loads(path.read_text(encoding="utf-8"))["model"])


def _published(fact: dict[str, Any]) -> dict[str, Any]:
    return _row(
        fact["name"], fact["year"], fact["kind"], fact["parameters"], fact["tokens"],
        ESTIMATED if fact.get("estimate") else PUBLISHED, fact.get("note", ""), fact["source"],
    )  # fmt: skip


def _here(lm: LanguageModel) -> dict[str, Any]:
    entry, card = entries().get(lm.name), lm.card
    tokens = entry.training_tokens if entry else 0
    note = "" if tokens else "training tokens not published"
    return _row(card.title, "", card.kind, card.parameters, tokens, HERE, note, card.source)


def _row(name: str, year: Any, kind: str, parameters: float, *more: Any) -> dict[str, Any]:
    tokens, figures, note, source = more
    return {
        "model": name,
        "year": year,
        "kind": kind,
        "parameters (million)": round(parameters / 1e6, 1),
        "training tokens (billion)": round(tokens / 1e9, 1) if tokens else None,
        "figures": figures,
        "note": note,
        "source": source,
    }
