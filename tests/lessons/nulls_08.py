"""Lesson 08's claims on noise of the FAST profile's size, and with an effect where the lesson says there is none."""

from collections.abc import Callable

import numpy as np

from labkit.evaluation import bootstrap, difference
from labkit.sampling import chi_square

PROMPTS, EACH, LENGTH, SPEECHES, QUESTIONS, DRAWS, GUESSES = 12, 2, 40, 8, 16, 300, 5_000
SEARCHED, LISTS, ANSWER = 8, 4, 24
"""Sizes of the FAST profile, the smallest: a larger sample makes a bound stricter."""
Rng = np.random.Generator
ZIPF = 1 / np.arange(1, 2001) ** 1.1
LOGITS = np.log(ZIPF / ZIPF.sum())
"""(vocab,) of a step whose tokens are as unequal as words are."""


def weighed(logits: np.ndarray, temperature: float = 1.0, top_p: float = 1.0) -> np.ndarray:
    """(vocab,) probabilities; falling logits."""
    p = np.exp(logits / temperature)
    p /= p.sum()
    p = np.where(p.cumsum() - p < top_p, p, 0)
    return p / p.sum()


def wrong_sampler(rng: Rng) -> float:
    """The p-value of one of two faults: top-p halved, or a temperature a half too high."""
    if rng.random() < 0.5:
        drawn, meant = weighed(LOGITS, top_p=0.4), weighed(LOGITS, top_p=0.8)
    else:
        drawn, meant = weighed(LOGITS, temperature=0.9), weighed(LOGITS, temperature=0.6)
    return chi_square(rng.multinomial(DRAWS, drawn), meant)


def two_distributions(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """A model's and a draft's, which overlap by about three fifths."""
    return tuple(weighed(LOGITS + rng.normal(0, 1, len(LOGITS))) for _ in range(2))  # pyright: ignore[reportReturnType]


def refused_without_care(rng: Rng) -> float:
    """Refused guesses replaced from all of p, not from what p has more than q."""
    p, q = two_distributions(rng)
    both = np.minimum(p, q)
    return chi_square(rng.multinomial(GUESSES, both + (1 - both.sum()) * p), p)


def same_repetition(rng: Rng) -> float:
    """Greedy search repeats as drawn texts do: a few loop, most not at all."""
    loops = rng.random((2, PROMPTS, EACH)) < 0.15
    return low(*(loops * rng.uniform(0, 0.7, loops.shape)).mean(-1))


def same_surprise(rng: Rng) -> float:
    """Both temperatures give texts of one kind, which differ from prompt to prompt and from text to text."""
    prompt = rng.normal(2.3, 0.4, PROMPTS)
    return float(np.exp(low(*(prompt + rng.normal(0, 0.5, (2, EACH, PROMPTS)).mean(1)))))


def useless_beams(rng: Rng) -> float:
    """Gains of either sign; they scatter as in the lesson."""
    return bootstrap(np.mean, rng.normal(0, 0.15, SEARCHED), groups=range(SEARCHED)).low


def any_entropies(rng: Rng) -> float:
    """Entropies anywhere from 0 nats to those of a flat choice, not more often in the middle."""
    tokens = rng.uniform(0, np.log(49_152), PROMPTS * EACH * LENGTH)
    of = np.repeat(np.arange(PROMPTS), EACH * LENGTH)
    return bootstrap(np.mean, (tokens >= 1) & (tokens <= 4), groups=of).low


def same_overlap(rng: Rng) -> float:
    """Two drafts of one worth on eight speeches."""
    return low(*(rng.normal(0.3, 0.06, SPEECHES) + rng.normal(0, 0.04, (2, SPEECHES))))


def same_lengths(rng: Rng) -> float:
    """Answers end at once or are long, with the template as without."""
    return low(*np.where(rng.random((2, QUESTIONS)) < 0.4, 1, rng.integers(10, ANSWER + 1, (2, QUESTIONS))))


def any_texts(rng: Rng) -> float:
    """Lists and stories are texts of one kind."""
    lists, stories = rng.uniform(1, 5, (2, LISTS))
    return lists.min() - stories.max()


def low(first: np.ndarray, second: np.ndarray) -> float:
    return difference(first, second, groups=range(len(first))).low


def own_distribution(rng: Rng) -> float:
    p, _ = two_distributions(rng)
    return chi_square(rng.multinomial(GUESSES, p), p)


NULLS: dict[str, Callable[[Rng], float]] = {
    "greedy_repeats": same_repetition,
    "perplexity_ratio": same_surprise,
    "beam_gain_low": useless_beams,
    "handful": any_entropies,
    "guesses_p_value": own_distribution,
    "draft_learned": same_overlap,
    "small_beats_half": same_overlap,
    "draft_cost": lambda rng: rng.lognormal(0, 0.3),  # the draft is as dear as the model
    "lookup_pays": any_texts,
    "batch_gain": lambda rng: rng.lognormal(0, 0.3),  # 32 texts that do not share a pass
    "template_low": same_lengths,
}
"""Claim → its value where there is nothing to see."""

PLANTED: dict[str, Callable[[Rng], float]] = {
    "least_p_value": wrong_sampler,
    "speculation_p_value": refused_without_care,
    "acceptance_off": lambda rng: abs(rng.binomial(GUESSES, 0.85) / GUESSES - 0.80),
}
"""Claim of absence → its value where an effect is planted: a cut at half of top-p or a temperature half as high again,
refused guesses replaced from the whole distribution, 5 % more guesses accepted than the overlap."""

EXACT = {
    "top_p_removes": "what is left reaches 0.9 by definition",
    "entropy_removed": "one step of one model: nothing is drawn",
    "cut_tokens_drawn": "a token of probability 0 is never drawn, however many draws",
    "shown_apart": "the same distribution computed twice, to rounding",
    "read_again": "the same log-probabilities computed twice, to rounding",
    "same_greedy_text": "token for token",
    "cache_bytes": "bytes, counted",
}
"""Claim → why it has no null."""

COMPUTED = {"cache_bytes": ("equals", "the formula beside it"), "read_again": ("at_most", 0.01)}
"""Claim → its bound, where the notebook computes it."""
