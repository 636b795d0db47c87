"""Checks of lesson 00: from scores to probabilities, the probability of a text, memory, and a prompt that is sure."""

from functools import cache
from typing import Any

import numpy as np

from labkit.core.errors import LabError
from labkit.suite.exercises import array, call, exercise, number, require


@exercise("00.1", "From scores to probabilities")
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


@exercise("00.2", "How probable is a whole continuation?")
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


@exercise("00.3", "Does it fit?")
def gigabytes(answer: Any) -> str:
    """gigabytes(parameters, bytes_per_number) -> 10⁹ bytes."""
    small = number(call(answer, 135e6, 4))
    require(abs(small - 135e6 * 4 / 2**30) > 1e-6, f"{small:.3f} are gibibytes (2³⁰ bytes); the lab counts 10⁹ bytes")
    require(abs(small - 0.54 * 8) > 1e-6, f"{small:.2f} counts bits; the second argument is already in bytes")
    require(small < 1e6, f"{small:,.0f} is the number of bytes; a gigabyte has 10⁹ of them")
    require(abs(small - 0.54) < 1e-6, f"135 million numbers of 4 bytes are 0.54 GB, not {small:g}; multiply the two")
    large = number(call(answer, 405e9, 2))
    require(abs(large - 810) < 1e-6, f"405 billion numbers of 2 bytes are 810 GB, not {large:g}; use both arguments")
    return "0.54 GB for the model here; 810 GB for Llama 3.1 405B, more than ten GPUs of 80 GB hold"


@exercise("00.4", "A prompt that makes it sure")
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
