"""Learning from marked answers: splits that part no entity, and a logistic regression read on what it did not see.

Reads   states (question, d), which answers are wrong, groups.
Gives   folds, and scores out of fold.
Ignores where the states come from.

Laws (tests/hallucination/test_probes.py): no group is in two folds; a label that the states hold is found; labels that
they do not hold are not.
"""

import warnings
from typing import Any

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.seeds import derive
from labkit.evaluation import auroc

FOLDS = 5
STRENGTH = 0.003
"""1 / L2 penalty (`C`), for standardised states: few answers, many dimensions."""


def split(groups: np.ndarray, wrong: np.ndarray, seed: int = 0, folds: int = FOLDS) -> np.ndarray:
    """(question,) fold of each, both classes spread evenly, each group in one fold.

    Raises:
        OptionError: a class stands in too few groups to be in every fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    for kind, name in ((True, "wrong"), (False, "right")):
        there = len(set(groups[wrong == kind]))
        if there < folds:
            raise OptionError(
                f"{there} different entities are answered {name}, but {folds} folds need {folds} or more; "
                "ask more questions"
            )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=derive(seed, "folds") % 2**32)
    number = np.empty(len(wrong), int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about classes that cannot be spread evenly
        for fold, (_, test) in enumerate(splitter.split(wrong, wrong, groups)):
            number[test] = fold
    return number


def fit(states: np.ndarray, wrong: np.ndarray, strength: float = STRENGTH) -> Any:
    """A logistic regression on standardised states (question, d)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=300, tol=1e-3)
    return make_pipeline(StandardScaler(), model).fit(states, wrong)


def out_of_fold(states: np.ndarray, wrong: np.ndarray, folds: np.ndarray, strength: float = STRENGTH) -> np.ndarray:
    """(question,) scores, each from a probe that did not see its fold; comparable between folds."""
    doubt = np.zeros(len(wrong))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        if wrong[train].all() or not wrong[train].any():
            continue
        doubt[test] = fit(states[train], wrong[train], strength).decision_function(states[test])
    return doubt


def nested(
    states: np.ndarray, wrong: np.ndarray, groups: np.ndarray, folds: np.ndarray, seed: int
) -> tuple[np.ndarray, list[int]]:
    """(question,) scores out of fold, and the layer chosen in each fold by two-fold tests inside its training part."""
    doubt, best = np.zeros(len(wrong)), []
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        inner = split(groups[train], wrong[train], seed, folds=2)
        inside = [float(auroc(wrong[train], out_of_fold(states[train][:, layer], wrong[train], inner)))
                  for layer in range(states.shape[1])]  # fmt: skip
        best.append(int(np.argmax(inside)))
        doubt[test] = fit(states[train][:, best[-1]], wrong[train]).decision_function(states[test][:, best[-1]])
    return doubt, best
