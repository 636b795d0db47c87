"""Where is it known? Put one token's hidden state from another question into this one, and see whose answer comes.

Reads   a LanguageModel, Questions that it answers right.
Gives   by token and layer, whether the answer becomes the other question's.
Ignores how states are swapped (`interpretability.patching`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labkit.assets.progress import watched
from labkit.core.errors import OptionError
from labkit.core.results import Curves
from labkit.evaluation import Question, prompt_of, share_curve
from labkit.interpretability import patching
from labkit.sampling.prompts import read_prompts

from .states import entity_tokens

PLACES: tuple[str, str] = ("entity", "prompt")
"""The entity's last token, and the prompt's last, from which the answer is predicted."""


def curves(turned: Mapping[str, Mapping[int, np.ndarray]]) -> Curves:
    """How often the other answer comes, by layer, one line for each place."""
    lines = [share_curve(f"state of the {place}'s last token", rows) for place, rows in turned.items()]
    pairs = {len(marks) for rows in turned.values() for marks in rows.values()}
    return Curves(tuple(lines), "layers passed", "share of pairs that give the other answer",
                  f"Whose answer comes when one state is swapped? {max(pairs)} pairs")  # fmt: skip


def patch(
    lm: Any, pairs: Sequence[tuple[Question, Question]], *, layers: Sequence[int] | None = None
) -> dict[str, dict[int, np.ndarray]]:
    """Swap one hidden state at a time and read the next token.

    Args:
        pairs: (question, donor), two questions with different answers.
        layers: after how many layers the state is taken and put in; None = each one. 0 = the embedding.

    Returns:
        place → layer → (pair,) bool: the most likely next token becomes the other question's. Pairs whose answers begin
        with the same token cannot tell and are left out.

    Raises:
        OptionError: no pair that can tell, a layer out of range, or an entity that does not stand in its prompt.
        ModelError: as `interpretability.patch`.

    Law: all layers patched at the prompt's last token give the other answer, and a name's state
    after the last layer is read by nobody (tests/hallucination/test_where.py).
    """
    if not pairs:
        raise OptionError("no pair of questions was given; give two questions that the model answers right")
    ids = [[read_prompts(lm.tokenizer, prompt_of(q))[0].ids for q in side] for side in zip(*pairs, strict=True)]
    names = [(_name_end(lm, q, own), _name_end(lm, d, other)) for (q, d), own, other in zip(pairs, *ids, strict=True)]
    at = {PLACES[0]: names, PLACES[1]: [(-1, -1)] * len(pairs)}
    chosen = tuple(range(lm.card.layers + 1)) if layers is None else tuple(layers)
    swaps = patching.patch(lm, *ids, at=at, layers=chosen)
    found = list(watched(swaps, len(PLACES) * len(chosen), "Swapping states", "passes"))
    if not found[0].apart.any():
        raise OptionError("the two answers of each pair begin with the same token; give pairs whose answers differ")
    return {place: {one.layer: one.turned[one.apart] for one in found if one.place == place} for place in PLACES}


def _name_end(lm: Any, question: Question, ids: Sequence[int]) -> int:
    """The place of the entity's last token."""
    there = entity_tokens(lm.tokenizer, ids, question.entity)
    if not there:
        raise OptionError(f"{question.entity!r} does not stand in {question.text!r}; give the name as it is written")
    return there[-1]
