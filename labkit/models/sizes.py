"""How large is large: published models by parameters and training tokens, and the loaded ones among them.

Reads   data/known_models.toml, and the counted parameters of models loaded here.
Gives   a Table and Points.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from labkit.core.errors import AssetError
from labkit.core.paths import shipped
from labkit.core.results import Points, Table

from .catalog import entries
from .language_model import LanguageModel

PUBLISHED, ESTIMATED, HERE = "published", "estimate", "counted here"


def known_models(*loaded: LanguageModel) -> Table:
    """Well-known models by size, and those given, smallest first.

    Args:
        loaded: models of this machine; their parameters are counted, their training tokens are the catalog's.

    Returns:
        Table of columns model, kind, parameters (million), training tokens (billion; None = not published), figures
        (`published`, `estimate`, or counted here) and their source.
    """
    columns = ("model", "kind", "parameters (million)", "training tokens (billion)", "figures", "source")
    rows = [
        (
            m.name,
            m.kind,
            round(m.parameters / 1e6, 1),
            round(m.tokens / 1e9, 1) if m.tokens else None,
            m.figures,
            m.source,
        )
        for m in _models(loaded)
    ]
    return Table(columns, tuple(rows), "Models by size", ("training tokens: every pass over the same text counts",))


def by_size(*loaded: LanguageModel) -> Points:
    """The same on two log axes; models whose training tokens are not published have no place there."""
    models = [m for m in _models(loaded) if m.tokens]
    return Points(
        x=np.array([m.parameters for m in models], dtype=float),
        y=np.array([m.tokens for m in models], dtype=float),
        labels=tuple(m.short for m in models),
        groups=tuple(m.figures for m in models),
        x_label="parameters",
        y_label="training tokens",
        title="How large is large?",
        log_x=True,
        log_y=True,
        named=True,
    )


@dataclass(frozen=True)
class Size:
    """One model's size."""

    name: str
    """with its year, where it was published"""
    short: str
    kind: str
    parameters: float
    tokens: float
    """tokens seen in pretraining; 0 = not published"""
    figures: str
    source: str


def _models(loaded: tuple[LanguageModel, ...]) -> list[Size]:
    return sorted([*map(_published, _facts()), *map(_here, loaded)], key=lambda m: m.parameters)


@cache
def _facts() -> tuple[dict[str, Any], ...]:
    path = shipped("data") / "known_models.toml"
    if not path.is_file():
        raise AssetError(f"{path} is missing; install the lab from its checkout with `pip install -e .`")
    return tuple(tomllib.loads(path.read_text(encoding="utf-8"))["model"])


def _published(fact: dict[str, Any]) -> Size:
    figures = ESTIMATED if fact.get("estimate") else PUBLISHED
    source = "; ".join(part for part in (fact["source"], fact.get("note")) if part)
    name = f"{fact['name']} ({fact['year']})"
    return Size(name, fact["name"], fact["kind"], fact["parameters"], fact["tokens"], figures, source)


def _here(lm: LanguageModel) -> Size:
    entry, card = entries().get(lm.name), lm.card
    tokens = entry.training_tokens if entry else 0
    return Size(card.title, card.title, card.kind, card.parameters, tokens, HERE, card.source)
