"""Asking: put many questions to a model, and keep what it said and what was seen while it did.

Reads   a LanguageModel, Questions.
Gives   Answers: greedy answer, samples, log-probabilities, hidden states, attention, what it says of its own answer.
Ignores whether an answer is right.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from labkit.assets.progress import watched
from labkit.core.errors import OptionError, TextError, closest
from labkit.evaluation import Question, prefix_of, prompt_of
from labkit.models.store import fingerprint, remembered
from labkit.sampling.options import whole
from labkit.sampling.prompts import Decoder

from .answers import Answers
from .continuing import Ask, Draws, continuations
from .introspection import able, introspect

LOOKS = ("states", "control", "introspection")
"""What is looked at beside the answers: hidden states and attention; the same in a random model; P(True) and words."""


def ask(
    lm: Any, questions: Sequence[Question], *, samples: int = 10, temperature: float = 1.0, max_tokens: int = 16,
    seed: int = 0, look: Sequence[str] | None = None,
) -> Answers:  # fmt: skip
    """One greedy answer and `samples` drawn ones to each question.

    Args:
        questions: at least one; each with its own prompt, or the two-shot prompt of its topic.
        samples: drawn answers for each question; 0 = the greedy one alone.
        temperature: of the drawn answers.
        max_tokens: most tokens of an answer; it also ends at the question's `stop`.
        seed: the same seed gives the same samples, whatever is asked beside them, in float32 on one machine; in
            bfloat16 a batch of another size rounds otherwise, and a sample may then turn off.
        look: any of `states` (hidden states, attention to the entity), `control` (hidden states of a model of the
            same shape with random weights), `introspection` (P(True), stated confidence). None = all that the model
            allows: one without room for the examples, or without the words, is not asked about itself.

    Returns:
        Answers. They are kept in the cache, under a hash of the weights, the prompts and all options: asking again
        reads them. A damaged entry is asked anew.

    Raises:
        OptionError: no question, a number out of its range, an unknown look, or a prompt longer than the context.
        ModelError: the model does not continue texts, or gave numbers that are not finite.

    Laws (tests/hallucination/test_asking.py): the samples are those of `labkit.sampling.sample`; one question alone
    gets the answers that it gets among others.
    """
    if not questions:
        raise OptionError("no question was given; give one or more, such as lab.hallucination.questions('capitals')")
    for one in look or ():
        if one not in LOOKS:
            raise OptionError(f"look={one!r} is unknown; {closest(one, LOOKS)}")
    if not (isinstance(temperature, (int, float)) and 0 <= temperature < 1e9):
        raise OptionError(f"temperature={temperature!r} is out of its range; use 0 or a positive number")
    draws = Draws(
        whole("samples", samples, 0), float(temperature), whole("max_tokens", max_tokens), whole("seed", seed, 0)
    )
    looks = None if look is None else tuple(one for one in LOOKS if one in look)
    return _answer(lm, tuple(questions), draws, looks)


def _answer(lm: Any, questions: tuple[Question, ...], draws: Draws, looks: tuple[str, ...] | None) -> Answers:
    """The parts of Answers, each from the store where it was computed before."""
    prompts = tuple(prompt_of(q) for q in questions)
    asks = [_ask(lm.tokenizer, q, prompt) for q, prompt in zip(questions, prompts, strict=True)]
    recipe = {
        "model": fingerprint(lm.model),
        "asks": [(one.ids, one.stop, q.text, q.entity) for one, q in zip(asks, questions, strict=True)],
        "draws": asdict(draws),
    }
    said = remembered({**recipe, "part": "said"}, lambda: _say(lm, questions, asks, draws))
    if looks is None:
        looks = LOOKS if able(lm, questions, said["texts"]) else LOOKS[:2]
    recipe |= {"draws": None, "answers": said["ids"]}
    seen: dict[str, Any] = {}
    for look, way in _ways(lm, questions, asks, said).items():
        if look in looks:
            seen |= remembered({**recipe, "part": look}, way)
    return Answers(name=lm.name, questions=questions, prompts=prompts, **said, **seen)


def _ways(
    lm: Any, questions: Sequence[Question], asks: Sequence[Ask], said: dict[str, Any]
) -> dict[str, Callable[[], dict[str, np.ndarray]]]:
    """How to come by the fields of Answers that each of LOOKS gives."""
    from .states import look_inside, random_twin

    def inside(model: Any, what: str) -> dict[str, np.ndarray]:
        return look_inside(model, lm.tokenizer, questions, asks, said["ids"], what=what)

    return {
        "states": lambda: inside(lm.model, f"Looking inside {lm.name}"),
        "control": lambda: {"control": inside(random_twin(lm.model), "Looking inside a random model")["hidden"]},
        "introspection": lambda: introspect(lm, questions, said["texts"]),
    }


def _ask(tokenizer: Any, question: Question, prompt: str) -> Ask:
    try:
        return Ask.of(tokenizer, prompt, prefix_of(question), question.stop)
    except TextError as error:
        raise TextError(f"the question {question.text!r} cannot be read: {error}") from error


def _say(lm: Any, questions: Sequence[Question], asks: Sequence[Ask], draws: Draws) -> dict[str, Any]:
    """The fields of Answers that are about what was said."""
    grown = dict(watched(continuations(lm, asks, draws), len(asks), f"{lm.name} answers"))
    decoder, rows = Decoder(lm.tokenizer), [grown[n] for n in range(len(questions))]  # (question, 1 + sample)
    said = [tuple(_said(decoder, one.ids, q.stop) for one in row) for row, q in zip(rows, questions, strict=True)]
    greedy = [_own(decoder, row[0].ids, q.stop) for row, q in zip(rows, questions, strict=True)]
    costs = [np.array(row[0].costs[: len(ids)], np.float32) for row, ids in zip(rows, greedy, strict=True)]
    sums = [[sum(float(cost[0]) for cost in one.costs) for one in row[1:]] for row in rows]
    return {
        "texts": tuple(row[0] for row in said),
        "tokens": tuple(tuple(map(decoder.token, ids)) for ids in greedy),
        "ids": tuple(greedy),
        "logprobs": tuple(row[:, 0] for row in costs),
        "entropies": tuple(row[:, 2] for row in costs),
        "margins": tuple(row[:, 3] for row in costs),
        "samples": tuple(row[1:] for row in said),
        "sample_logprobs": _grid(sums, np.float32),
        "sample_lengths": _grid([[len(one.ids) for one in row[1:]] for row in rows], np.int64),
    }


def _grid(rows: Sequence[Sequence[float]], dtype: Any) -> np.ndarray:
    """(question, sample), also where there is no sample."""
    return np.array(rows, dtype).reshape(len(rows), -1)


def _said(decoder: Decoder, ids: Sequence[int], stop: str) -> str:
    """The text before its end."""
    return decoder.text(ids).split(stop)[0].strip()


def _own(decoder: Decoder, ids: Sequence[int], stop: str) -> tuple[int, ...]:
    """The answer's own tokens: without those that end it, unless there is no other."""
    kept = len(ids)
    while kept > 1 and not _said(decoder, ids[kept - 1 : kept], stop):
        kept -= 1
    return tuple(ids[:kept])
