"""Measures of texts: how much they repeat themselves and each other, and how likely they are.

Reads   token ids, or Samples.
Gives   numbers without unit, or perplexities.
Ignores the model.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from math import exp, log

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import Samples


def ngrams(ids: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """All runs of `size` tokens, in order."""
    return [tuple(ids[i : i + size]) for i in range(len(ids) - size + 1)]


def repetition_rate(ids: Sequence[int], size: int = 4) -> float:
    """Share of runs of `size` tokens that stood in the text before; 0 = none. nan for a shorter text.

    Source: Welleck et al. 2020, "seq-rep-n".
    """
    runs = ngrams(ids, size)
    return 1 - len(set(runs)) / len(runs) if runs else float("nan")


def distinct(texts: Sequence[Sequence[int]], size: int = 2) -> float:
    """Different runs of `size` tokens over all such runs of all texts; 1 = none comes twice.

    Source: Li et al. 2016, "distinct-n".
    """
    runs = list(chain.from_iterable(ngrams(ids, size) for ids in texts))
    return len(set(runs)) / len(runs) if runs else float("nan")


def self_bleu(texts: Sequence[Sequence[int]], size: int = 4) -> float:
    """Mean BLEU of each text against all others, runs of 1 to `size` tokens, one added to each count from runs of 2.

    0 = they share nothing; 1 = all alike. Sources: Zhu et al. 2018; Papineni et al. 2002; smoothing of Lin & Och 2004.

    Raises:
        OptionError: fewer than two texts.
    """
    if len(texts) < 2:
        raise OptionError(f"self_bleu compares texts with each other, but got {len(texts)}; give two or more")
    return float(np.mean([_bleu(t, [*texts[:i], *texts[i + 1 :]], size) for i, t in enumerate(texts)]))


def _bleu(text: Sequence[int], others: Sequence[Sequence[int]], size: int) -> float:
    if not text:
        return 0.0
    total = 0.0
    for n in range(1, size + 1):
        runs = Counter(ngrams(text, n))
        seen: Counter[tuple[int, ...]] = Counter()
        for other in others:
            seen |= Counter(ngrams(other, n))  # the most that any one other text has
        matches, smooth = (runs & seen).total(), int(n > 1)
        if matches + smooth == 0:
            return 0.0
        total += log((matches + smooth) / (runs.total() + smooth))
    nearest = min((len(other) for other in others), key=lambda length: (abs(length - len(text)), length))
    return min(1.0, exp(1 - nearest / len(text))) * exp(total / size)


def perplexity(samples: Samples) -> np.ndarray:
    """(sample,) exp of minus the mean log-probability under the model; the effective number of choices for a token."""
    return np.array([exp(-float(np.mean(lp))) if len(lp) else float("nan") for lp in samples.logprobs])


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Mean of independent measurements, and the ends of its Student interval."""
    from scipy.stats import t

    x = np.asarray(values, dtype=float)
    if len(x) < 2:
        raise OptionError(f"an interval needs two measurements or more, got {len(x)}")
    half = float(t.ppf((1 + level) / 2, len(x) - 1)) * x.std(ddof=1) / len(x) ** 0.5
    return float(x.mean()), float(x.mean() - half), float(x.mean() + half)
