"""What the lab's functions give back: small frozen results that know their units, and nothing about drawing.

Each holds plain tuples and numpy arrays, checks on creation that its sizes agree, and is drawn by `views.show`.
Axis names come from one small dictionary: batch seq layer head query key d_model d_head vocab.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from .errors import ShapeError
from .token_results import Samples, TokenScores, TokenSplit, TokenTree, agree

__all__ = [
    "Bars", "ChoiceGrid", "Curve", "Curves", "HeadPatterns", "LayerGrid", "Points", "Samples", "Table", "TokenScores",
    "TokenSplit", "TokenTree",
]  # fmt: skip


@dataclass(frozen=True)
class HeadPatterns:
    """Attention weights of some heads over one text."""

    query_tokens: tuple[str, ...]
    """(query,) the tokens that look."""
    key_tokens: tuple[str, ...]
    """(key,) the tokens looked at; the same as `query_tokens` in self-attention."""
    values: np.ndarray
    """(layer, head, query, key) float32; each row over key sums to 1."""
    layers: tuple[int, ...]
    """(layer,) each one's number in the model."""
    causal: bool = True
    """True: a query sees itself and what came before."""
    title: str = ""
    classes: tuple[tuple[str, ...], ...] = ()
    """(layer, head) or empty: what kind of head each one is, such as `sink`"""
    heads: tuple[int, ...] = ()
    """(head,) or empty = all, from 0: each one's number in the model"""

    def __post_init__(self) -> None:
        if self.values.ndim != 4:
            raise ShapeError(f"HeadPatterns wants (layer, head, query, key), got shape {self.values.shape}")
        layers, heads, queries, keys = self.values.shape
        agree("HeadPatterns", layers=len(self.layers), values=layers)
        agree("HeadPatterns", query_tokens=len(self.query_tokens), values=queries)
        agree("HeadPatterns", key_tokens=len(self.key_tokens), values=keys)
        if self.classes:
            agree("HeadPatterns", classes=len(self.classes), layers=layers)
        if self.heads:
            agree("HeadPatterns", heads=len(self.heads), values=heads)


@dataclass(frozen=True)
class LayerGrid:
    """One number for each cell of a grid, as a rule (layer, head)."""

    values: np.ndarray
    """(row, column) float"""
    quantity: str = "value"
    unit: str = ""
    title: str = ""
    row_name: str = "layer"
    column_name: str = "head"
    row_labels: tuple[str, ...] = ()
    """(row,) or empty = numbers from 0"""
    column_labels: tuple[str, ...] = ()
    centred: bool = False
    """True: 0 is the neutral middle of the colour scale."""
    text: tuple[tuple[str, ...], ...] = ()
    """(row, column) or empty: written into the cells"""

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise ShapeError(f"LayerGrid wants (row, column), got shape {self.values.shape}")
        for name, labels, size in (("row_labels", self.row_labels, self.values.shape[0]),
                                   ("column_labels", self.column_labels, self.values.shape[1])):  # fmt: skip
            if labels:
                agree("LayerGrid", **{name: len(labels), "values": size})
        if self.text:
            rows, columns = self.values.shape
            agree("LayerGrid", text=tuple(map(len, self.text)), values=(columns,) * rows)


@dataclass(frozen=True)
class ChoiceGrid(LayerGrid):
    """A grid of which one cell is chosen; inside an explorer a click chooses another one."""

    chosen: tuple[int, int] = (0, 0)
    """(row, column), counted from 0"""
    sets: tuple[str, str] = ("Layer", "Head")
    """labels of the explorer's controls that hold the row and the column"""

    def __post_init__(self) -> None:
        super().__post_init__()
        places = zip(self.chosen, self.values.shape, strict=True)
        if self.values.size and not all(0 <= place < size for place, size in places):
            raise ShapeError(f"ChoiceGrid: cell {self.chosen} is not in a grid of shape {self.values.shape}")

    @classmethod
    def of(cls, grid: LayerGrid, chosen: tuple[int, int], sets: tuple[str, str] = ("Layer", "Head")) -> "ChoiceGrid":
        """A LayerGrid to choose from."""
        return cls(**{f.name: getattr(grid, f.name) for f in fields(LayerGrid)}, chosen=chosen, sets=sets)


@dataclass(frozen=True)
class Curve:
    """One line: y over x, with an interval where one was measured."""

    name: str
    x: np.ndarray
    """(point,)"""
    y: np.ndarray
    """(point,)"""
    low: np.ndarray | None = None
    """(point,) lower end of the interval"""
    high: np.ndarray | None = None
    points_only: bool = False
    """True: markers without a line, for single measurements"""
    dashed: bool = False
    """True: a fit or an expectation, not a measurement"""

    def __post_init__(self) -> None:
        ends = {name: len(end) for name, end in (("low", self.low), ("high", self.high)) if end is not None}
        agree(f"Curve {self.name!r}", x=len(self.x), y=len(self.y), **ends)


@dataclass(frozen=True)
class Curves:
    """Lines that share their axes."""

    curves: tuple[Curve, ...]
    x_label: str
    """with its unit"""
    y_label: str
    title: str = ""
    log_x: bool = False
    log_y: bool = False
    levels: tuple[tuple[str, float], ...] = ()
    """(name, y): horizontal reference lines"""


@dataclass(frozen=True)
class Bars:
    """Named amounts, in the order given: a distribution over next tokens, tokens per word by language …"""

    labels: tuple[str, ...]
    """(bar,)"""
    values: np.ndarray
    """(bar,) or (group, bar)"""
    quantity: str = "value"
    """with its unit"""
    title: str = ""
    groups: tuple[str, ...] = ()
    """(group,) names, when values are (group, bar)"""
    low: np.ndarray | None = None
    """same shape as values: lower end of the interval"""
    high: np.ndarray | None = None
    marked: tuple[int, ...] = ()
    """bars to set off by colour"""
    label_name: str = ""
    """What the labels are: token, language …"""

    def __post_init__(self) -> None:
        if self.values.ndim not in (1, 2):
            raise ShapeError(f"Bars wants (bar,) or (group, bar), got shape {self.values.shape}")
        agree("Bars", labels=len(self.labels), values=self.values.shape[-1])
        if self.values.ndim == 2:
            agree("Bars", groups=len(self.groups), values=self.values.shape[0])
        for name, end in (("low", self.low), ("high", self.high)):
            if end is not None:
                agree("Bars", **{name: np.shape(end), "values": self.values.shape})


@dataclass(frozen=True)
class Points:
    """Labelled points in a plane: a projection of embeddings, models by size and data."""

    x: np.ndarray
    """(point,)"""
    y: np.ndarray
    labels: tuple[str, ...]
    """(point,) shown on hover, or beside the point when `named`"""
    groups: tuple[str, ...] = ()
    """(point,) or empty: what colours them"""
    x_label: str = ""
    y_label: str = ""
    title: str = ""
    log_x: bool = False
    log_y: bool = False
    named: bool = False
    """True: write each label beside its point"""

    def __post_init__(self) -> None:
        agree("Points", x=len(self.x), y=len(self.y), labels=len(self.labels))
        if self.groups:
            agree("Points", x=len(self.x), groups=len(self.groups))


@dataclass(frozen=True)
class Table:
    """Rows under named columns, with units in the names."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    title: str = ""
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for row in self.rows:
            agree(f"Table {self.title!r}", columns=len(self.columns), row=len(row))

    def __getitem__(self, column: str) -> list[Any]:
        """One column's values."""
        return [row[self.columns.index(column)] for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def without(self, column: str) -> "Table":
        """The same without one column."""
        place = self.columns.index(column)
        columns, *rows = (row[:place] + row[place + 1 :] for row in (self.columns, *self.rows))
        return replace(self, columns=columns, rows=tuple(rows))

    def frame(self) -> Any:
        """The same as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(list(self.rows), columns=list(self.columns))

    @classmethod
    def of(cls, records: Sequence[dict[str, Any]], title: str = "", notes: Sequence[str] = ()) -> "Table":
        """From dicts that share their keys, in the first one's order."""
        columns = tuple(records[0]) if records else ()
        return cls(columns, tuple(tuple(r[c] for c in columns) for r in records), title, tuple(notes))
