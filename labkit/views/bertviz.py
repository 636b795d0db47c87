"""bertviz's own three views, offline: its JavaScript, given d3 and jQuery instead of a network.

Reads   HeadPatterns, for the neuron view queries and keys too; the texts of d3 and jQuery.
Gives   one self-contained frame.
Ignores where d3 and jQuery come from, and bertviz's Python: its pages want a network and do not escape tokens.

bertviz only calls `require.config(...)` and `requirejs(['jquery', 'd3'], f)`, so a stand-in of one line serves it.
Weights are rounded to three decimals; bertviz writes them with eighteen.

Source: Vig 2019, "A multiscale visualization of attention in the transformer model".
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import HeadPatterns

from .iframe import iframe, script_data
from .text import printable

VIEWS = ("head", "model", "neuron")
MOST_LINES = 80_000
"""SVG lines that a browser still draws in a few seconds."""
BYTES_OF_BERTVIZ = 44
"""Bytes that bertviz's own page takes for one weight (measured: 789 MB for 270 heads of 256 tokens)."""

_SHIM = "window.requirejs = window.require = (names, run) => run(window.jQuery, window.d3); require.config = () => {};"
_STYLE = """<style>
body { margin: 0; font: 14px system-ui, sans-serif; }
#bertviz { background: #fff; color: #000; min-height: 100vh; overflow: auto; box-sizing: border-box; padding: 6px; }
[data-theme=dark] #bertviz { filter: invert(1) hue-rotate(180deg); }
.dropdown-label { color: #000; }
</style>"""
_PAGES = {
    "head": 'Layer: <select id="layer"></select>',
    "model": "",
    "neuron": '<span class="dropdown-label">Layer: </span><select id="layer"></select> '
    '<span class="dropdown-label">Head: </span><select id="att_head"></select>',
}
# bertviz's thumbnails are 970 pixels wide, whatever the page is.
_FIT = """<script>
const fit = () => { document.getElementById("vis").style.zoom = Math.min(1, (innerWidth - 14) / 975); };
fit(); addEventListener("resize", fit);
</script>"""
# bertviz counts layers and heads from 0; where only some are shown, the menus get the model's own numbers.
_RENAME = """<script>for (const [id, names] of %s)
  document.querySelectorAll(id + " option").forEach((o, i) => o.textContent = names[i]);</script>"""


def page(
    patterns: HeadPatterns,
    scripts: Sequence[str],
    *,
    view: str = "head",
    queries: np.ndarray | None = None,
    keys: np.ndarray | None = None,
) -> str:
    """One of bertviz's views as a frame.

    Args:
        scripts: the texts of jQuery and d3, in this order.
        view: `head` (one layer, coloured lines), `model` (all heads as thumbnails), `neuron` (query times key).
        queries, keys: (layer, head, seq, d_head), only for the neuron view.

    Raises:
        OptionError: unknown view, nothing chosen, or more lines than a browser draws in reasonable time.
    """
    if view not in VIEWS:
        raise OptionError(f"bertviz has no view {view!r}; use {', '.join(VIEWS)}")
    if view == "neuron" and (queries is None or keys is None):
        raise OptionError("the neuron view multiplies queries and keys; pass both, (layer, head, seq, d_head)")
    check_size(patterns, view)
    code = files("bertviz").joinpath(f"{view}_view.js").read_text("utf-8")
    params = script_data(_params(patterns, view, queries, keys))
    run = f"window.bertviz_params = {params};\n{code}" if view == "neuron" else code.replace("PYTHON_PARAMS", params, 1)
    numbers = [["#layer", list(patterns.layers)], ["#att_head", list(_heads(patterns))]]
    rename = _RENAME % script_data(numbers) if view == "neuron" else _FIT if view == "model" else ""
    parts = [*scripts, _SHIM]
    body = (
        _STYLE + "".join(f"<script>{_closed(part)}</script>" for part in parts)
        + f'<div id="bertviz">{_PAGES[view]}<div id="vis"></div></div><script>{run}</script>{rename}'
    )  # fmt: skip
    return iframe(body, height=_height(patterns, view), title=f"bertviz {view} view. {patterns.title}")


def check_size(patterns: HeadPatterns, view: str) -> None:
    """Refuse what a browser would not draw, with the size it would have had.

    Raises:
        OptionError
    """
    layers, heads, queries, keys = patterns.values.shape
    if not patterns.values.size:
        raise OptionError(f"nothing to draw: {layers} layers × {heads} heads; choose one head or more")
    shown = heads if view == "head" else layers * heads if view == "model" else 1
    lines, weights = shown * queries * keys, layers * heads * queries * keys
    if max(lines, weights / 4) > MOST_LINES:
        raise OptionError(
            f"{layers} layers × {heads} heads × {queries} tokens are {weights:,} weights; bertviz would "
            f"write {weights * BYTES_OF_BERTVIZ / 1e6:,.0f} MB and draw {lines:,} lines at once, and {MOST_LINES:,} "
            "lines are the limit here; choose fewer layers= or a shorter text, or use lab.show(seen.attention)"
        )


def _heads(patterns: HeadPatterns) -> tuple[int, ...]:
    return patterns.heads or tuple(range(patterns.values.shape[1]))


def _params(patterns: HeadPatterns, view: str, queries: Any, keys: Any) -> dict[str, Any]:
    left, right = ([printable(t) for t in tokens] for tokens in (patterns.query_tokens, patterns.key_tokens))
    attention = {"name": None, "attn": _rounded(patterns.values), "left_text": left, "right_text": right}
    common = {"root_div_id": "bertviz", "layer": None}
    if view == "neuron":
        attention |= {"queries": _rounded(queries), "keys": _rounded(keys)}
        return common | {"attention": {"all": attention}, "default_filter": "all", "head": 0,
                         "bidirectional": not patterns.causal, "display_mode": "light"}  # fmt: skip
    heads = list(_heads(patterns))
    return common | {
        "attention": [attention], "default_filter": "0", "display_mode": "light", "heads": None,
        "include_layers": list(patterns.layers), "include_heads": heads, "total_heads": len(heads),
    }  # fmt: skip


def _rounded(values: np.ndarray) -> list[Any]:
    return np.round(values.astype(np.float64), 3).tolist()


def _closed(script: str) -> str:
    """A library's text that cannot end its own `<script>` element."""
    return script.replace("</script", "<\\/script")


def _height(patterns: HeadPatterns, view: str) -> int:
    layers, heads, queries, keys = patterns.values.shape
    longest = max(queries, keys)
    tall = {
        "head": longest * 22.5 + 80,
        "model": max(layers * (longest * 84 / heads + 10) + 70, longest * 18 + 110),
        "neuron": longest * 26 + 170,
    }[view]
    return int(min(tall, 900))
