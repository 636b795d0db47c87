"""`lab.bertviz`: the attention views that people know from bertviz, of any model of the lab and offline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.core.errors import OptionError

if TYPE_CHECKING:
    from labkit.interpretability import Capture


@dataclass(frozen=True)
class Page:
    """A page of bertviz, drawn by the notebook cell that it ends, or by `lab.show`."""

    html: str
    words: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.words


def bertviz(seen: "Capture", view: str = "head", *, layers: Sequence[int] | None = None) -> Page:
    """bertviz's view of captured attention, offline, in any model of the lab.

    Args:
        seen: a Capture with the site `pattern`; for the neuron view also `q` and `k` (`q_rotated` and `k_rotated`
            where the model rotates them).
        view: `head`, `model` or `neuron`. bertviz's own neuron view knows BERT, GPT-2 and RoBERTa only; here it is
            given the queries and keys that the bridge saw, so it serves every model.
        layers: which of the captured layers; None = all.

    Raises:
        OptionError: unknown view or layer, a site that was not captured, or more lines than a browser draws.
        AssetError: d3 or jQuery are not in the cache and cannot be fetched.
    """
    import numpy as np

    from labkit.assets import member
    from labkit.core.results import HeadPatterns
    from labkit.views import bertviz as views

    chosen = tuple(seen.layers if layers is None else layers)
    if not chosen or not set(chosen) <= set(seen.layers):
        raise OptionError(f"layers={chosen} are not among the captured ones, {seen.layers}")
    rows = [seen.layers.index(layer) for layer in chosen]
    patterns = HeadPatterns(
        seen.tokens, seen.tokens, seen["pattern"][rows], chosen, seen.causal, f"Attention in {seen.name}"
    )
    vectors = {}
    if view == "neuron":
        views.check_size(patterns, view)
        q, k = (seen[f"{x}_rotated" if f"{x}_rotated" in seen.sites else x][rows].swapaxes(1, 2) for x in "qk")
        vectors = {"queries": q, "keys": np.repeat(k, q.shape[1] // k.shape[1], axis=1)}  # shared keys, once a query
    scripts = [member(name).read_text("utf-8") for name in ("jquery.js", "d3.js")]
    words = f"bertviz {view} view of {seen.name}: {len(chosen)} layers, {len(seen)} tokens"
    return Page(views.page(patterns, scripts, view=view, **vectors), words)
