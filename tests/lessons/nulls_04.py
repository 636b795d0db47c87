"""Lesson 04's claims where training, or the thing compared, makes no difference; and with an effect where it says none.

A null of trained models does not train: it is 0 (or a model that knows nothing) with the scatter that the claim's value
has over seeds. `SCATTER` holds it: half the range that five seeds have in the baseline of the FAST profile, rounded up
(the expected range of five normal draws is 2.3 standard deviations, so it errs on the large side); where a baseline
does not know the claim yet, twice the scatter of the runs that it compares.
"""

from collections.abc import Callable

import numpy as np

Rng = np.random.Generator
LETTERS, NUMBERS = 108, 32
"""Vocabularies: of the speeches, of the phrases."""
SCATTER = {
    "bigram": 0.02, "five_gram_early": 0.04, "caught_up": 0.06, "too_small": 0.07, "too_large": 0.16,
    "warmup": 0.01, "warmup_adamw": 0.07, "clipping": 0.01, "large_batch": 0.01,
    "by_heart": 0.15, "turned": 0.04, "lstm_rate": 0.02, "lstm_gates": 0.02, "own_rate": 0.04, "lstm": 0.02,
    "far_transformer": 0.01, "far_lstm": 0.01, "lookup": 0.1, "cutoff_before": 0.01, "cutoff_after": 0.03,
    "cutoff_grows": 0.03, "told": 0.02, "untold": 0.02, "order": 0.02, "two": 0.01, "one": 0.11, "head": 0.02,
    "no_head": 0.06, "gap": 0.01,
}  # fmt: skip
Draw = Callable[[Rng], float]


def around(middle: float, name: str) -> Draw:
    return lambda rng: rng.normal(middle, SCATTER[name])


def over_even_bet(rng: Rng, spread: float) -> float:
    """Loss over log(vocabulary) of a model whose logits say nothing and scatter by so much."""
    logits = rng.normal(0, spread, (4096, LETTERS))
    return float((np.log(np.exp(logits).sum(1)) - logits[:, 0]).mean() / np.log(LETTERS))


def as_noisy(rng: Rng) -> float:
    """Steps of the curves of batches of 4 and 64, both equally noisy, as long as those of the lesson."""
    few, many = rng.normal(size=10), rng.normal(size=160)  # the second halves of 20 and 320 steps
    return np.diff(many).std() / np.diff(few).std()


def level_text(rng: Rng) -> float:
    """How far the last of 16 looks is above the lowest, where the held-out loss is level."""
    looks = rng.normal(0, SCATTER["turned"], 16)
    return looks[-1] - looks.min()


def even_rise(rng: Rng) -> float:
    """Share of the looks that see a score of 0.2 to 0.8, where it rises evenly over the run."""
    score = np.linspace(0, 1, 64) + rng.normal(0, 0.1, 64)
    return (abs(score - 0.5) < 0.3).mean()


NULLS: dict[str, Draw] = {
    **{name: around(0, name) for name in (
        "bigram", "five_gram_early", "caught_up", "too_small", "too_large", "large_batch", "by_heart", "lstm_rate",
        "lstm_gates", "own_rate", "lookup", "cutoff_after", "cutoff_grows", "told", "untold", "order", "two",
    )},
    "learned": lambda rng: over_even_bet(rng, 0.1),
    "small_batch": as_noisy,
    "turned": level_text,
    "head": around(0.1, "head"),  # of a model that is not trained
    "rise": even_rise,
}  # fmt: skip
"""Claim → its value where there is nothing to see."""

PLANTED: dict[str, Draw] = {
    "knows_nothing": lambda rng: over_even_bet(rng, 1.25),
    "gap": around(1.25, "gap"),
    "warmup": lambda rng: rng.normal(0.9, SCATTER["warmup"], 3).mean(),
    "warmup_adamw": lambda rng: rng.normal(0.88, SCATTER["warmup_adamw"], 3).mean(),
    "clipping": lambda rng: abs(rng.normal(0.1, SCATTER["clipping"], 3)).max(),
    "one": around(0.7, "one"),
    "no_head": around(0.6, "no_head"),
    "lstm": around(0.2, "lstm"),
    "far_transformer": around(0.92, "far_transformer"),
    "far_lstm": around(0.92, "far_lstm"),
    "cutoff_before": around(0.05, "cutoff_before"),
}
"""Claim of absence → its value where an effect is planted: a fresh model that bets at random; a gap of 25 %; warm-up
that saves 10 or 12 %; clipping that saves 0.1 nats; one layer that solves 70 %, its head at 0.6; an LSTM 0.2 nats
behind; 8 % gained at the late places; 0.05 bits that the cutoff costs before 1900."""

EXACT = {
    "shift": "targets are inputs moved by one, by construction",
    "same_size": "a count of parameters",
}
"""Claim → why it has no null."""
