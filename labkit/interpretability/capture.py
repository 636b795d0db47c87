"""Capture: one forward pass, and what was seen on its way.

A site is a place inside a model. The names are the literature's; the axes follow each name.

    attn_in    (layer, seq, d_model)          what the attention of a layer reads
    q k v      (layer, seq, head, d_head)     queries, keys, values; k and v have fewer heads where they are shared
    q_rotated k_rotated                       the same after rotary positions, where the model has them
    scores     (layer, head, query, key)      q·k/√d_head after the mask, before the softmax
    pattern    (layer, head, query, key)      attention weights
    z          (layer, seq, head, d_head)     what each head read: weights times values
    attn_out   (layer, seq, d_model)          what the attention adds to the residual stream
    resid_pre resid_post (layer, seq, d_model)  the residual stream before and after a layer
    logits     (seq, vocab)                   the prediction
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.core.errors import ModelError, OptionError, closest
from labkit.core.results import HeadPatterns

from .inputs import Text, require_attention, shown_tokens, token_ids

if TYPE_CHECKING:
    from labkit.models import LanguageModel

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
    "resid_pre": "hook_resid_pre",
    "resid_post": "hook_resid_post",
    "logits": "",
}
"""Site to the hook of TransformerLens inside `blocks.N`."""

Head = tuple[int, int]
"""(layer, head), both counted from 0."""


@dataclass(frozen=True)
class Capture:
    """One forward pass: the tokens as the model saw them, and the sites that were asked for."""

    name: str
    """The model."""
    tokens: tuple[str, ...]
    """(seq,) special tokens included"""
    ids: tuple[int, ...]
    """(seq,)"""
    layers: tuple[int, ...]
    """(layer,) the layers kept"""
    causal: bool
    """True: a token sees itself and what came before."""
    sites: Mapping[str, np.ndarray] = field(repr=False)
    """site → float32, axes as in SITES"""

    def __getitem__(self, site: str) -> np.ndarray:
        if site not in self.sites:
            raise OptionError(f"{site!r} was not captured, only {', '.join(self.sites)}; ask for it with sites=")
        return self.sites[site]

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def attention(self) -> HeadPatterns:
        """The weights of every head, each with its class, ready to be shown."""
        from .heads import head_classes

        classes = head_classes(self) if len(self) > 1 else ()
        return HeadPatterns(
            self.tokens, self.tokens, self["pattern"], self.layers, self.causal, f"Attention in {self.name}", classes
        )

    def head(self, layer: int, head: int) -> HeadPatterns:
        """One head alone, to be shown large.

        Raises:
            OptionError: it was not captured.
        """
        whole, layer, head = self.attention, int(layer), int(head)
        if layer not in self.layers or not 0 <= head < whole.values.shape[1]:
            raise OptionError(
                f"L{layer}H{head} was not captured; layers {self.layers}, {whole.values.shape[1]} heads each"
            )
        row = self.layers.index(layer)
        classes = ((whole.classes[row][head],),) if whole.classes else ()
        values = whole.values[row : row + 1, head : head + 1]
        title = f"Head L{layer}H{head} of {self.name}"
        return HeadPatterns(self.tokens, self.tokens, values, (layer,), self.causal, title, classes, (head,))

    def path(self, position: int) -> np.ndarray:
        """(1 + layer, d_model) one token's vector before the first captured layer and after each."""
        return np.concatenate([self["resid_pre"][:1, position], self["resid_post"][:, position]])

    def where(self, word: str, occurrence: int = 0) -> int:
        """The position of a word's last token, to speak of `bank` and not of position 2.

        Raises:
            OptionError: the word is not in the text that often.
        """
        found = [i for i in range(len(self)) if self._ends_with(word.strip().lower(), i)]
        if occurrence >= len(found):
            raise OptionError(f"{word!r} ends at {len(found)} tokens of {' '.join(t.strip() for t in self.tokens)!r}")
        return found[occurrence]

    def _ends_with(self, word: str, last: int) -> bool:
        for first in range(last, max(last - 8, -1), -1):
            piece = "".join(t.removeprefix("##") for t in self.tokens[first : last + 1])
            if piece.strip().lower() == word:
                return True
        return False


def capture(
    lm: "LanguageModel",
    text: Text,
    sites: Sequence[str] = ("pattern",),
    *,
    layers: Sequence[int] | None = None,
    window: tuple[int, int] | None = None,
    off: Sequence[Head] = (),
    positions: bool = True,
) -> Capture:
    """One forward pass through the bridge; only what is asked for is kept.

    Args:
        text: a text, or token numbers.
        sites: any of attn_in, q, k, v, q_rotated, k_rotated, scores, pattern, z, attn_out, resid_pre, resid_post and
            logits; the head of this module (labkit.interpretability.capture) says what each one is.
        layers: the layers to keep; None = all.
        window: (start, stop) token positions, for a text longer than the model's context.
        off: heads (layer, head) whose output is set to zero during the pass.
        positions: False takes the model's knowledge of positions away (no rotation, or no position vectors).

    Raises:
        TextError: the text is empty or longer than the context.
        OptionError: an unknown site, layer or head, or more memory than the machine has free.
        ModelError: the model has no attention, or lacks a site.

    Law: patterns equal transformers' own `output_attentions` to 1e-5 (tests/interpretability/test_capture.py).
    """
    import torch

    require_attention(lm)
    ids = token_ids(lm, text, window=window)
    bridge = lm.bridge
    kept = _chosen_layers(bridge, layers)
    _check_sites(lm, sites, kept, len(ids))
    seen: dict[str, list[Any]] = {site: [] for site in sites}
    hooks = [
        (f"blocks.{layer}.{SITES[site]}", _keeper(seen[site])) for site in sites if site != "logits" for layer in kept
    ]
    hooks += silencers(bridge, off) + ([] if positions else _without_positions(bridge))
    # Without the prediction, the layers after the last one kept need not be computed at all.
    stop = None if "logits" in sites or kept[-1] == bridge.cfg.n_layers - 1 else kept[-1] + 1
    if "logits" not in sites and stop is None:
        hooks.append(only_position(-1))
    with torch.no_grad():
        logits = bridge.run_with_hooks(torch.tensor([ids], device=device_of(lm)), fwd_hooks=hooks, stop_at_layer=stop)
    arrays = {site: np.stack(found) for site, found in seen.items() if site != "logits" and found}
    if "logits" in sites:
        arrays["logits"] = logits[0].float().cpu().numpy()
    return Capture(lm.name, shown_tokens(lm, ids), tuple(ids), kept, is_causal(lm), arrays)


def is_causal(lm: "LanguageModel") -> bool:
    """True for decoders: no token sees what follows it."""
    return lm.bridge.cfg.attention_dir == "causal"


def device_of(lm: "LanguageModel") -> Any:
    """Where the model's weights are."""
    return next(lm.model.parameters()).device


def check_heads(bridge: Any, heads: Sequence[Head]) -> None:
    """Refuse heads that the model does not have.

    Raises:
        OptionError
    """
    for layer, head in heads:
        if not (0 <= layer < bridge.cfg.n_layers and 0 <= head < bridge.cfg.n_heads):
            raise OptionError(
                f"head L{layer}H{head} does not exist; layers go from 0 to {bridge.cfg.n_layers - 1}, "
                f"heads from 0 to {bridge.cfg.n_heads - 1}"
            )


def only_position(position: int) -> tuple[str, Any]:
    """A hook that leaves one position to predict from: the table of logits is the largest thing in a pass."""
    return "unembed.hook_in", lambda x, hook: x[:, [position]]


def silencers(bridge: Any, off: Sequence[Head]) -> list[tuple[str, Any]]:
    """Hooks that set the output of some heads to zero."""
    check_heads(bridge, off)

    def silence(heads: list[int]) -> Any:
        def hook(z: Any, hook: Any) -> Any:  # (batch, seq, head, d_head)
            z = z.clone()
            z[:, :, heads] = 0
            return z

        return hook

    by_layer: dict[int, list[int]] = {}
    for layer, head in off:
        by_layer.setdefault(layer, []).append(head)
    return [(f"blocks.{layer}.attn.hook_z", silence(heads)) for layer, heads in by_layer.items()]


def _keeper(store: list[Any]) -> Any:
    def hook(tensor: Any, hook: Any) -> None:
        store.append(tensor[0].detach().float().cpu().numpy())

    return hook


def _chosen_layers(bridge: Any, layers: Sequence[int] | None) -> tuple[int, ...]:
    count = bridge.cfg.n_layers
    if layers is None:
        return tuple(range(count))
    if not layers or not all(0 <= layer < count for layer in layers):
        raise OptionError(f"layers={tuple(layers)} is not a choice of 0 to {count - 1}; None keeps all")
    return tuple(sorted({int(layer) for layer in layers}))


def _check_sites(lm: "LanguageModel", sites: Sequence[str], layers: tuple[int, ...], seq: int) -> None:
    if not sites:
        raise OptionError(f"no site was asked for; choose from {', '.join(SITES)}")
    for site in sites:
        if site not in SITES:
            raise OptionError(f"site {site!r} is unknown; {closest(site, list(SITES))}")
        if site != "logits" and f"blocks.{layers[0]}.{SITES[site]}" not in lm.bridge.hook_dict:
            raise ModelError(
                f"{lm.name} has no {site!r}: it is a {lm.model.config.model_type} model; leave the site out"
            )
    if "scores" in sites and lm.bridge.cfg.attention_dir != "causal":
        raise ModelError(f"{lm.name} does not show its scores before the softmax; compute them from q and k")
    from labkit.core.devices import describe_machine

    squares = sum(site in ("pattern", "scores") for site in sites)
    needed = 4e-9 * squares * len(layers) * lm.bridge.cfg.n_heads * seq * seq
    free = describe_machine().free_gb
    if needed > 0.5 * free:
        raise OptionError(
            f"{seq} tokens in {len(layers)} layers need {needed:.1f} GB, but {free:.1f} GB are free; "
            "choose fewer layers=, or a shorter window="
        )


def _without_positions(bridge: Any) -> list[tuple[str, Any]]:
    """Hooks that make every position look alike: rotate by no angle, or add no position vector."""
    if "blocks.0.attn.hook_cos" in bridge.hook_dict:
        still = {"cos": lambda x, hook: x * 0 + 1, "sin": lambda x, hook: x * 0}
        return [(f"blocks.{n}.attn.hook_{part}", f) for n in range(bridge.cfg.n_layers) for part, f in still.items()]
    if "pos_embed.hook_out" in bridge.hook_dict:
        return [("pos_embed.hook_out", lambda x, hook: x * 0)]
    raise ModelError("this model's positions are neither rotations nor vectors, so they cannot be taken away here")
