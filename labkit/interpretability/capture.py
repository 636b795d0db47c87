"""Capture: one forward pass, what was seen on its way, and what was changed in it.

    seen = capture(lm, text, ("pattern", "resid_post"))              # arrays by site
    cut  = capture(lm, text, ("logits",), edits=[Edit("z", 0, layer=3, head=1)])
    live = capture(lm, text, ("z", "logits"), gradients=True)        # tensors; torch.autograd.grad goes through them

Sites are told in `labkit.interpretability.edits`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np

from labkit.core.errors import ModelError, OptionError
from labkit.core.pieces import Pieces
from labkit.core.results import HeadPatterns
from labkit.models.language_model import require_finite

from .edits import SITES, Edit, Hook, check_site, hook_name, hooks_of, obeyed
from .heads import head_classes
from .inputs import Text, require_attention, token_ids

if TYPE_CHECKING:
    from labkit.models import LanguageModel

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
    sites: Mapping[str, Any] = field(repr=False)
    """site → float32 array, axes as in SITES; with gradients: a tuple of tensors, one a layer (logits: one tensor)"""

    def __getitem__(self, site: str) -> Any:
        if site not in self.sites:
            raise OptionError(f"{site!r} was not captured, only {', '.join(self.sites)}; ask for it with sites=")
        return self.sites[site]

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def attention(self) -> HeadPatterns:
        """The weights of every head, each with its class, ready to be shown."""
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


class Changes(TypedDict, total=False):
    """How a pass is changed; each may be left out."""

    edits: Sequence[Edit]
    """any changes, in this order"""
    off: Sequence[Head]
    """heads (layer, head) whose output is set to zero"""
    positions: bool
    """False takes the model's knowledge of positions away: no rotation, or no position vectors"""


def capture(
    lm: "LanguageModel",
    text: Text,
    sites: Sequence[str] = ("pattern",),
    *,
    layers: Sequence[int] | None = None,
    window: tuple[int, int] | None = None,
    gradients: bool = False,
    **changes: Unpack[Changes],
) -> Capture:
    """One forward pass through the bridge; only what is asked for is kept.

    Args:
        text: a text, in which the name of a special token is that token, as for every verb that gives a model something
            to read (`lab.tokenizer(lm)` cuts such a name like any text); or token numbers.
        sites: any of attn_in, q, k, v, q_rotated, k_rotated, scores, pattern, z, attn_out, mlp_in, neurons, mlp_out,
            resid_pre, resid_mid, resid_post and logits; labkit.interpretability.edits says what each one is.
        layers: the layers to keep; None = all.
        window: (start, stop) token positions, for a text longer than the model's context.
        gradients: True keeps tensors that gradients flow through, instead of arrays.
        changes: edits=[Edit(site, to, layer=, head=, position=), ...] changes the pass, and what is seen is what was
            changed; off=[(layer, head), ...] switches heads off; positions=False takes the knowledge of positions away.

    Raises:
        TextError: the text is empty or longer than the context.
        OptionError: an unknown site, layer or head, or more memory than the machine has free.
        ModelError: the model has no attention, lacks a site, or gave numbers that are not finite.
        ShapeError: an edit's value does not fit.

    Law: patterns equal transformers' own `output_attentions` to 1e-5 (tests/interpretability/test_capture.py).
    """
    import torch

    require_attention(lm)
    ids = token_ids(lm, text, window=window)
    bridge = lm.bridge
    kept = chosen_layers(bridge, layers)
    _check_sites(lm, sites, kept, len(ids))
    seen: dict[str, list[Any]] = {site: [] for site in sites if site != "logits"}
    keep = _live_keeper if gradients else _keeper
    hooks = changing(lm, **changes)
    hooks += [(hook_name(site, layer), keep(found)) for site, found in seen.items() for layer in kept]
    # Without the prediction, the layers after the last one kept need not be computed at all.
    stop = None if "logits" in sites or kept[-1] == bridge.cfg.n_layers - 1 else kept[-1] + 1
    if "logits" not in sites and stop is None:
        hooks.append(only_position(-1))
    with torch.set_grad_enabled(gradients), obeyed():
        logits = bridge.run_with_hooks(torch.tensor([ids], device=device_of(lm)), fwd_hooks=hooks, stop_at_layer=stop)
    if unseen := [site for site, one in seen.items() if not one]:
        raise ModelError(
            f"TransformerLens does not show {' and '.join(unseen)} of {lm.name} ({type(lm.model).__name__}); "
            "ask for other sites, or choose a model such as smollm2-135m"
        )
    found: dict[str, Any] = {site: tuple(one) if gradients else np.stack(one) for site, one in seen.items()}
    if "logits" in sites:
        found["logits"] = logits[0].float() if gradients else logits[0].float().cpu().numpy()
    for state in (state for states in found.values() for state in states):
        require_finite(state.detach() if gradients else state, lm.name)
    return Capture(lm.name, Pieces(lm.tokenizer).texts(ids), tuple(ids), kept, is_causal(lm), found)


def changing(
    lm: "LanguageModel", *, edits: Sequence[Edit] = (), off: Sequence[Head] = (), positions: bool = True
) -> list[Hook]:
    """The hooks of `Changes`."""
    return [
        *hooks_of(lm.bridge, edits),
        *silencers(lm.bridge, off),
        *([] if positions else _without_positions(lm.bridge)),
    ]


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


def silencers(bridge: Any, off: Sequence[Head]) -> list[Hook]:
    """Hooks that set the output of some heads to zero."""
    check_heads(bridge, off)
    return hooks_of(bridge, [Edit("z", 0, layer, head) for layer, head in off])


def _keeper(store: list[Any]) -> Any:
    def hook(tensor: Any, hook: Any) -> None:
        store.append(tensor[0].detach().float().cpu().numpy())

    return hook


def _live_keeper(store: list[Any]) -> Any:
    """Keeps the tensor that the pass goes on with, so that gradients reach it."""

    def hook(tensor: Any, hook: Any) -> Any:
        store.append(tensor[0] if tensor.requires_grad else tensor[0].requires_grad_())
        return store[-1][None]

    return hook


def chosen_layers(bridge: Any, layers: Sequence[int] | None) -> tuple[int, ...]:
    """The layers of a model that are asked for, in order; None = all.

    Raises:
        OptionError: there is no such layer.
    """
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
        check_site(lm.bridge, site)
    from labkit.core.devices import describe_machine

    squares = sum(site in ("pattern", "scores") for site in sites)
    needed = 4e-9 * squares * len(layers) * lm.bridge.cfg.n_heads * seq * seq
    free = describe_machine().free_gb
    if needed > 0.5 * free:
        raise OptionError(
            f"{seq} tokens in {len(layers)} layers need {needed:.1f} GB, but {free:.1f} GB are free; "
            "choose fewer layers=, or a shorter window="
        )


def _without_positions(bridge: Any) -> list[Hook]:
    """Hooks that make every position look alike: rotate by no angle, or add no position vector."""
    if hook_name("rotation_cos", 0) in bridge.hook_dict:
        return hooks_of(bridge, [Edit("rotation_cos", 1), Edit("rotation_sin", 0)])
    if hook_name("position_vectors", 0) in bridge.hook_dict:
        return hooks_of(bridge, [Edit("position_vectors", 0)])
    raise ModelError(
        "this model's positions are neither rotations nor vectors, so they cannot be taken away; "
        "choose one such as smollm2-135m"
    )
