"""From what a user gives to what a model reads: a text or token numbers, checked against the model's limits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labkit.core.errors import ModelError, OptionError, TargetError, TextError
from labkit.core.values import checked_text
from labkit.models import require_model
from labkit.models.prediction import read_ids

if TYPE_CHECKING:
    from labkit.models import LanguageModel

Text = str | Sequence[int]
"""A text, or the token numbers themselves (random tokens, for example)."""


def require_attention(lm: "LanguageModel") -> None:
    """Refuse a model without attention heads, before anything is computed.

    Raises:
        ModelError: no LanguageModel, a recurrent model, or an encoder-decoder (its two texts need two inputs).
    """
    require_model(lm)
    config = lm.model.config
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(f"{lm.name} reads two texts (encoder and decoder); capture serves models that read one")
    if not any(getattr(config, name, None) for name in ("num_attention_heads", "n_head", "num_heads")):
        raise ModelError(
            f"{lm.name} is a {getattr(config, 'model_type', 'model')} model and has no attention heads, "
            "so there are no weights to see; choose a transformer such as smollm2-135m"
        )


def token_ids(
    lm: "LanguageModel", text: Text, *, window: tuple[int, int] | None = None, at_least: int = 1
) -> list[int]:
    """The token numbers as the model will see them, special tokens included.

    Args:
        window: (start, stop) positions to keep, for texts longer than the model's context.
        at_least: how many tokens the caller needs.

    Raises:
        TextError: nothing to read, too few tokens, or more than the model's context holds.
        OptionError: the window lies outside of the text.
    """
    if isinstance(text, str) and not text:
        raise TextError("the text is empty; write at least one word")
    ids = _read(lm, text) if isinstance(text, str) else [int(i) for i in text]
    if window is not None:
        start, stop = window
        if not 0 <= start < stop <= len(ids):
            raise OptionError(
                f"window={window} does not fit a text of {len(ids)} tokens; use 0 ≤ start < stop ≤ {len(ids)}"
            )
        ids = ids[start:stop]
    vocabulary = lm.card.vocab
    if ids and not 0 <= min(ids) <= max(ids) < vocabulary:
        raise TextError(f"token numbers reach from {min(ids)} to {max(ids)}, but {lm.name} knows 0 to {vocabulary - 1}")
    limit = lm.card.context
    if limit and len(ids) > limit:
        raise TextError(
            f"the text has {len(ids)} tokens, but {lm.name} reads at most {limit}; "
            f"give window=({len(ids) - limit}, {len(ids)}) to see the last {limit}, or shorten the text"
        )
    if len(ids) < at_least:
        raise TextError(
            f"the text has {len(ids)} token{'s' * (len(ids) != 1)}, but this needs {at_least} or more; add a word"
        )
    return ids


def count_tokens(lm: "LanguageModel", text: str) -> int:
    """How many tokens the model would see, special tokens included."""
    return len(_read(lm, text))


def _read(lm: "LanguageModel", text: str) -> list[int]:
    """An encoder reads the end that its tokenizer adds; a decoder goes on from what was written."""
    if lm.card.kind.startswith("decoder-only"):
        return read_ids(lm.tokenizer, text)
    return lm.tokenizer(checked_text(text), verbose=False)["input_ids"]


def target_id(lm: "LanguageModel", target: str | int) -> int:
    """The number of a continuation that is one token; a number stays as it is.

    Raises:
        TargetError: it is none, or several.
    """
    if isinstance(target, int):
        return target
    ids = lm.tokenizer(target, add_special_tokens=False)["input_ids"]
    if len(ids) == 1:
        return ids[0]
    spaced = " " + target.strip()
    alone = lm.tokenizer(spaced, add_special_tokens=False)["input_ids"]
    way_out = f"use {spaced!r}" if len(alone) == 1 else "choose a shorter word"
    raise TargetError(
        f"the target {target!r} is {len(ids)} tokens for {lm.name}, but its probability is read as one; {way_out}"
    )


def require_decoder(lm: "LanguageModel", what: str, instead: str) -> None:
    """Refuse an encoder where the next token's probability is needed.

    Raises:
        ModelError: the model predicts no next token.
    """
    if lm.bridge.cfg.attention_dir != "causal":
        raise ModelError(
            f"{what} reads the next token's probability, but {lm.name} is an encoder and predicts none; {instead}"
        )
