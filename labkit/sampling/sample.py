"""The verbs: `sample` gives whole texts, `stream` gives them piece by piece."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import Samples
from labkit.models import require_model

from .loop import Step, Text, endings, grow, plant
from .options import make_options, whole
from .prompts import Decoder, read_prompts


def sample(
    lm: Any, prompt: str | Sequence[Any], *, n: int = 1, max_tokens: int = 64, seed: int = 0, stop: Any = (),
    **options: Any,
) -> Samples:  # fmt: skip
    """Draw texts from a model.

    Args:
        lm: a LanguageModel (`lab.load(...)`).
        prompt: a text, a chat (list of {"role", "content"}), or a list of texts or chats.
        n: texts for each prompt. The prompt is run once for all of them.
        max_tokens: most tokens of each text.
        seed: the same seed gives the same text alone, in a batch, and on another day, in float32 on one machine; in
            bfloat16 a batch of another size rounds otherwise, and a text may then turn off.
        stop: a text, or several, at which a sample ends; it is cut off from `texts`, not from `ids`.
        **options: the fields of SampleOptions: temperature, top_k, top_p, min_p, typical_p, epsilon, eta,
            repetition_penalty, presence_penalty, frequency_penalty, no_repeat_ngram, regex, grammar, stop_at_eos,
            overflow, cache, batch; or options=SampleOptions(...).

    Returns:
        Samples, prompt by prompt; `ended` is `eos`, `stop`, `length` (max_tokens), `context` (it is full) or
        `complete` (a constraint lets nothing follow).

    Raises:
        OptionError: an option is unknown or out of its range, or the prompt is longer than the context.
        TextError: an empty prompt without a start token, or a chat without a template.
        ModelError: the model does not continue texts, or gave numbers that are not finite.

    Laws (tests/sampling/test_sample.py): with the cache = without; alone = in a batch; a smaller max_tokens gives a
    prefix; greedy equals transformers' `generate`; frequencies follow the distribution asked for.
    """
    every: list[Text] = []
    steps: list[Step] = []
    stops = _stops(stop)
    for step in _steps(lm, prompt, every, n=n, max_tokens=max_tokens, seed=seed, stop=stops, **options):
        steps.append(step)
    return _gather(lm, every, steps, stops)


@dataclass(frozen=True)
class Piece:
    """What one token adds to one text."""

    text: int
    """the number of the text that grows"""
    id: int
    new: str
    """the letters that became readable with this token; may be empty in the middle of a character"""
    logprob: float
    """nats, under the model's own distribution"""
    entropy: float
    """nats, of the model's own distribution"""
    ended: str
    """empty while the text grows"""


def stream(lm: Any, prompt: str | Sequence[Any], **asked: Any) -> Iterator[Piece]:
    """The texts of `sample`, with the same arguments, token by token as they come.

    Law: the pieces of a text, joined, are the text that `sample` gives, but for a stop string at its end.
    """
    every: list[Text] = []
    require_model(lm)
    decoder, shown = Decoder(lm.tokenizer), {}
    stops = _stops(asked.pop("stop", ()))
    for step in _steps(lm, prompt, every, stop=stops, **asked):
        for number, token, logprob, entropy, ended in zip(
            step.texts, step.ids, step.logprobs, step.entropies, step.ended, strict=True
        ):
            text = every[number]
            whole_text = decoder.text(text.ids, text.prompt.ids)
            ready = whole_text if ended else whole_text.rstrip("\ufffd")
            yield Piece(number, token, ready[len(shown.get(number, "")) :], float(logprob), float(entropy), ended)
            shown[number] = ready


def _steps(
    lm: Any, prompt: Any, every: list[Text], *, n: int = 1, max_tokens: int = 64, seed: int = 0, **asked: Any
) -> Iterator[Step]:
    """Steps of all texts, batch after batch; `every` is filled with the texts first."""
    require_model(lm)
    stop = asked.pop("stop")
    options = make_options(asked.pop("options", None), **asked)
    n, max_tokens = whole("n", n), whole("max_tokens", max_tokens)
    ending = endings(lm, max_tokens, stop, options)
    every.extend(plant(lm, read_prompts(lm.tokenizer, prompt), n, whole("seed", seed, -(2**63)), options))
    size = int(options.batch)
    for first in range(0, len(every), size):
        yield from grow(lm, every[first : first + size], ending, options)


def _stops(stop: Any) -> tuple[str, ...]:
    stops = (stop,) if isinstance(stop, str) and stop else tuple(stop) if isinstance(stop, Iterable) else (stop,)
    if not all(isinstance(s, str) and s for s in stops):
        raise OptionError(f"stop={stop!r} must be a text of one character or more, or several such texts")
    return stops


def _gather(lm: Any, texts: Sequence[Text], steps: Sequence[Step], stops: Sequence[str]) -> Samples:
    """Samples from what the loop left."""
    decoder = Decoder(lm.tokenizer)
    numbers: list[list[tuple[float, float, float]]] = [[] for _ in texts]
    ended = [""] * len(texts)
    for step in steps:
        rows = zip(step.texts, step.logprobs, step.truncated, step.entropies, step.ended, strict=True)
        for number, logprob, truncated, entropy, why in rows:
            numbers[number].append((logprob, truncated, entropy))
            ended[number] = why
    table = [np.array(rows, dtype=np.float32).reshape(-1, 3) for rows in numbers]
    return Samples(
        prompts=tuple(t.prompt.text for t in texts),
        texts=tuple(_cut(decoder.text(t.ids, t.prompt.ids), stops) for t in texts),
        tokens=tuple(tuple(decoder.token(i) for i in t.ids) for t in texts),
        ids=tuple(tuple(t.ids) for t in texts),
        logprobs=tuple(rows[:, 0] for rows in table),
        truncated_logprobs=tuple(rows[:, 1] for rows in table),
        entropies=tuple(rows[:, 2] for rows in table),
        ended=tuple(ended),
    )


def _cut(text: str, stops: Sequence[str]) -> str:
    """The text up to the first stop string."""
    places = [text.find(s) for s in stops if s in text]
    return text[: min(places)] if places else text
