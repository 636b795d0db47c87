"""Ablation: switch heads off and read what changes. One sweep serves all heads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.pieces import Pieces, visible
from labkit.core.results import Bars, LayerGrid, TokenScores
from labkit.models.language_model import require_finite

from .capture import Changes, Head, capture, chosen_layers, device_of, only_position, silencers
from .edits import Edit
from .inputs import Text, require_attention, require_decoder, target_id, token_ids
from .sweeps import sweep

if TYPE_CHECKING:
    from labkit.models import LanguageModel

MODES = ("zero", "mean")


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
    edits = _without_each(lm, mode, layers)
    logprobs = sweep(lm, ids, edits, lambda _, logits: logits.log_softmax(-1)[:, number])
    chosen = chosen_layers(lm.bridge, layers)
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
    vectors = sweep(lm, ids, _without_each(lm, mode), lambda vector, _: vector, position)
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


def _without_each(lm: "LanguageModel", mode: str, layers: Sequence[int] | None = None) -> list[Edit]:
    """An edit for each head: its output set to zero, or to its mean over the positions."""
    if mode not in MODES:
        raise OptionError(f"mode {mode!r} is unknown; use {' or '.join(MODES)}")
    to = 0 if mode == "zero" else lambda z: z.mean(1, keepdim=True)  # (row, seq, head, d_head)
    heads = range(lm.bridge.cfg.n_heads)
    return [Edit("z", to, layer, head) for layer in chosen_layers(lm.bridge, layers) for head in heads]
