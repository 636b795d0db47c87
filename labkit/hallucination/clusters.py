"""Clusters: which samples of a question mean the same, and how spread the meanings are.

Reads   Answers, or texts.
Gives   a class number for each sample, class probabilities, semantic entropy in nats.
Ignores which meaning is right.

Two ways to say "the same": equal after normalisation, or near in the space of a sentence encoder. The original work
asks a language model whether each implies the other; that needs a model ten times larger than the one studied here.

Laws: class probabilities sum to 1; the entropy is 0 for one meaning and log k for k equal ones
(tests/hallucination/test_clusters.py).
"""

from collections.abc import Sequence

import numpy as np

from labkit.core.errors import OptionError, ShapeError
from labkit.evaluation import normalise
from labkit.models import embed, encoder

from .answers import Answers

NEAR = 0.8
"""Cosine from which two answers mean the same."""


def probabilities(classes: Sequence[int], logprobs: Sequence[float] | np.ndarray | None = None) -> np.ndarray:
    """(class,) probability of each meaning, in the order of its first sample; sums to 1.

    Args:
        classes: (sample,) the class of each.
        logprobs: (sample,) nats: each counts by its probability; None = each counts the same.

    Raises:
        OptionError: no sample.
        ShapeError: not one log-probability for each sample.
    """
    if not len(classes):
        raise OptionError("meanings of no samples have no probabilities; draw at least one sample")
    if logprobs is not None and len(logprobs) != len(classes):
        raise ShapeError(f"{len(logprobs)} log-probabilities were given for {len(classes)} samples")
    weights = np.ones(len(classes)) if logprobs is None else np.exp(np.asarray(logprobs, float) - np.max(logprobs))
    order = {c: i for i, c in enumerate(dict.fromkeys(classes))}
    sums = np.bincount([order[c] for c in classes], weights=weights)
    return sums / sums.sum()


def entropy(classes: Sequence[int], logprobs: Sequence[float] | np.ndarray | None = None) -> float:
    """Semantic entropy, nats: 0 = all samples mean the same, log n = each means something else.

    Source: Farquhar et al. 2024 (without log-probabilities: its discrete form; with them: Kuhn, Gal & Farquhar 2023).
    """
    p = probabilities(classes, logprobs)
    p = p[p > 0]
    return float(max(0.0, -(p * np.log(p)).sum()))


def once(classes: Sequence[int], texts: Sequence[str], logprobs: Sequence[float]) -> tuple[list[int], list[float]]:
    """Each different text once, so that weighting by probability does not count it by frequency too."""
    kept = {text: (c, float(lp)) for c, text, lp in zip(classes, texts, logprobs, strict=True)}
    return [c for c, _ in kept.values()], [lp for _, lp in kept.values()]


def by_words(answers: Answers) -> list[list[int]]:
    """(question, sample) classes: equal after normalisation."""
    return [same_words(row) for row in answers.samples]


def same_words(texts: Sequence[str]) -> list[int]:
    """(text,) classes from 0, in order of appearance."""
    seen: dict[str, int] = {}
    return [seen.setdefault(normalise(text), len(seen)) for text in texts]


def by_embedding(answers: Answers, *, near: float = NEAR) -> list[list[int]]:
    """(question, sample) classes: sentence vectors of cosine ≥ near, linked through others too."""
    flat = sorted({text for row in answers.samples for text in row})
    vectors = embed(encoder(), flat)
    place = {text: i for i, text in enumerate(flat)}
    return [linked(vectors[[place[text] for text in row]], near) for row in answers.samples]


def linked(vectors: np.ndarray, near: float = NEAR) -> list[int]:
    """(row,) classes of unit vectors (row, d): connected by cosines ≥ near."""
    from scipy.sparse.csgraph import connected_components

    return connected_components(vectors @ vectors.T >= near, directed=False)[1].tolist()
