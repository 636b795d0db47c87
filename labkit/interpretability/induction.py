"""Induction: random tokens read twice, where only a head that copies can foresee the second half.

Reads   a LanguageModel.
Gives   the tokens, and how much each head copies.
"""

from typing import TYPE_CHECKING

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import LayerGrid
from labkit.core.seeds import derive

from .capture import capture
from .heads import measure

if TYPE_CHECKING:
    from labkit.models import LanguageModel


def repeated_tokens(lm: "LanguageModel", *, length: int = 50, seed: int = 0) -> list[int]:
    """Random tokens, twice: the same `length` numbers one after the other, so only copying can predict the second half.

    Special tokens are left out; where the model's texts start with one, it comes first.
    """
    special = set(lm.tokenizer.all_special_ids)
    ordinary = np.array([i for i in range(min(len(lm.tokenizer), lm.card.vocab)) if i not in special])
    if not 2 <= length <= len(ordinary):
        raise OptionError(f"length={length} is not between 2 and the {len(ordinary)} ordinary tokens of {lm.name}")
    half = np.random.default_rng(derive(seed, "repeated tokens")).choice(ordinary, length, replace=False).tolist()
    start = lm.tokenizer("")["input_ids"][:1]
    return [*start, *half, *half]


def induction_scores(lm: "LanguageModel", *, length: int = 50, draws: int = 4, seed: int = 0) -> LayerGrid:
    """How much each head, in the second half of repeated random tokens, looks at what followed the first time.

    Args:
        length: tokens in each half.
        draws: how many such texts the score is averaged over.

    Returns:
        LayerGrid (layer, head); 1 = all of its weight.

    Source: Olsson et al. 2022, "In-context learning and induction heads".
    Law: a hand-made perfect induction pattern scores 1, a uniform one 1/n (tests/interpretability/test_heads.py).
    """
    if draws < 1:
        raise OptionError(f"draws={draws}: average over one text or more")
    texts = [repeated_tokens(lm, length=length, seed=derive(seed, "induction", n)) for n in range(draws)]
    grids = [measure("induction", capture(lm, ids)) for ids in texts]
    return LayerGrid(
        np.mean([grid.values for grid in grids], axis=0), "induction score", "weight",
        f"Induction in {lm.name}: {length} random tokens, twice", row_labels=grids[0].row_labels,
    )  # fmt: skip
