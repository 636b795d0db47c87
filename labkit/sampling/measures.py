"""Measures of texts: how much they repeat themselves and each other, and how likely they are.

Reads   token ids, Samples, or counts of tokens.
Gives   numbers without unit, perplexities, p-values; a curve with its interval.
Ignores the model.
"""

from collections import Counter
from collections.abc import Sequence
from math import exp, log

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import Curve, Samples


def ngrams(ids: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """All runs of `size` tokens, in order."""
    return [tuple(ids[i : i + size]) for i in range(len(ids) - size + 1)]


def repetition_rate(ids: Sequence[int], size: int = 4) -> float:
    """Share of runs of `size` tokens that stood in the text before; 0 = none. nan for a shorter text.

    Source: Welleck et al. 2020, "seq-rep-n".
    """
    runs = ngrams(ids, size)
    return 1 - len(set(runs)) / len(runs) if runs else float("nan")


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


def by_prompt(samples: Samples) -> dict[str, np.ndarray]:
    """How the texts of each prompt are, (prompt,) each, prompts in their order.

    Returns:
        `repetition`: mean `repetition_rate`, 0 for a text shorter than a run; `self-BLEU`, nan for a prompt with one
        text; `nats`: what a token costs under the model, mean over texts of the mean over tokens.

    Law: each prompt's numbers are those of its texts alone (tests/sampling/test_texts.py).
    """
    texts: dict[str, list[int]] = {}
    for at, prompt in enumerate(samples.prompts):
        texts.setdefault(prompt, []).append(at)
    ids, costs = samples.ids, np.log(perplexity(samples))
    return {
        "repetition": np.array([np.nan_to_num([repetition_rate(ids[i]) for i in at]).mean() for at in texts.values()]),
        "self-BLEU": np.array([
            self_bleu([ids[i] for i in at]) if len(at) > 1 else float("nan") for at in texts.values()
        ]),
        "nats": np.array([costs[at].mean() for at in texts.values()]),
    }  # fmt: skip


def curve(name: str, x: Sequence[float], rows: Sequence[Sequence[float]]) -> Curve:
    """Means over independent measurements, and the ends of their Student intervals, 95 %.

    Args:
        x: (place,)
        rows: (place, measurement)

    Raises:
        OptionError: a place with fewer than two measurements.
    """
    from scipy.stats import t

    values = np.asarray(rows, float)
    if values.shape[-1] < 2:
        raise OptionError(f"an interval needs two measurements or more, got {values.shape[-1]}")
    count, mean = values.shape[-1], values.mean(-1)
    half = float(t.ppf(0.975, count - 1)) * values.std(-1, ddof=1) / count**0.5
    return Curve(name, np.asarray(x, float), mean, mean - half, mean + half)


def chi_square(counts: np.ndarray, probabilities: np.ndarray) -> float:
    """p-value of counts (vocab,) under probabilities (vocab,): small = they were drawn from others.

    Tokens that are expected less than five times count as one. Source: Pearson 1900, by scipy.
    Law: what was drawn from them is refuted as often as the p-value says (tests/sampling/test_texts.py).
    """
    from scipy.stats import chisquare

    often = probabilities * counts.sum() >= 5
    seen = np.array([*counts[often], counts[~often].sum()])
    share = np.array([*probabilities[often], probabilities[~often].sum()])
    if seen[share == 0].any():
        return 0.0
    some = share > 0
    return float(chisquare(seen[some], share[some] / share.sum() * counts.sum()).pvalue) if some.sum() > 1 else 1.0
