"""Controls: what else could have told wrong answers from right ones, measured on the same answers and folds.

Reads   Answers, which of them are wrong, the folds of a probe.
Gives   Control after Control.
Ignores how the probe itself did.

Shuffled labels: what a probe finds where there is nothing to find. A random model: what the words alone tell. Other
topics: whether it learned "wrong" or learned a topic. Topic, frequency and length: whether something simpler does as
well.

Sources: Hewitt & Liang 2019; Levinstein & Herrmann 2024.
"""

from dataclasses import dataclass, replace

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.seeds import derive
from labkit.evaluation import Measure, Scores, auroc, compare, interval, score
from labkit.evaluation.scoring import auprc, prr

from .answers import POSITIONS, Answers
from .learning import fit, nested, out_of_fold

LONGEST = 12
"""Tokens from which answers count as equally long."""
DEALS = 20
"""Times that shuffled labels are dealt: one deal alone leads or trails by chance."""
FEWEST = 3
"""Answers of each kind without which a topic alone tells nothing."""


@dataclass(frozen=True)
class Control:
    """What another explanation scores."""

    name: str
    what: str
    """what it reads; where it cannot be had, why"""
    scores: Scores | None
    """None where it cannot be had"""
    lead: Measure | None = None
    """AUROC of the probe less this one's, paired; None where the two do not judge by the same labels"""


@dataclass(frozen=True)
class Place:
    """Where the probe reads."""

    token: str
    layer: int
    seed: int
    layers: tuple[int, ...]
    """those that it was chosen from"""
    doubt: np.ndarray
    """(question,) what the probe says, out of fold"""
    groups: np.ndarray
    """(question,) what is drawn whole for intervals"""

    def states(self, hidden: np.ndarray) -> np.ndarray:
        """(question, d_model) float32."""
        return hidden[:, POSITIONS.index(self.token), self.layer].astype(np.float32)


def controls(answers: Answers, wrong: np.ndarray, folds: np.ndarray, place: Place) -> tuple[Control, ...]:
    """All of them, always; one that cannot be had says why."""
    return (
        _shuffled(answers, wrong, folds, place),
        _random_model(answers, wrong, folds, place),
        *_left_out(answers, wrong, place),
        *_topic(answers, wrong, folds, place),
        _frequency(answers, wrong, folds, place),
        _length(answers, wrong, folds, place),
    )


def _shuffled(answers: Answers, wrong: np.ndarray, folds: np.ndarray, place: Place) -> Control:
    """Labels dealt anew within each fold, so that the folds keep their shares: means, and where most deals lie."""
    assert answers.hidden is not None
    rng, states = np.random.default_rng(derive(place.seed, "shuffle")), place.states(answers.hidden)
    found, dealt, doubt = [], wrong.copy(), place.doubt
    for _ in range(DEALS):
        for fold in np.unique(folds):
            dealt[folds == fold] = rng.permutation(wrong[folds == fold])
        doubt = out_of_fold(states, dealt, folds)
        found.append([float(measure(dealt, doubt)) for measure in (auroc, auprc, prr)])
    means = dict(zip(("auroc", "auprc", "prr"), (interval(float(v.mean()), v) for v in np.array(found).T), strict=True))
    what = f"the same states, labels dealt at random {DEALS} times"
    return Control("shuffled labels", what, replace(score(dealt, doubt, seed=place.seed, draws=1), **means))


def _random_model(answers: Answers, wrong: np.ndarray, folds: np.ndarray, place: Place) -> Control:
    if answers.control is None:
        return Control("random model", "was not asked; ask with look=('states', 'control')", None)
    states = answers.control[:, POSITIONS.index(place.token)][:, list(place.layers)].astype(np.float32)
    doubt, _ = nested(states, wrong, place.groups, folds, place.seed)
    what = "states of a model of the same shape that was never trained, its own best layers"
    return _beside("random model", what, doubt, wrong, place)


def _left_out(answers: Answers, wrong: np.ndarray, place: Place) -> list[Control]:
    """One for each topic: trained on all others, read on this one."""
    assert answers.hidden is not None
    topics = np.array([q.topic for q in answers.questions])
    names = list(dict.fromkeys(topics.tolist()))
    if len(names) < 2:
        return [Control("other topics", "one topic alone was asked, so none can be left out", None)]
    states, found = place.states(answers.hidden), []
    for name in names:
        test = topics == name
        there, bad = int(test.sum()), int(wrong[test].sum())
        if min(bad, there - bad) < FEWEST:
            found.append(Control(f"not trained on {name}", f"too few of one kind: {bad} of {there} are wrong", None))
            continue
        try:
            doubt = fit(states[~test], wrong[~test]).decision_function(states[test])
            what = f"states; trained on all other topics; {bad} of {there} are wrong"
            found.append(Control(f"not trained on {name}", what,
                                 score(wrong[test], doubt, seed=place.seed)))  # fmt: skip
        except (OptionError, ValueError):
            found.append(Control(f"not trained on {name}", "all other topics' answers are of one kind", None))
    return found


def _frequency(answers: Answers, wrong: np.ndarray, folds: np.ndarray, place: Place) -> Control:
    """Rank of the entity's frequency within its topic."""
    from scipy.stats import rankdata

    name, what = "entity frequency", "how often the entity is met: population, 1 / atomic number, times told"
    known = np.array([q.frequency is not None for q in answers.questions])
    topics = np.array([q.topic for q in answers.questions])
    rank = np.full(len(wrong), 0.5)
    for topic in set(topics.tolist()):
        here = known & (topics == topic)
        rank[here] = rankdata([answers.questions[i].frequency for i in np.flatnonzero(here)]) / max(here.sum(), 1)
    if not known.any():
        return Control(name, "no question says how often its entity is met", None)
    return _beside(name, what, _alone(rank[:, None], wrong, folds), wrong, place)


def _length(answers: Answers, wrong: np.ndarray, folds: np.ndarray, place: Place) -> Control:
    """Each length is a class of its own: refusals are long and right, so "longer is worse" were too weak a rival."""
    lengths = np.minimum([len(row) for row in answers.ids], LONGEST)
    return _beside("answer length", "number of tokens", _alone(_one_hot(lengths), wrong, folds), wrong, place)


def _topic(answers: Answers, wrong: np.ndarray, folds: np.ndarray, place: Place) -> list[Control]:
    """The topic's share of wrong answers is all that it can know."""
    topics = np.array([q.topic for q in answers.questions])
    if len(set(topics.tolist())) < 2:
        return []
    return [_beside("topic", "which topic it is, nothing else", _alone(_one_hot(topics), wrong, folds), wrong, place)]


def _one_hot(classes: np.ndarray) -> np.ndarray:
    """(question, class) 1 where it is this class."""
    return (classes[:, None] == np.unique(classes)).astype(float)


def _alone(features: np.ndarray, wrong: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """(question,) scores out of fold of a few numbers for each answer (question, d), and nothing else."""
    return out_of_fold(features, wrong, folds, strength=1.0)


def _beside(name: str, what: str, doubt: np.ndarray, wrong: np.ndarray, place: Place) -> Control:
    """A control that judged the same answers as the probe."""
    same = {"groups": place.groups, "seed": place.seed}
    return Control(name, what, score(wrong, doubt, **same), compare(wrong, place.doubt, doubt, **same))
