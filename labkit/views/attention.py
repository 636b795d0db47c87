"""Attention, drawn: every head as a small map, one of them large with its tokens.

Reads   HeadPatterns.
Gives   one self-contained frame of at most 2 MB, a text twin, a table.
Ignores how the weights came to be.

A click on a small map, or the arrow keys, choose a head; the mouse over a token, or the arrow keys there, show where
it looks. A decoder's maps are triangles: what lies above cannot be seen by the model either.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from labkit.core.results import HeadPatterns, Table
from labkit.core.signs import seen

from .attention_pack import EDGES, pack
from .iframe import iframe, script_data
from .registry import View, register
from .text import for_html, printable

WIDTH = 860
"""Pixels that the grid of maps may take; a notebook's output is rarely narrower."""
LABELLED = 36
"""Tokens up to which the large map has its words on its sides (the same number in attention.js)."""


def _html(result: HeadPatterns) -> str:
    layers, heads, queries, keys = result.values.shape
    packed = pack(result.values, causal=result.causal)
    thumb = int(np.clip(WIDTH / max(layers, heads) - 3, 12, 44))
    view = {
        "queries": [printable(t, keep="\n") for t in result.query_tokens],
        "keys": [printable(t, keep="\n") for t in result.key_tokens],
        "same": result.query_tokens == result.key_tokens,
        "layers": list(result.layers),
        "heads": list(result.heads or range(heads)),
        "classes": [[printable(kind) for kind in row] for row in result.classes],
        "causal": result.causal,
        "rows": -(-queries // packed.pool),
        "cols": -(-keys // packed.pool),
        "pool": packed.pool,
        "bits": packed.bits,
        "data": packed.data,
        "edges": packed.edges,
        "edgeCount": min(EDGES, keys) if packed.edges else 0,
        "thumb": thumb,
        "open": [layers // 2, 0, queries - 1],
    }
    parts = {
        "title": for_html(result.title or "Attention"), "caption": _caption(result), "script": _script(),
        "hide_grid": " hidden" if layers * heads == 1 else "", "view": script_data(view),
    }  # fmt: skip
    body = re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _page())  # in one go: a title is no place for others
    return iframe(body, height=_height(result, thumb), title=_summary(result))


def _twin(result: HeadPatterns) -> str:
    rows = [f"{name} {kind}: {pairs}".replace(" :", ":") for name, kind, pairs in _data(result).rows]
    return "\n".join([_summary(result), *rows])


def _data(result: HeadPatterns) -> Table:
    """Each head, its class and its three strongest pairs."""
    _, heads, _, keys = result.values.shape
    records = []
    # The first token of a decoder can only look at itself: no choice, no news.
    counted = result.values.copy()
    if result.causal and counted.shape[2] > 1:
        counted[:, :, 0] = 0
    for i, layer in enumerate(result.layers):
        for j, head in enumerate(result.heads or range(heads)):
            best = np.argsort(-counted[i, j].ravel(), kind="stable")[:3]
            pairs = ", ".join(
                f"{_word(result.query_tokens[query])} → {_word(result.key_tokens[key])} {counted[i, j, query, key]:.2f}"
                for query, key in (divmod(int(b), keys) for b in best)
            )
            kind = result.classes[i][j] if result.classes else ""
            records.append({"head": f"L{layer}H{head}", "class": kind, "strongest pairs": pairs})
    return Table.of(records, title=result.title)


def _frame(result: HeadPatterns) -> Any:
    """Each weight; of a causal head, those that can be."""
    import pandas as pd

    layer, head, query, key = np.indices(result.values.shape).reshape(4, -1)
    if result.causal:
        layer, head, query, key = (places[key <= query] for places in (layer, head, query, key))

    def named(names: Sequence[Any], places: np.ndarray) -> np.ndarray:
        return np.array(names, dtype=object if isinstance(names[0], str) else int)[places]

    return pd.DataFrame({
        "layer": named(result.layers, layer), "head": named(result.heads or range(result.values.shape[1]), head),
        "query": query, "key": key, "query token": named(result.query_tokens, query),
        "key token": named(result.key_tokens, key), "weight": result.values[layer, head, query, key],
    })  # fmt: skip


def _summary(result: HeadPatterns) -> str:
    layers, heads, queries, keys = result.values.shape
    tokens = f"{queries} tokens" if queries == keys else f"{queries} queries × {keys} keys"
    kind = "each token sees itself and what came before" if result.causal else "each token sees all"
    size = f"{_count(layers, 'layer')} × {_count(heads, 'head')}, " if layers * heads > 1 else ""
    return f"{printable(result.title or 'Attention')}: {size}{tokens}; {kind}"


def _caption(result: HeadPatterns) -> str:
    layers, heads, queries, keys = result.values.shape
    size = f"{_count(layers, 'layer')} × {_count(heads, 'head')} · " if layers * heads > 1 else ""
    how = "Click a map, then point at a token. " if layers * heads > 1 else "Point at a token. "
    return for_html(
        f"{size}{queries if queries == keys else f'{queries} × {keys}'} tokens. {how}Rows ask, columns are looked at."
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _word(token: str) -> str:
    return printable(token.strip(" ") or seen(token))


def _height(result: HeadPatterns, thumb: int) -> int:
    layers, heads, queries, keys = result.values.shape
    grid = 26 + min(layers, heads) * (thumb + 6) if layers * heads > 1 else 0
    return 78 + grid + (500 if max(queries, keys) <= LABELLED else 452)


@cache
def _page() -> str:
    return files("labkit.views").joinpath("attention.html").read_text("utf-8")


@cache
def _script() -> str:
    return files("labkit.views").joinpath("attention.js").read_text("utf-8")


register(
    HeadPatterns,
    View(_data, html=_html, twin=_twin, parts=lambda result: result.values, called="heads", frame=_frame),
)
