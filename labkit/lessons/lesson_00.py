"""Lesson 00: from scores to probabilities, the probability of a text, memory, and a prompt that is sure."""

from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

import numpy as np

from labkit.core.errors import LabError
from labkit.core.results import TokenScores
from labkit.core.signs import SPACE
from labkit.explorers.controls import Slider, Text
from labkit.explorers.panel import KEPT, Explorer, explorer
from labkit.suite.exercises import array, call, exercise, number, require

from .mutations import mutation


def exp_alone(scores):
    return np.exp(scores)


def shares(scores):
    return (np.array(scores) + 1) / (np.array(scores) + 1).sum()


def overflowing(scores):
    with np.errstate(all="ignore"):
        return np.exp(scores) / np.exp(scores).sum()


def largest_only(scores):
    return (np.array(scores) == max(scores)).astype(float)


@exercise(
    "00.1",
    "From scores to probabilities",
    wrong=[
        (exp_alone, "divide by their sum"),
        (shares, "take exp of each score"),
        (overflowing, "subtract the largest score"),
        (largest_only, "never 0 or less"),
        ([0.7, 0.2, 0.1], "expected a function"),
    ],
)
def softmax(answer: Any) -> str:
    """softmax(list of scores) -> probabilities."""
    given = array(call(answer, [2.0, 1.0, 0.0]), shape=(3,))
    require((given > 0).all(), f"the scores 2, 1, 0 give {given.round(3)}: a probability is never 0 or less; use exp")
    require(abs(given.sum() - 1) < 1e-6,
            f"2, 1, 0 give {given.round(3)}, which add up to {given.sum():.3f}; divide by their sum")  # fmt: skip
    ratio = given[0] / given[1]
    require(abs(ratio - np.e) < 1e-6,
            f"one more point should make a token e = 2.718 times as likely, but it is {ratio:.3f} times; "
            "take exp of each score before dividing")  # fmt: skip
    with np.errstate(all="ignore"):
        large = np.asarray(call(answer, [1000.0, 999.0]), dtype=float)
    require(np.allclose(large, [0.731059, 0.268941], atol=1e-5),
            f"the scores 1000 and 999 give {large}: exp(1000) is too large for a computer; "
            "subtract the largest score first, which changes nothing else")  # fmt: skip
    return "positive, adds up to 1, one point = a factor of e, and no overflow: this is what turned scores into bars"


@exercise(
    "00.2",
    "How probable is a whole continuation?",
    wrong=[
        (np.mean, "neither the mean"),
        (min, "neither the mean"),
        (lambda p: sum(p) + 0.5, "adding can exceed 1"),
        (lambda p: p[0] * p[1], "multiply all of them"),
        (lambda p: 1 - np.prod([1 - x for x in p]), "instead of 0.25"),
    ],
)
def continuation(answer: Any) -> str:
    """continuation([p1, p2, …]) -> probability of all of them in a row."""
    half = number(call(answer, [0.5, 0.5]))
    require(half != 0.5, "two tokens of probability 0.5 each: both happen in a quarter of all draws, not in half of "
                         "them, so it is neither the mean nor the smallest")  # fmt: skip
    require(half <= 1, f"0.5 and 0.5 give {half:g}; adding can exceed 1, and a probability cannot: multiply")
    require(abs(half - 0.25) < 1e-9, f"0.5 and 0.5 give {half:g} instead of 0.25; multiply the probabilities")
    long = number(call(answer, [0.9] * 20))
    require(abs(long - 0.9**20) < 1e-9, f"twenty tokens of 0.9 each give {long:g}; multiply all of them: {0.9**20:.3f}")
    return f"twenty tokens of 0.9 each, and the whole text has only {0.9**20:.2f}: long texts are never sure"


@exercise(
    "00.3",
    "Does it fit?",
    wrong=[
        (lambda n, size: n * size, "this is the number of bytes; a gigabyte has 10⁹ of them"),
        (lambda n, size: n * size / 2**30, "these are gibibytes (2³⁰ bytes); the lab counts 10⁹ bytes"),
        (lambda n, size: n * size * 8 / 1e9, "this counts bits; the second argument is already in bytes"),
        (lambda n, size: n / 1e9, "multiply the parameters by the bytes that each takes"),
        (lambda n, size: n * 4 / 1e9, "use both arguments"),
    ],
)
def gigabytes(answer: Any) -> str:
    """gigabytes(parameters, bytes_per_number) -> 10⁹ bytes."""
    small = number(call(answer, 135e6, 4))
    require(abs(small - 0.54) < 1e-6, f"135 million numbers of 4 bytes are 0.54 GB, not {small:,g}")
    large = number(call(answer, 405e9, 2))
    require(abs(large - 810) < 1e-6, f"405 billion numbers of 2 bytes are 810 GB, not {large:g}; use both arguments")
    return "0.54 GB for the model here; 810 GB for Llama 3.1 405B, more than ten GPUs of 80 GB hold"


@exercise(
    "00.4",
    "A prompt that makes it sure",
    wrong=[
        ("Once upon a time, there was a", "look for 0.90 or more"),
        ("", "the text is empty"),
        ("The capital of France is the city of", "find another"),
        (0.95, "a text in quotes"),
    ],
)
def sure_prompt(answer: Any) -> str:
    """A prompt after which SmolLM2's best token has 0.9 or more."""
    require(isinstance(answer, str), f"a prompt is a text in quotes, not {type(answer).__name__}")
    require(answer.strip() != "", "the text is empty; write a prompt of your own")
    require("capital of france" not in answer.lower(), "that one is the lesson's; find another fact, rhyme or phrase")
    try:
        token, probability = _best(answer)
    except LabError as error:
        require(False, str(error))
        raise
    require(probability >= 0.9,
            f"after this prompt the best token is {token} with {probability:.2f}; look for 0.90 or more: "
            "well-known names, fixed phrases, lists that go on by themselves")  # fmt: skip
    return f"{token} with {probability:.3f}. Is it also true? The number does not say"


@cache
def _best(prompt: str) -> tuple[str, float]:
    from labkit.models import next_token

    bars = next_token(_model(), prompt, top=1)
    return bars.labels[0], float(bars.values[0])


@cache
def _model() -> Any:
    from labkit.models import load

    return load("smollm2-135m")


@explorer
def next_token(lm=None) -> Explorer:
    """The distribution over the next token, while one types.

    Args:
        lm: a LanguageModel; the lesson's default where none is given.
    """
    from labkit.models import load, next_token, walk

    lm = lm or load("smollm2-135m")
    most = min(30, lm.card.vocab)

    @lru_cache(KEPT)
    def known(prompt: str, added: int) -> tuple:
        steps = walk(lm, prompt, tokens=added)
        return steps, next_token(lm, steps["text so far"][-1] if len(steps) else prompt, top=most)

    def draw(prompt: str, added: int, top: int) -> list:
        steps, bars = known(prompt, added)
        bars = replace(bars, labels=bars.labels[:top], values=bars.values[:top])
        return [added_strip(steps), bars] if len(steps) else [bars]

    return Explorer(
        title="What comes next?",
        note="Type a prompt, or let the model add its best token, again and again.",
        controls=(
            Text("prompt", "The capital of France is", label="Prompt"),
            Slider("added", 0, 0, 30, label="Tokens added"),
            Slider("top", min(10, most), 1, most, label="Bars"),
        ),
        draw=draw,
    )


def added_strip(steps) -> TokenScores:
    """The tokens of a walk, coloured by their probability."""
    return TokenScores(
        tokens=tuple(token.replace(SPACE, " ") for token in steps["token"]),
        values=np.array(steps["probability"], dtype=float),
        quantity="probability",
        title="The model adds",
        hover=tuple(f"{p:.2f}, beat {beat} ({less:.2f})" for _, p, beat, less, _ in steps.rows),
        low=0.0,
        high=1.0,
    )


@mutation("start/paris", "models.prediction:encode")
def the_position_before_the_last(real, lm, text):
    return real(lm, text)[:-1]


@mutation("start/sum", "models.prediction:next_probabilities")
def odds_for_probabilities(real, lm, text):
    return real(lm, text) / (1 - real(lm, text))


@mutation("start/dice_gap", "sampling.drawing:pick")
def draws_of_the_neighbour(real, *given):
    return real(*given) ^ 1


@mutation("start/greedy_is_this", "sampling.strategies:greedy")
def temperature_0_is_not_greedy(real, logits):
    return logits.float()
