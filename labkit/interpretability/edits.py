"""Edits: what can be changed while a text passes through a model, and the hooks that do it.

A site is a place inside a model. The names are the literature's; the axes follow each name.

    resid_pre resid_post (layer, seq, d_model)  the residual stream before and after a layer
    attn_in    (layer, seq, d_model)          what the attention of a layer reads
    q k v      (layer, seq, head, d_head)     queries, keys, values; k and v have fewer heads where they are shared
    q_rotated k_rotated                       the same after rotary positions, where the model has them
    scores     (layer, head, query, key)      q·k/√d_head after the mask, before the softmax
    pattern    (layer, head, query, key)      attention weights
    z          (layer, seq, head, d_head)     what each head read: weights times values
    attn_out   (layer, seq, d_model)          what the attention adds to the residual stream
    resid_mid  (layer, seq, d_model)          the stream between the two, where one follows the other; it can be seen
    mlp_in mlp_out (layer, seq, d_model)      what the feed-forward part reads, and what it adds
    neurons    (layer, seq, neuron)           inside the feed-forward part: what it multiplies into the stream
    logits     (seq, vocab)                   the prediction; it can be seen, not edited

How positions enter can be edited too: `rotation_cos` and `rotation_sin` (layer, seq, d_head) of a rotating model,
`position_vectors` (seq, d_model) of one that adds a vector.

Laws (tests/interpretability/test_edits.py): writing back what was there changes nothing, at every site; edits at
different sites can be made together or one by one.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.core.errors import ModelError, OptionError, ShapeError, closest

SITES = {
    "attn_in": "attn.hook_in",
    "q": "attn.hook_q",
    "k": "attn.hook_k",
    "v": "attn.hook_v",
    "q_rotated": "attn.hook_rot_q",
    "k_rotated": "attn.hook_rot_k",
    "scores": "attn.hook_attn_scores",
    "pattern": "attn.hook_pattern",
    "z": "attn.hook_z",
    "attn_out": "hook_attn_out",
    "resid_mid": "hook_resid_mid",
    "mlp_in": "mlp.hook_in",
    "neurons": "mlp.out.hook_in",
    "mlp_out": "hook_mlp_out",
    "resid_pre": "hook_resid_pre",
    "resid_post": "hook_resid_post",
    "logits": "",
}
"""Site to the hook of TransformerLens inside `blocks.N`."""
SEEN = {
    "logits": "what comes before, such as resid_post",
    "resid_mid": "attn_out, or mlp_in: TransformerLens lets nothing but the feed-forward part read an edit there",
}
"""Site that cannot be edited to what can be instead."""
ORDER = {"rotation_cos": "attn.hook_cos", "rotation_sin": "attn.hook_sin", "position_vectors": "pos_embed.hook_out"}
"""The same of what tells the order of tokens."""
BY_HEAD = {"q": 2, "k": 2, "v": 2, "q_rotated": 2, "k_rotated": 2, "z": 2, "scores": 1, "pattern": 1}
"""Site to the axis of its heads; axis 0 is the batch."""

Some = int | Sequence[int] | None
Hook = tuple[str, Callable[..., Any]]


@dataclass(frozen=True, eq=False)
class Edit:
    """One change of a forward pass: `Edit("z", 0, layer=3, head=1)` switches a head off.

    `to` is a number; an array or a tensor that fits the chosen part (an axis of which one element is chosen stays,
    with length 1); a Capture of this site, whose state at the same layers, heads and positions is put in; or a
    function that gets the chosen part as a tensor, the batch as its first axis, and gives what takes its place.
    """

    site: str
    to: Any
    layer: Some = None
    """one, several, or None = all"""
    head: Some = None
    """where a site has heads; of shared keys and values, counted among these"""
    position: Some = None
    """tokens, from 0, or from the end: -1; of scores and patterns, the query's"""


def hooks_of(bridge: Any, edits: Sequence[Edit]) -> list[Hook]:
    """The edits as hooks of a TransformerBridge, in the order given.

    Raises:
        OptionError: no such site or layer, or heads of a site without heads; when the pass runs: no such head or
            position.
        ModelError: the model lacks the site.
        ShapeError: when the pass runs: a value does not fit.
    """
    made: list[Hook] = []
    for edit in edits:
        if not isinstance(edit, Edit):
            raise OptionError(f"{edit!r} is no edit; give Edit('z', 0, layer=3, head=1), for example")
        check_site(bridge, edit.site, (*SITES, *ORDER))
        if edit.site in SEEN:
            raise OptionError(f"{edit.site} can be seen, not edited; change {SEEN[edit.site]}")
        if edit.head is not None and edit.site not in BY_HEAD:
            raise OptionError(f"{edit.site!r} has no heads; leave head= out, or edit one of {', '.join(BY_HEAD)}")
        layers = [0] if edit.site == "position_vectors" else chosen(bridge.cfg.n_layers, edit.layer, "layer")
        made += [(hook_name(edit.site, int(layer)), _change(edit, int(layer))) for layer in layers]
    return made


@contextmanager
def obeyed() -> Iterator[None]:
    """Refuse a change that the model does not read: some compute a site inside, and show it afterwards.

    Raises:
        ModelError
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*edit is discarded")
        try:
            yield
        except UserWarning as warning:
            raise ModelError(
                "this model shows its attention weights only after it has used them, so what is changed there has no "
                "effect; change q, k, v or z"
            ) from warning


def hook_name(site: str, layer: int) -> str:
    """What TransformerLens calls a site of a layer."""
    return ORDER[site] if site == "position_vectors" else f"blocks.{layer}.{({**SITES, **ORDER})[site]}"


def check_site(bridge: Any, site: str, known: Sequence[str] = tuple(SITES)) -> None:
    """Refuse a site that there is not, or that this model lacks.

    Raises:
        OptionError, ModelError.
    """
    if site not in known:
        raise OptionError(f"site {site!r} is unknown; {closest(site, list(known))}")
    kind = bridge.original_model.config.model_type
    if site != "logits" and hook_name(site, 0) not in bridge.hook_dict:
        raise ModelError(f"the model has no {site!r}: it is a {kind} model; leave the site out")
    if site == "scores" and bridge.cfg.attention_dir != "causal":
        raise ModelError(f"a {kind} model does not show its scores before the softmax; compute them from q and k")


def _change(edit: Edit, layer: int) -> Callable[..., Any]:
    """The hook of one edit in one layer."""

    def hook(x: Any, hook: Any) -> Any:  # (batch, ...)
        if edit.head is None and edit.position is None and callable(edit.to):
            return edit.to(x)
        index = _index(edit, x)
        x = x.clone()
        part = x[index]
        new: Any = edit.to(part) if callable(edit.to) else _value(edit, layer, x, index)
        try:
            x[index] = new
        except RuntimeError as error:
            raise ShapeError(
                f"what {edit.site!r} is set to has shape {tuple(new.shape)}, its part has {tuple(part.shape)}; "
                "give one that fits, or choose other heads or positions"
            ) from error
        return x

    return hook


def _value(edit: Edit, layer: int, x: Any, index: tuple[Any, ...]) -> Any:
    """A number, an array or a Capture's state as a tensor like x."""
    import torch

    found: Any = edit.to
    if hasattr(found, "sites"):
        if layer not in found.layers:
            raise OptionError(f"layer {layer} was not captured, only {found.layers}; capture it, or give layer=")
        state = found[edit.site][found.layers.index(layer)]
        if state.shape != x.shape[1:]:
            raise ShapeError(
                f"the capture's {edit.site!r} has shape {tuple(state.shape)}, this pass has {tuple(x.shape[1:])}; "
                "texts of one length fit, or give the state of one position as an array"
            )
        found = torch.as_tensor(state, dtype=x.dtype, device=x.device)[None][index]
    return torch.as_tensor(found, dtype=x.dtype, device=x.device)


def _index(edit: Edit, x: Any) -> tuple[Any, ...]:
    """What picks the chosen heads and positions of (batch, ...), each axis kept."""
    heads = BY_HEAD.get(edit.site)
    axes = {2 if heads == 1 else 1: (edit.position, "position")} | ({heads: (edit.head, "head")} if heads else {})
    picks = [np.arange(size) for size in x.shape]
    for axis, (asked, what) in axes.items():
        picks[axis] = chosen(x.shape[axis], asked, what)
    return np.ix_(*picks)


def chosen(count: int, asked: Some, what: str) -> np.ndarray:
    """Numbers from 0 to count - 1."""
    try:
        return np.arange(count) if asked is None else np.atleast_1d(np.arange(count)[np.asarray(asked, int)])
    except IndexError:
        raise OptionError(f"there is no {what} {asked}; {what}s go from 0 to {count - 1}") from None
