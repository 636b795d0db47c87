"""Probes: does a hidden state show that the answer will be wrong? Never without what else could have shown it.

Reads   Answers with hidden states, and which of them are wrong.
Gives   Probe: AUROC by token and layer, scores out of fold, and controls.
Ignores why.

A probe is a logistic regression on one token's hidden state in one layer, trained on some questions and read on
others. Questions about one entity are never on both sides. The layer is chosen inside the training part, so that the
reported number is that of a probe whose layer was not picked by its own test.

Sources: Alain & Bengio 2016; Azaria & Mitchell 2023, "The internal state of an LLM knows when it's lying";
Hewitt & Liang 2019 (controls). Laws: tests/hallucination/test_probes.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from labkit.core.errors import OptionError, closest
from labkit.core.results import Curve, Curves, LayerGrid, Table
from labkit.evaluation import Scores, auroc, checked, score

from .answers import POSITIONS, Answers
from .controls import Control, Place, controls
from .learning import nested, out_of_fold, split


@dataclass(frozen=True)
class Probe:
    """A probe and its controls."""

    token: str
    """which token's state it reads"""
    layers: tuple[int, ...]
    """(fold,) the layer chosen in each fold's training part; 0 = the embedding"""
    doubt: np.ndarray = field(repr=False)
    """(question,) scores out of fold; higher = more likely wrong"""
    scores: Scores
    grid: LayerGrid = field(repr=False)
    """AUROC out of fold by token (row) and layer (column); the best cell is picked after the fact, so it flatters"""
    controls: tuple[Control, ...]

    def table(self) -> Table:
        """The probe and its controls."""
        rows = [(f"probe on the {self.token} token", "hidden state", str(self.scores.auroc), "")]
        rows += [(c.name, c.what, str(c.scores.auroc) if c.scores else "–", str(c.lead) if c.lead else "–")
                 for c in self.controls]  # fmt: skip
        return Table(("what", "reads", "AUROC", "probe less this"), tuple(rows), "A probe beside its controls")

    def curves(self) -> Curves:
        """AUROC by layer, one line for each token."""
        layers = np.array([int(label) for label in self.grid.column_labels])
        lines = [Curve(name, layers, row) for name, row in zip(self.grid.row_labels, self.grid.values, strict=True)]
        return Curves(tuple(lines), "layer", "AUROC out of fold", "Where a probe can tell", levels=(("chance", 0.5),))

    def control(self, name: str) -> Control:
        """One control by its name.

        Raises:
            OptionError: there is none.
        """
        for one in self.controls:
            if one.name == name:
                return one
        raise OptionError(f"there is no control {name!r}; {closest(name, [c.name for c in self.controls])}")


def probe(answers: Answers, *, token: str = "last", layers: Sequence[int] | None = None, seed: int = 0) -> Probe:
    """A probe for wrong answers, with its controls: always.

    Args:
        answers: asked with look=("states", "control", …).
        token: `entity`, `prompt` (the last token before the answer), `first` or `last` (of the answer).
        layers: the layers to choose from, 0 = the embedding; None = up to sixteen, evenly spread.

    Returns:
        Probe; controls: shuffled labels, random model, other topics, topic alone, entity frequency, answer length.

    Raises:
        OptionError: no states were kept, an unknown token or layer, one class only, or too few entities.

    Laws: labels that a layer holds are found; shuffled labels are at ½; no entity is on both sides.
    """
    if answers.hidden is None:
        raise OptionError("these answers have no hidden states; ask again with look=('states', 'control')")
    if token not in POSITIONS:
        raise OptionError(f"there is no token {token!r}; {closest(token, POSITIONS)}")
    wrong, _ = checked(answers.wrong, np.zeros(len(answers)))
    chosen = _layers(answers.hidden.shape[2], layers)
    with threadpool_limits(1):  # hundreds of small fits: a second thread costs more than it does
        return _probe(answers, wrong, token, chosen, seed)


def _probe(answers: Answers, wrong: np.ndarray, token: str, layers: list[int], seed: int) -> Probe:
    assert answers.hidden is not None
    folds = split(answers.folds, wrong, seed)
    states = answers.hidden[:, :, layers].astype(np.float32)  # (question, position, layer, d_model)
    doubt, best = nested(states[:, POSITIONS.index(token)], wrong, answers.folds, folds, seed)
    grid = np.array([[auroc(wrong, out_of_fold(states[:, position, layer], wrong, folds))
                      for layer in range(len(layers))] for position in range(len(POSITIONS))])  # fmt: skip
    place = Place(token, layers[int(np.median(best))], seed, tuple(layers), doubt, answers.folds)
    return Probe(
        token, tuple(layers[b] for b in best), doubt, score(wrong, doubt, groups=answers.folds, seed=seed),
        LayerGrid(grid, "AUROC", title="Probes by token and layer", row_name="token", column_name="layer",
                  row_labels=POSITIONS, column_labels=tuple(map(str, layers))),
        controls(answers, wrong, folds, place),
    )  # fmt: skip


def _layers(count: int, asked: Sequence[int] | None) -> list[int]:
    if asked is None:
        return sorted({int(x) for x in np.linspace(0, count - 1, min(count, 16)).round()})
    if not asked or not all(0 <= layer < count for layer in asked):
        raise OptionError(f"layers={tuple(asked)} is not a choice of 0 to {count - 1}; None spreads them evenly")
    return sorted(set(asked))
