"""Attention, drawn: every head as a small map, one of them large with its tokens.

Reads   HeadPatterns.
Gives   one self-contained frame of at most 2 MB, a text twin, a table.
Ignores how the weights came to be.

A click on a small map, or the arrow keys, choose a head; the mouse over a token, or the arrow keys there, show where
it looks. A decoder's maps are triangles: what lies above cannot be seen by the model either.
"""

from functools import cache
from importlib.resources import files

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import HeadPatterns, Table
from labkit.core.signs import seen

from . import data, html, twin
from .attention_pack import EDGES, pack
from .frame import frame, script_data
from .text import for_html, printable

WIDTH = 860
"""Pixels that the grid of maps may take; a notebook's output is rarely narrower."""
LABELLED = 36
"""Tokens up to which the large map has its words on its sides (the same number in attention.js)."""


@html.register
def _html(result: HeadPatterns) -> str:
    layers, heads, queries, keys = _sizes(result)
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
    body = _page().replace("{{title}}", for_html(result.title or "Attention")).replace("{{caption}}", _caption(result))
    body = body.replace("{{hide_grid}}", " hidden" if layers * heads == 1 else "")
    body = body.replace("{{script}}", _script()).replace("{{view}}", script_data(view))
    return frame(body, height=_height(result, thumb), title=_summary(result))


@twin.register
def _twin(result: HeadPatterns) -> str:
    rows = [f"{name} {kind}: {pairs}".replace(" :", ":") for name, kind, pairs in data(result).rows]
    return "\n".join([_summary(result), *rows])


@data.register
def _data(result: HeadPatterns) -> Table:
    """Each head, its class and its three strongest pairs."""
    _, heads, _, keys = _sizes(result)
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


def _sizes(result: HeadPatterns) -> tuple[int, int, int, int]:
    layers, heads, queries, keys = result.values.shape
    if not result.values.size:
        raise OptionError(
            f"nothing to draw: {layers} layers × {heads} heads × {queries} queries × {keys} keys; "
            "choose one head or more"
        )
    return layers, heads, queries, keys


def _summary(result: HeadPatterns) -> str:
    layers, heads, queries, keys = _sizes(result)
    tokens = f"{queries} tokens" if queries == keys else f"{queries} queries × {keys} keys"
    kind = "each token sees itself and what came before" if result.causal else "each token sees all"
    size = f"{_count(layers, 'layer')} × {_count(heads, 'head')}, " if layers * heads > 1 else ""
    return f"{printable(result.title or 'Attention')}: {size}{tokens}; {kind}"


def _caption(result: HeadPatterns) -> str:
    layers, heads, queries, keys = _sizes(result)
    size = f"{_count(layers, 'layer')} × {_count(heads, 'head')} · " if layers * heads > 1 else ""
    how = "Click a map, then point at a token. " if layers * heads > 1 else "Point at a token. "
    return for_html(
        f"{size}{queries if queries == keys else f'{queries} × {keys}'} tokens. {how}Rows ask, columns are looked at."
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _word(token: str) -> str:
    return printable(token.strip() or seen(token))


def _height(result: HeadPatterns, thumb: int) -> int:
    layers, heads, queries, keys = _sizes(result)
    grid = 26 + min(layers, heads) * (thumb + 6) if layers * heads > 1 else 0
    return 78 + grid + (500 if max(queries, keys) <= LABELLED else 452)


@cache
def _page() -> str:
    return files("labkit.views").joinpath("attention.html").read_text("utf-8")


@cache
def _script() -> str:
    return files("labkit.views").joinpath("attention.js").read_text("utf-8")
