"""The verbs: `sample` gives whole texts, `stream` gives them piece by piece."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import Samples
from labkit.models import require_model

from .loop import Text, endings, grow, plant
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
            repetition_penalty, presence_penalty, frequency_penalty, no_repeat_ngram, processors, regex, grammar,
            schema, prefix, stop_at_eos, overflow, cache, batch; or options=SampleOptions(...).

    Returns:
        Samples, prompt by prompt; `ended` is `eos`, `stop`, `length` (max_tokens), `context` (it is full) or
        `complete` (a constraint lets nothing follow).

    Raises:
        OptionError: an option is unknown or out of its range, or the prompt is longer than the context.
        TextError: an empty prompt without a start token, or a chat without a template.
        ModelError: the model does not continue texts, or gave numbers that are not finite.

    Laws (tests/sampling/test_sample.py): with the cache = without; alone = in a batch; a smaller max_tokens gives a
    prefix; greedy equals transformers' `generate`; frequencies follow the distribution asked for. To force the tokens
    that a seed drew, or to keep the cache between turns, changes nothing (tests/sampling/test_control.py).
    """
    texts, grown = _steps(lm, prompt, n=n, max_tokens=max_tokens, seed=seed, stop=stop, **options)
    for _ in grown:
        pass
    return _gather(lm, texts)


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
    decoder, shown = Decoder(lm.tokenizer), {}
    for step in _steps(lm, prompt, **asked)[1]:
        for text in step:
            whole_text = decoder.text(text.ids, text.prompt.ids)
            ready = whole_text if text.ended else whole_text.rstrip("\ufffd")
            logprob, _, entropy, _ = text.costs[-1]
            new = ready[len(shown.get(text.number, "")) :]
            yield Piece(text.number, text.ids[-1], new, float(logprob), float(entropy), text.ended)
            shown[text.number] = ready


def _steps(
    lm: Any, prompt: Any, *, n: int = 1, max_tokens: int = 64, seed: int = 0, stop: Any = (), **asked: Any
) -> tuple[list[Text], Iterator[list[Text]]]:
    """All texts, and what lets them grow, batch after batch."""
    require_model(lm)
    options = make_options(asked.pop("options", None), **asked)
    n, max_tokens, seed = whole("n", n), whole("max_tokens", max_tokens), whole("seed", seed, -(2**63))
    texts = plant(lm, read_prompts(lm.tokenizer, prompt), n, seed=seed, stop=_stops(stop), options=options)
    if len(texts[0].forced) >= max_tokens:
        raise OptionError(
            f"prefix has {len(texts[0].forced)} tokens, of max_tokens={max_tokens}; give more, so that one is drawn"
        )
    ending, size = endings(lm, max_tokens, options), int(options.batch)
    batches = (texts[first : first + size] for first in range(0, len(texts), size))
    return texts, (step for batch in batches for step in grow(lm, batch, ending, options))


def _stops(stop: Any) -> tuple[str, ...]:
    stops = (stop,) if isinstance(stop, str) and stop else tuple(stop) if isinstance(stop, Iterable) else (stop,)
    if not all(isinstance(s, str) and s for s in stops):
        raise OptionError(f"stop={stop!r} must be a text of one character or more, or several such texts")
    return stops


def _gather(lm: Any, texts: Sequence[Text]) -> Samples:
    """Samples of texts that have ended."""
    decoder = Decoder(lm.tokenizer)
    table = [np.array(text.costs, dtype=np.float32) for text in texts]
    return Samples(
        prompts=tuple(t.prompt.text for t in texts),
        texts=tuple(_cut(decoder, t) for t in texts),
        tokens=tuple(tuple(decoder.token(i) for i in t.ids) for t in texts),
        ids=tuple(tuple(t.ids) for t in texts),
        logprobs=tuple(rows[:, 0] for rows in table),
        truncated_logprobs=tuple(rows[:, 1] for rows in table),
        entropies=tuple(rows[:, 2] for rows in table),
        ended=tuple(t.ended for t in texts),
    )


def _cut(decoder: Decoder, text: Text) -> str:
    """The text up to the first stop string that was drawn."""
    whole_text, forced = decoder.text(text.ids, text.prompt.ids), decoder.text(text.forced, text.prompt.ids)
    places = [whole_text.find(s, len(forced)) for s in text.stop]
    return whole_text[: min((place for place in places if place >= 0), default=None)]
