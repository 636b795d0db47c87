"""Tiny models made here: random weights that speak bytes, and answers whose truth is known."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from labkit.hallucination import Answers, Question
from tests import tiny
from tests.tiny import Lm, byte_tokenizer, make_gpt2

make_llama = partial(tiny.make_llama, context=256)


@pytest.fixture
def lm() -> Lm:
    return Lm("tiny", make_llama(), byte_tokenizer())


@pytest.fixture
def gpt2() -> Lm:
    return Lm("tiny gpt2", make_gpt2(context=256), byte_tokenizer())


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch, request):
    """Answers are kept in the test's own folder; tests of real weights find these where they are."""
    if "weights" not in request.keywords:
        monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))


def asked(*texts: str, stop: str = "\n", **more: Any) -> tuple[Question, ...]:
    """Questions that are read as they stand."""
    return tuple(Question(text, "x", "bytes", text[-3:], prompt=text, stop=stop, **more) for text in texts)


def answers_of(n: int = 8, *, count: int = 4, **more: Any) -> Answers:
    """Answers made up: `n` questions with `count` samples, half answered right."""
    questions = tuple(
        Question(f"What is {i}?", "right", "even" if i % 4 < 2 else "odd", f"thing {i}", frequency=float(i))
        for i in range(n)
    )
    texts = tuple("right" if i % 2 else "wrong" for i in range(n))
    rows = tuple(np.array([-0.1 * i, -0.2]) for i in range(n))
    fields = {
        "name": "made", "questions": questions, "prompts": ("?",) * n, "texts": texts, "tokens": (("a", "b"),) * n,
        "ids": ((1, 2),) * n, "logprobs": rows, "entropies": rows, "margins": rows,
        "samples": ((texts[0],) * count,) * n, "sample_logprobs": np.full((n, count), -1.0),
        "sample_lengths": np.full((n, count), 2),
    }  # fmt: skip
    return Answers(**{**fields, **more})
