"""Where is it known? Put one token's hidden state from another question into this one, and see whose answer comes.

Reads   a LanguageModel, Questions that it answers right.
Gives   Patching: by layer and token, how often the answer becomes the other question's.
Ignores how states are swapped (`interpretability.patching`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import Curve, Curves
from labkit.evaluation import Question, prompt_of, wilson
from labkit.interpretability import patching
from labkit.sampling.prompts import read_prompts

from .states import entity_tokens
from .waiting import watched

PLACES: tuple[str, str] = ("entity", "prompt")
"""The entity's last token, and the prompt's last, from which the answer is predicted."""


@dataclass(frozen=True)
class Patching:
    """What putting in another question's state does to the answer's first token."""

    layers: tuple[int, ...]
    """(layer,) counted from 1: the state after so many layers; 0 = the embedding"""
    turned: np.ndarray
    """(place, layer) share of pairs whose most likely next token becomes the other question's"""
    kept: np.ndarray
    """(place, layer) share that keeps its own"""
    pairs: int

    def curves(self) -> Curves:
        """How often the other answer comes, by layer, one line for each place."""
        names = ("state of the name's last token", "state of the prompt's last token")
        counts = np.full(len(self.layers), self.pairs)
        lines = [Curve(name, np.array(self.layers), row, *wilson(row, counts))
                 for name, row in zip(names, self.turned, strict=True)]  # fmt: skip
        return Curves(tuple(lines), "layers passed", "share of pairs that give the other answer",
                      f"Whose answer comes when one state is swapped? {self.pairs} pairs")  # fmt: skip


def patch(lm: Any, pairs: Sequence[tuple[Question, Question]], *, layers: Sequence[int] | None = None) -> Patching:
    """Swap one hidden state at a time and read the next token.

    Args:
        pairs: (question, donor), two questions with different answers.
        layers: after how many layers the state is taken and put in; None = each one. 0 = the embedding.

    Raises:
        OptionError: no pair, a layer out of range, or an entity that does not stand in its prompt.
        ModelError: as `interpretability.patch`.

    Law: all layers patched at the prompt's last token give the other answer, and a question patched with itself keeps
    its own (tests/hallucination/test_where.py).
    """
    if not pairs:
        raise OptionError("no pair of questions was given; give two questions that the model answers right")
    ids = [[read_prompts(lm.tokenizer, prompt_of(q))[0].ids for q in side] for side in zip(*pairs, strict=True)]
    names = [(_name_end(lm, q, own), _name_end(lm, d, other)) for (q, d), own, other in zip(pairs, *ids, strict=True)]
    at = {PLACES[0]: names, PLACES[1]: [(-1, -1)] * len(pairs)}
    chosen = tuple(range(lm.card.layers + 1)) if layers is None else tuple(layers)
    swaps = patching.patch(lm, *ids, at=at, layers=chosen)
    found = list(watched(swaps, len(PLACES) * len(chosen), "Swapping states", "passes"))
    turned, kept = (np.reshape([row.mean() for row in rows], (len(PLACES), -1))
                    for rows in ([one.turned for one in found], [one.kept for one in found]))  # fmt: skip
    return Patching(chosen, turned, kept, len(pairs))


def _name_end(lm: Any, question: Question, ids: Sequence[int]) -> int:
    """The place of the entity's last token."""
    there = entity_tokens(lm.tokenizer, ids, question.entity)
    if not there:
        raise OptionError(f"{question.entity!r} does not stand in {question.text!r}; give the name as it is written")
    return there[-1]
