"""Ablation: switch heads off and read what changes.

One sweep serves all heads. The pass starts with the untouched text alone; at each layer one copy per head joins the
batch, and the head's output is set to zero (or to its mean) in its own copy. What came before a layer is computed
once instead of once per head, and the matrix products are large.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.pieces import Pieces, visible
from labkit.core.results import Bars, LayerGrid, TokenScores
from labkit.models.language_model import require_finite

from .capture import Changes, Head, capture, check_heads, chosen_layers, device_of, only_position, silencers
from .edits import Edit, hook_name, hooks_of
from .inputs import Text, require_attention, require_decoder, target_id, token_ids

if TYPE_CHECKING:
    from labkit.models import LanguageModel

MODES = ("zero", "mean")
ROWS_AT_ONCE = 8192
"""Tokens of all copies together in one sweep; keeps memory near 1 GB for a model of SmolLM2's size."""


def head_effects(
    lm: "LanguageModel", text: Text, *, target: str, mode: str = "zero", layers: Sequence[int] | None = None
) -> LayerGrid:
    """How much each attention head moves the answer when it is switched off.

    Args:
        text: a prompt of at least two tokens.
        target: the continuation whose log-probability is read; one token.
        mode: `zero` sets the head's output to zero; `mean` to its mean over the positions of this text.
        layers: whose heads; None = all.

    Returns:
        LayerGrid; `values` (layer, head), change of log p(target) in nats; negative = the head helped.

    Raises:
        TargetError: `target` is not one token for this tokenizer.
        TextError: the text is too short or too long.
        ModelError: the model has no attention or predicts no next token.

    Source: Michel et al. 2019, "Are sixteen heads really better than one?"
    Law: equals switching the heads off one at a time (tests/interpretability/test_ablation.py).
    """
    require_attention(lm)
    require_decoder(lm, "head_effects", "vectors_without() shows what heads do to an encoder's vectors")
    ids, number = token_ids(lm, text, at_least=2), target_id(lm, target)
    chosen = chosen_layers(lm.bridge, layers)
    logprobs = _sweep(lm, ids, len(ids) - 1, mode, lambda _, logits: logits.log_softmax(-1)[:, number], layers=chosen)
    return LayerGrid(
        (logprobs[1:] - logprobs[0]).reshape(len(chosen), -1),
        f"change of log p({target!r})",
        "nats",
        f"Each head of {lm.name} switched off ({mode})",
        centred=True,
        row_labels=tuple(map(str, chosen)),
    )


def vectors_without(
    lm: "LanguageModel", text: Text, *, position: int, mode: str = "zero"
) -> tuple[np.ndarray, np.ndarray]:
    """A token's last vector as it is, and with each head switched off in turn.

    Args:
        position: the token, counted from 0, special tokens included (`Capture.where` finds it).

    Returns:
        (d_model,) the untouched vector after the last layer, and (layer, head, d_model).

    Raises:
        OptionError: no such position.
    """
    require_attention(lm)
    ids = token_ids(lm, text, at_least=2)
    if not 0 <= position < len(ids):
        raise OptionError(f"position {position} is not in a text of {len(ids)} tokens")
    vectors = _sweep(lm, ids, position, mode, lambda vector, _: vector)
    return vectors[0], vectors[1:].reshape(lm.bridge.cfg.n_layers, lm.bridge.cfg.n_heads, -1)


def token_losses(lm: "LanguageModel", text: Text, **changes: Unpack[Changes]) -> TokenScores:
    """How much each token surprised the model: -log p(token | what came before), in nats.

    Args:
        changes: of the pass, as in `capture`: edits=, off=, positions=.

    Returns:
        TokenScores; the first token, which nothing predicts, is nan.

    Raises:
        ModelError: the model predicts no next token.
    """
    from scipy.special import log_softmax

    require_attention(lm)
    require_decoder(lm, "token_losses", "choose a decoder such as smollm2-135m")
    seen = capture(lm, text, ("logits",), **changes)
    logprobs = log_softmax(seen["logits"][:-1], axis=-1)  # (seq - 1, vocab)
    losses = np.append(np.nan, -logprobs[np.arange(len(seen) - 1), list(seen.ids[1:])])
    return TokenScores(seen.tokens, losses, "surprise", "nats", f"Surprise of {lm.name}", low=0)


def predict_without(lm: "LanguageModel", text: Text, *, off: Sequence[Head], top: int = 8) -> Bars:
    """The most likely next tokens, and what becomes of them when some heads are switched off.

    Args:
        off: heads (layer, head).
        top: how many tokens.

    Returns:
        Bars; `values` (2, token), probabilities with all heads and without those.

    Raises:
        OptionError: no head was chosen, or there is no such head.
        ModelError: the model predicts no next token.
    """
    if not off:
        raise OptionError("no head was chosen; give off=[(layer, head), ...]")
    whole, without = _next_probabilities(lm, text, ()), _next_probabilities(lm, text, off)
    best = np.argsort(-whole, kind="stable")[:top]
    names, pieces = ", ".join(f"L{layer}H{head}" for layer, head in off), Pieces(lm.tokenizer)
    return Bars(
        tuple(visible(pieces(int(i))) for i in best), np.stack([whole[best], without[best]]), "probability",
        f"What comes next, with and without {names}", ("all heads", f"without {names}"), label_name="next token",
    )  # fmt: skip


def _next_probabilities(lm: "LanguageModel", text: Text, off: Sequence[Head]) -> np.ndarray:
    """(vocab,)"""
    import torch

    require_attention(lm)
    require_decoder(lm, "a prediction", "choose a decoder such as smollm2-135m")
    ids = token_ids(lm, text)
    hooks = [*silencers(lm.bridge, off), only_position(-1)]
    with torch.no_grad():
        logits = lm.bridge.run_with_hooks(torch.tensor([ids], device=device_of(lm)), fwd_hooks=hooks)
    require_finite(logits[0, -1], lm.name)
    return logits[0, -1].cpu().double().softmax(-1).numpy()


def _sweep(
    lm: "LanguageModel", ids: list[int], position: int, mode: str, read: Callable[[Any, Any], Any], *,
    layers: Sequence[int] | None = None,
) -> np.ndarray:  # fmt: skip
    """Row 0: the text untouched; then, layer by layer, each head switched off. Read at one position.

    `read` gets the last layer's vectors (row, d_model) and the logits (row, vocab).
    """
    import torch

    if mode not in MODES:
        raise OptionError(f"mode {mode!r} is unknown; use {' or '.join(MODES)}")
    every = [(layer, head) for layer in chosen_layers(lm.bridge, layers) for head in range(lm.bridge.cfg.n_heads)]
    size = max(1, ROWS_AT_ONCE // len(ids) - 1)
    tokens = torch.tensor([ids], device=device_of(lm))
    found: list[np.ndarray] = []
    for start in range(0, len(every), size):
        rows = _sweep_some(lm.bridge, tokens, every[start : start + size], position=position, mode=mode, read=read)
        found.append(rows if start == 0 else rows[1:])
    return np.concatenate(found)


def _sweep_some(bridge: Any, tokens: Any, heads: list[Head], *, position: int, mode: str, read: Any) -> np.ndarray:
    import torch

    check_heads(bridge, heads)
    by_layer: dict[int, list[int]] = {}
    for layer, head in heads:
        by_layer.setdefault(layer, []).append(head)

    def join(count: int) -> Any:
        return lambda x: torch.cat([x, x[:1].expand(count, -1, -1)])  # (row, seq, d_model)

    def switch_off(chosen: list[int], first: int) -> Any:
        def change(z: Any) -> Any:  # (row, seq, head, d_head); their rows are those from `first` on
            z = z.clone()
            for row, head in enumerate(chosen, first):
                z[row, :, head] = 0 if mode == "zero" else z[0, :, head].mean(0)
            return z

        return change

    last: list[Any] = []

    def keep(x: Any, hook: Any) -> None:
        last.append(x[:, position])

    edits: list[Edit] = []
    if bridge.cfg.positional_embedding_type == "alibi":  # its table of distances is made for all rows at the start
        tokens = tokens.expand(1 + len(heads), -1)
    else:
        edits = [Edit("resid_pre", join(len(chosen)), layer) for layer, chosen in by_layer.items()]
    firsts = 1 + np.cumsum([0, *(len(chosen) for chosen in by_layer.values())])
    edits += [Edit("z", switch_off(by_layer[at], int(first)), at) for at, first in zip(by_layer, firsts, strict=False)]
    hooks = [
        *hooks_of(bridge, edits),
        (hook_name("resid_post", bridge.cfg.n_layers - 1), keep),
        only_position(position),
    ]
    with torch.no_grad():
        logits = bridge.run_with_hooks(tokens, fwd_hooks=hooks)
    require_finite(logits[:, 0])
    return read(last[0].float(), logits[:, 0].float()).cpu().numpy()
