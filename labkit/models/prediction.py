"""The next token: a prompt in, one probability for each token of the vocabulary out.

Reads   a LanguageModel and a text.
Gives   Bars, or the whole distribution as an array.
Ignores how tokens are drawn from it (that is sampling).
"""

from typing import Any

import numpy as np

from labkit.core.errors import ModelError, OptionError, TextError
from labkit.core.pieces import Pieces, visible
from labkit.core.results import Bars, Table
from labkit.core.values import checked_text, is_whole

from .language_model import LanguageModel, require_finite, require_model


def next_token(lm: LanguageModel, text: str, *, top: int | None = None) -> Bars:
    """The most probable next tokens after a text.

    Args:
        text: the prompt, taken as it stands (no chat template); an empty one is the start token.
        top: how many tokens, 1 to the vocabulary's size; None = ten, or all where there are fewer.

    Returns:
        Bars; labels are the tokens with spaces and line ends made visible (`␣Paris`), values (token,) their
        probabilities, falling; the first is marked.

    Raises:
        TextError: the text has no character of the vocabulary, is longer than the model's context, is no valid
            Unicode, or is empty where there is no start token.
        ModelError: the model does not predict a next token, or gives numbers that are not finite.
        OptionError: `top` is no whole number, or out of range.

    Law: the softmax of the model's own logits (tests/models/test_prediction.py).
    """
    require_model(lm)
    top = min(10, lm.card.vocab) if top is None else top
    if not _whole(top) or not 1 <= top <= lm.card.vocab:
        raise OptionError(f"top={top!r}: choose 1 to {lm.card.vocab} tokens, a whole number")
    probabilities, pieces = next_probabilities(lm, text), Pieces(lm.tokenizer)
    best = np.argsort(-probabilities, kind="stable")[:top]
    return Bars(
        labels=tuple(visible(pieces(int(i))) for i in best),
        values=probabilities[best],
        quantity="probability",
        title=f"What comes after “{_tail(text)}”" if text else "What comes first",
        marked=(0,),
        label_name="next token",
    )


def next_probabilities(lm: LanguageModel, text: str) -> np.ndarray:
    """(vocab,) float64: the probability of each token to come next; sums to 1."""
    import torch

    ids = encode(lm, text)
    with torch.no_grad():
        logits = lm.model(input_ids=torch.tensor([ids], device=lm.model.device)).logits[0, -1]  # (vocab,)
    require_finite(logits, lm.name)
    return logits.cpu().double().softmax(-1).numpy()  # mps has no float64


def walk(lm: LanguageModel, text: str, *, tokens: int = 10) -> Table:
    """A text continued by its most probable token, one at a time: each with its probability and what it beat.

    Args:
        text: the prompt; an empty one is the start token.
        tokens: how many to add at most; it ends earlier where the model ends the text or its context is full.

    Returns:
        Table of columns `token`, `probability`, `it beat`, `its probability`, `text so far`; one row a token.

    Raises:
        TextError, ModelError: as `next_token`.
        OptionError: `tokens` is no whole number, or negative.

    Law: the tokens of transformers' greedy `generate` (tests/models/test_prediction.py).
    """
    import torch

    if not _whole(tokens) or tokens < 0:
        raise OptionError(f"tokens={tokens!r}: choose 0 or more, a whole number")
    ids, cache, rows, pieces = encode(lm, text), None, [], Pieces(lm.tokenizer)
    given = torch.tensor([ids], device=lm.model.device)
    for _ in range(min(tokens, (lm.card.context or tokens + len(ids)) - len(ids))):
        with torch.no_grad():
            step = lm.model(input_ids=given, past_key_values=cache, use_cache=True)
        cache = getattr(step, "past_key_values", None)  # a state-space model has none and reads the whole again
        require_finite(step.logits[0, -1], lm.name)
        (first, second), (best, runner_up) = (t.tolist() for t in step.logits[0, -1].cpu().double().softmax(-1).topk(2))
        ids.append(best)
        won, beat = visible(pieces(best)), visible(pieces(runner_up))
        rows.append((won, first, beat, second, lm.tokenizer.decode(ids)))
        if best in _ends(lm):
            break
        given = torch.tensor([ids if cache is None else [best]], device=lm.model.device)
    columns = ("token", "probability", "it beat", "its probability", "text so far")
    return Table(columns, tuple(rows), title=f"“{_tail(text)}”, one token at a time" if text else "One token at a time")


def _whole(value: Any) -> bool:
    return is_whole(value) or isinstance(value, np.integer)


def _ends(lm: LanguageModel) -> tuple[int, ...]:
    """The ids with which the model ends a text."""
    ids = lm.model.generation_config.eos_token_id
    return () if ids is None else tuple(ids) if isinstance(ids, list) else (ids,)


def encode(lm: LanguageModel, text: str) -> list[int]:
    """The prompt's token ids, or why this model cannot continue it."""
    require_model(lm)
    if lm.card.kind != "decoder-only":
        raise ModelError(
            f"{lm.name!r} is {lm.card.kind} and predicts no next token; use a decoder-only model of lab.catalog()"
        )
    ids = read_ids(lm.tokenizer, text)
    if lm.card.context and len(ids) > lm.card.context:
        raise TextError(
            f"the text has {len(ids):,} tokens, but {lm.name} reads at most {lm.card.context:,}; shorten it"
        )
    return ids


def read_ids(tokenizer: Any, text: str, **options: Any) -> list[int]:
    """The ids of a prompt, as every verb reads it: an empty one is the tokenizer's start token, and an end token that
    the tokenizer puts after each text is left out, for the model is to go on.

    Args:
        options: of the tokenizer's call, such as add_special_tokens=False for a text that has them.

    Raises:
        TextError: it is no text, no valid Unicode, has no character of the vocabulary, or is empty where there is no
            start token.
    """
    ids = list(tokenizer(checked_text(text), verbose=False, **options)["input_ids"])
    while ids and ids[-1] == tokenizer.eos_token_id and not text.endswith(tokenizer.eos_token):
        ids.pop()
    if not ids and text:
        raise TextError(
            f"none of the {len(text)} characters of the text is in the vocabulary, so the model would see nothing; "
            "write others"
        )
    if not ids and tokenizer.bos_token_id is None:
        raise TextError("the text is empty and this tokenizer has no start token; write at least one character")
    return ids or [tokenizer.bos_token_id]


def _tail(text: str, most: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else "…" + line[-most:]
