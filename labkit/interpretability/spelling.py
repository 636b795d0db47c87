"""Spelling: does a model know the letters of its tokens?

Reads   a decoder-only LanguageModel, its tokenizer, words in pieces.
Gives   the share of each word's letters that the model ranks first.
Ignores where the words come from.

Source: Itzhak & Levy 2022, "Models In a Spelling Bee".
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.core.errors import ModelError

SHOWN = ("street", "kitchen", "mountain", "language")
"""Words whose spelling the prompt shows."""


def require_words(lm: Any) -> None:
    """Refuse a model that cannot be asked how its tokens are spelled: it writes nothing, or its tokens are no words.

    Raises:
        ModelError: it is no decoder with attention, or its vocabulary holds none of four frequent words.

    Law: tests/interpretability/test_spelling.py.
    """
    if lm.card.kind != "decoder-only" or not lm.card.heads:
        raise ModelError(f"{lm.name!r} is {lm.card.kind}; take a decoder with attention: it must spell its tokens")
    if not any(len(lm.tokenizer.encode(f" {word}", add_special_tokens=False)) == 1 for word in SHOWN):
        raise ModelError(
            f"the vocabulary of {lm.name!r} ({lm.card.vocab:,} tokens) holds none of {', '.join(SHOWN)} as one token; "
            "take a model whose tokens are words: this lesson asks whether they know their letters"
        )


def halves(tok: Any, word: str) -> list[str]:
    """A word after a space, cut near its middle where both parts are one token; empty where they are not."""
    middle = sorted(range(2, len(word) - 1), key=lambda i: abs(i - len(word) / 2))[:3]
    cuts = ([" " + word[:i], word[i:]] for i in middle)
    return next((cut for cut in cuts if all(len(tok.encode(part)) == 1 for part in cut)), [])


def letters_right(lm: Any, tok: Any, given: Sequence[Sequence[str]], words: Sequence[str]) -> np.ndarray:
    """(word,) share of its letters that the model ranks first, given the right ones so far.

    Args:
        tok: the model's tokenizer, which has each letter after a space as one token.
        given: pieces of each word, as the model reads it; each piece is cut for itself.
        words: what is to be spelled, letter by letter, after the pieces.

    Law: as of one prompt after the other, read whole (tests/interpretability/test_spelling.py).
    """
    import torch
    from torch.nn.utils.rnn import pad_sequence

    shown = "".join(f"The word {word} is spelled {' '.join(word)}.\n" for word in SHOWN)
    start = tok.encode(f"Spell the words letter by letter.\n{shown}The word")
    after = tok.encode(" is spelled")
    asked = [[i for piece in pieces for i in tok.encode(piece)] + after for pieces in given]
    letters = [[tok.encode(f" {letter}")[0] for letter in word] for word in words]
    rows = [torch.tensor(a + wanted) for a, wanted in zip(asked, letters, strict=True)]
    device = lm.model.device
    with torch.no_grad():
        read = lm.model(torch.tensor([start], device=device)).past_key_values  # which all prompts share
        read.batch_repeat_interleave(len(rows))
        ids = pad_sequence(rows, batch_first=True).to(device)  # (word, seq)
        best = lm.model(ids, past_key_values=read).logits.argmax(-1).tolist()  # (word, seq)
    first = [len(a) - 1 for a in asked]  # where the first letter is predicted
    found = [row[at : at + len(wanted)] for row, at, wanted in zip(best, first, letters, strict=True)]
    return np.array([np.mean(np.equal(f, wanted)) for f, wanted in zip(found, letters, strict=True)])
