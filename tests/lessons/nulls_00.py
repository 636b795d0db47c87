"""Lesson 00's claims of a model that learned nothing, and with an effect where the lesson says there is none."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import softmax

VOCAB, COUNTRIES, RIGHT, DRAWS = 49152, 24, 13, 1000
Rng = np.random.Generator


def untrained(rng: Rng) -> np.ndarray:
    """Probabilities of all tokens from scores at random, (vocab,)."""
    return softmax(rng.normal(size=VOCAB))


def surer_at_random(rng: Rng) -> float:
    """As many right answers as in the lesson, whatever the model is sure of."""
    sure, right = rng.uniform(0.1, 1, COUNTRIES), rng.permutation(COUNTRIES) < RIGHT
    return sure[right].mean() - sure[~right].mean()


def unfair_dice(rng: Rng) -> float:
    """Six bars like the lesson's and a long tail; the tokens are drawn at temperature 0.85 instead of 1."""
    model = np.array([0.33, 0.17, 0.12, 0.02, 0.01, 0.01, *np.full(100, 0.0034)])
    drawn = model ** (1 / 0.85)
    shares = rng.multinomial(DRAWS, drawn / drawn.sum())[:6] / DRAWS
    shown = model[:6]
    return (abs(shown - shares) / np.sqrt(shown * (1 - shown) / DRAWS)).max()


NULLS: dict[str, Callable[[Rng], Any]] = {
    "paris": lambda rng: untrained(rng)[0],
    "tiny": lambda rng: (untrained(rng) < 1e-6).mean(),
    "unsure_steps": lambda rng: sum(untrained(rng).max() < 0.5 for _ in range(12)),
    "sure_and_right": lambda rng: untrained(rng)[0],
    "sure_and_wrong": lambda rng: untrained(rng)[0],
    "surer": surer_at_random,
    "lead_of_city": lambda rng: untrained(rng)[0] - untrained(rng)[1],
    "encoder_sees_all": lambda rng: abs(rng.normal(scale=1e-6)),  # a model that sees only what came before: rounding
}
"""Claim → its value where there is nothing to see."""

PLANTED: dict[str, Callable[[Rng], Any]] = {
    "dice_gap": unfair_dice,
    "canberra": lambda rng: rng.normal(0.3, 0.05),
    "lead": lambda rng: rng.normal(0.3, 0.05),
    "less_sure": lambda rng: (rng.uniform(0.81, 1, RIGHT) < rng.uniform(0, 0.8)).sum(),  # length tells all
}
"""Claim of absence → its value with an effect: a temperature of 0.85; Canberra at 0.3; a lead of 0.3; all right answers
surer than Sydney."""

EXACT = {
    **dict.fromkeys(["tokens", "sum", "parameters", "times_larger"], "a count, or a sum that softmax makes 1"),
    **dict.fromkeys(["greedy_is_this", "same_seed", "decoder_looks_back"], "two ways to the same, up to rounding"),
    "different_texts": "without dice all ten texts are one",
}
"""Claim → why it has no null."""

COMPUTED = {"tokens": ("equals", VOCAB), "decoder_looks_back": ("at_most", 1e-4)}
