"""A TokenTree as a drawing: from the prompt on the left, each token a node, its branch as strong as it is likely.

Inside an explorer with a text box labelled "Prompt", a click on a node (or Enter) writes the text up to there into
the box, so that the reader goes on from that branch.
"""

import math
from functools import cache

import numpy as np

from labkit.core import palette
from labkit.core.results import Table, TokenTree
from labkit.core.signs import edged

from . import theme
from .clicks import CLICKABLE, moving
from .registry import View, register
from .text import for_html, number, printable

NODES = 150
"""More are not drawn: a page of them cannot be read."""
LETTERS = 14
"""Longer tokens are shown by their beginning; the whole token is in the tooltip."""
ROW, GAP, MARGIN = 24, 44, 14
LEAST = 0.75
"""A tree is drawn so much smaller where the page is narrow, no further: its tokens are to be read."""


def _html(result: TokenTree) -> str:
    shown = most_likely(result, NODES)
    places = lay_out(result, shown)
    columns = _columns(result, places)
    wide, high = columns[-1], math.ceil((max(row for row, _ in places.values()) + 1) * ROW) + 10
    root = _root(places, result)
    branches = "".join(_branch(result, node, places, (columns, root)) for node in shown)
    labels = "".join(_node(result, node, places, columns) for node in shown)
    start = f'<circle cx="{MARGIN}" cy="{root:.1f}" r="4" fill="{palette.MUTED}"/>'
    cut = f'<p class="lk-note">The {NODES} likeliest of {number(len(result))} nodes are drawn.</p>'
    return theme.wrap(
        f'<div class="lk-faint">after “{for_html(edged(result.prompt))}”; {_key(result)}</div><div class="lk-scroll">'
        f'<svg viewBox="0 0 {wide} {high}" width="{wide}" role="group" {CLICKABLE} '
        f'style="max-width:100%;min-width:{LEAST * wide:.0f}px;height:auto">'
        f"<style>{_STYLE}</style>{branches}{start}{labels}</svg></div>" + (cut if len(shown) < len(result) else ""),
        title=result.title or "Alternatives",
    )  # fmt: skip


_STYLE = f"""
.lk-tree-token {{ font: 12.5px {theme.MONO}; fill: {palette.TEXT} }}
.lk-tree-number {{ font: 11px {theme.FONT}; fill: {palette.FAINT} }}
.lk-tree-off {{ opacity: 0.55 }}
.lk-tree-node {{ cursor: pointer }}
.lk-tree-node:focus {{ outline: none }}
.lk-tree-node:hover .lk-tree-token, .lk-tree-node:focus .lk-tree-token {{ text-decoration: underline }}
"""


def most_likely(result: TokenTree, most: int) -> list[int]:
    """At most so many nodes, likeliest paths first, never one without its parent; in the tree's own order."""
    if len(result) <= most:
        return list(range(len(result)))
    total = [0.0] * len(result)
    for node, parent in enumerate(result.parents):
        total[node] = (total[parent] if parent >= 0 else 0.0) + min(float(result.logprobs[node]), 0.0)
    return sorted(sorted(range(len(result)), key=lambda n: (-total[n], n))[:most])


def lay_out(result: TokenTree, shown: list[int]) -> dict[int, tuple[float, int]]:
    """Node -> (row, depth): leaves have a row each, a parent stands in the middle of its children.

    Law: no two nodes of one depth share a row (tests/sampling/test_tree_view.py).
    """
    children: dict[int, list[int]] = {node: [] for node in (-1, *shown)}
    for node in shown:
        children[result.parents[node]].append(node)
    places: dict[int, tuple[float, int]] = {}
    free = 0
    stack = [(node, False) for node in reversed(children[-1])]
    while stack:
        node, back = stack.pop()
        if not back and children[node]:
            stack.append((node, True))
            stack += [(child, False) for child in reversed(children[node])]
            continue
        if children[node]:
            rows = [places[child][0] for child in children[node]]
            row = (rows[0] + rows[-1]) / 2
        else:
            row, free = float(free), free + 1
        places[node] = (row, len(result.path(node)) - 1)
    return places


def _root(places: dict[int, tuple[float, int]], result: TokenTree) -> float:
    rows = [row for node, (row, _) in places.items() if result.parents[node] < 0]
    return _y((min(rows) + max(rows)) / 2)


def _y(row: float) -> float:
    return row * ROW + ROW / 2 + 4


def _label(result: TokenTree, node: int) -> tuple[str, str]:
    """The token as it is written, and the number beside it."""
    token = edged(printable(result.tokens[node]))
    chance = number(math.exp(float(result.logprobs[node])))
    beside = f"×{number(result.counts[node])}" if result.counts else chance
    return token if len(token) <= LETTERS else token[: LETTERS - 1] + "…", beside


def _width(result: TokenTree, node: int) -> float:
    token, beside = _label(result, node)
    return 7.7 * len(token) + 6.6 * (len(beside) + 1)


def _columns(result: TokenTree, places: dict[int, tuple[float, int]]) -> list[float]:
    """Where the labels of each depth begin, as wide apart as the longest needs; last, where the drawing ends."""
    columns = [MARGIN + 30.0]
    for depth in range(max(d for _, d in places.values()) + 1):
        columns.append(columns[-1] + max(_width(result, n) for n, (_, d) in places.items() if d == depth) + GAP)
    return columns


def _branch(
    result: TokenTree, node: int, places: dict[int, tuple[float, int]], frame: tuple[list[float], float]
) -> str:
    (columns, root), (row, depth), parent = frame, places[node], result.parents[node]
    x0 = columns[depth - 1] + _width(result, parent) + 3 if depth else MARGIN + 4
    y0, x1, y1 = (_y(places[parent][0]) if parent >= 0 else root), columns[depth] - 5, _y(row)
    kept = not result.kept or result.kept[node]
    wide = 0.8 + 5 * math.exp(min(float(result.logprobs[node]), 0.0))
    colour, dash = (palette.BLUE, "") if kept else (palette.MUTED, ' stroke-dasharray="3 3"')
    bend = x1 - GAP / 2
    return (
        f'<path d="M{x0:.0f} {y0:.1f} C{bend:.0f} {y0:.1f} {bend:.0f} {y1:.1f} {x1:.0f} {y1:.1f}" fill="none" '
        f'stroke="{colour}" stroke-opacity=".75" stroke-width="{wide:.1f}"{dash}/>'
    )


def _node(result: TokenTree, node: int, places: dict[int, tuple[float, int]], columns: list[float]) -> str:
    row, depth = places[node]
    short, beside = _label(result, node)
    token, chance = edged(printable(result.tokens[node])), number(math.exp(float(result.logprobs[node])))
    path = "".join(result.tokens[n] for n in result.path(node))
    off = "" if not result.kept or result.kept[node] else " lk-tree-off"
    more = f", {number(result.counts[node])} samples" if result.counts else ""
    hover = f"{for_html(token)}: p {chance}{more}"
    return (
        f'<g class="lk-tree-node{off}" tabindex="0" role="button" {moving(Prompt=result.prompt + path)} '
        f'aria-label="{hover}">'
        f"<title>{hover}\n{for_html(path)}</title>"
        f'<text x="{columns[depth]:.0f}" y="{_y(row) + 4:.1f}" class="lk-tree-token" xml:space="preserve">'
        f'{for_html(short)}<tspan class="lk-tree-number"> {beside}</tspan></text></g>'
    )


def _key(result: TokenTree) -> str:
    said = "numbers: samples" if result.counts else "numbers: probability of the token after its branch"
    dropped = "; dashed: looked at and dropped" if result.kept and not all(result.kept) else ""
    return said + dropped


def _twin(result: TokenTree) -> str:
    leaves = [node for node in range(len(result)) if node not in set(result.parents)]
    total = cache(lambda node: sum(float(result.logprobs[n]) for n in result.path(node)))
    deepest = max(len(result.path(node)) for node in leaves)
    best = max((n for n in leaves if len(result.path(n)) == deepest), key=total)
    text = printable("".join(result.tokens[n] for n in result.path(best)))
    return (
        f"{result.title or 'Alternatives'}: a tree of {number(len(result))} tokens, {deepest} deep, after "
        f"{printable(result.prompt)!r}. Likeliest to the end: {text!r}, p {number(math.exp(total(best)))}."
    )


def _data(result: TokenTree) -> Table:
    size = len(result)
    texts = ("".join(result.tokens[n] for n in result.path(node)) for node in range(size))
    rows = zip(range(size), result.parents, result.tokens, map(float, np.exp(result.logprobs)), texts,
               result.kept or (True,) * size, result.counts or (None,) * size, strict=True)  # fmt: skip
    columns = ("node", "parent", "token", "probability", "text", "kept", "samples")
    return Table(columns, tuple(rows), result.title)


register(TokenTree, View(_data, html=_html, twin=_twin, parts=lambda tree: tree.tokens, called="tokens"))
