"""States: what is inside the model where it reads the question and where it answers.

Reads   a LanguageModel, prompts with their greedy answers.
Gives   hidden states at four tokens by layer, attention to the entity; the same states in a random model.
Ignores whether an answer is right.

One pass over prompt and answer; what the prompts of a topic share is read once.
Law: equal to transformers' own hidden states and attention of each text alone (tests/hallucination/test_states.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from labkit.assets.progress import watched
from labkit.core.devices import STORED
from labkit.core.seeds import derive
from labkit.evaluation import Question

from .continuing import Ask

BATCH = 16
KEPT = np.dtype(STORED)
LARGEST = float(np.finfo(KEPT).max)


def look_inside(
    model: Any, tokenizer: Any, questions: Sequence[Question], asks: Sequence[Ask], ids: Sequence[Sequence[int]],
    *, what: str = "Looking inside",
) -> dict[str, np.ndarray]:  # fmt: skip
    """`hidden` and, where the model has attention, `attention` of Answers."""
    places = [_places(tokenizer, q, ask, answer) for q, ask, answer in zip(questions, asks, ids, strict=True)]
    batches = watched(_batches(asks), len(asks), what, size=len)
    hidden, attention = _pass(model, batches, asks, ids, places)
    return {"hidden": hidden} if attention is None else {"hidden": hidden, "attention": attention}


def random_twin(model: Any, seed: int = 0) -> Any:
    """A model of the same shape with the random weights that training starts from."""
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(derive(seed, "twin") % 2**63)
        twin = type(model)(model.config)
    return twin.to(device=model.device, dtype=model.dtype).eval().requires_grad_(False)


def _places(tokenizer: Any, question: Question, ask: Ask, answer: Sequence[int]) -> tuple[list[int], list[int]]:
    """The four tokens of POSITIONS, and all tokens of the entity, counted from the prompt's start."""
    end = len(ask.ids)
    entity = entity_tokens(tokenizer, ask.ids, question.entity) or [end - 1]
    return [entity[-1], end - 1, end, end + len(answer) - 1], entity


def entity_tokens(tokenizer: Any, ids: Sequence[int], entity: str) -> list[int]:
    """Numbers of the tokens that spell the entity where it stands last; empty where it does not stand."""
    if not entity:
        return []
    # Without spaces: some tokenizers write a word's space into its token, others between tokens.
    pieces = ["".join(tokenizer.decode([i], clean_up_tokenization_spaces=False).split()) for i in ids]
    spelled = "".join(entity.split())
    ends = np.cumsum([len(p) for p in pieces])
    text = "".join(pieces)
    start = text.casefold().rfind(spelled.casefold())
    if start < 0 and not entity.isascii():  # letters cut into bytes: look for what is left of them around the question
        return _bytes_of(tokenizer, ids, entity)
    if start < 0:
        return []
    stop = start + len(spelled)
    there = [n for n, last in enumerate(ends) if last > start and last - len(pieces[n]) < stop and pieces[n]]
    return list(range(there[0], there[-1] + 1))


def _bytes_of(tokenizer: Any, ids: Sequence[int], entity: str) -> list[int]:
    """The same for an entity whose letters are cut: the tokens after which the decoded text has come to hold it."""
    for last in range(len(ids), 0, -1):
        if entity not in tokenizer.decode(list(ids[:last]), clean_up_tokenization_spaces=False):
            for first in range(last, -1, -1):
                if entity in tokenizer.decode(list(ids[first : last + 1]), clean_up_tokenization_spaces=False):
                    return list(range(first, min(last + 1, len(ids))))
            return []
    return []


def _pass(
    model: Any, batches: Iterable[list[int]], asks: Sequence[Ask], ids: Sequence[Sequence[int]],
    places: Sequence[tuple[list[int], list[int]]],
) -> tuple[np.ndarray, np.ndarray | None]:  # fmt: skip
    """(question, position, layer + 1, d_model) float16, and (question, layer, head) or None."""
    hidden: dict[int, np.ndarray] = {}
    attention: dict[int, np.ndarray] = {}
    with torch.inference_mode(), eager(model) as shows:
        for group in batches:
            out, shared = _read(model, [[*asks[n].ids, *ids[n]] for n in group], asks[group[0]].shared, shows)
            layers = out.hidden_states or (out.last_hidden_state,)  # a recurrent model shows its last layer alone
            states = torch.stack(layers, 1)  # (batch, layer + 1, seq, d_model)
            for row, n in enumerate(group):
                four, entity = places[n]
                kept = states[row][:, [max(p - shared, 0) for p in four]].float().clamp(-LARGEST, LARGEST)
                hidden[n] = kept.transpose(0, 1).cpu().numpy().astype(KEPT)
                if shows and out.attentions and out.attentions[0] is not None:
                    queries = slice(four[1] - shared, four[3] - shared)  # where the answer's tokens are predicted
                    queries = slice(queries.start, max(queries.stop, queries.start + 1))
                    weights = torch.stack([a[row, :, queries][..., entity] for a in out.attentions])
                    attention[n] = weights.float().sum(-1).mean(-1).cpu().numpy()
    order = range(len(asks))
    looked = np.stack([attention[n] for n in order]) if len(attention) == len(asks) else None
    return np.stack([hidden[n] for n in order]), looked


def _batches(asks: Sequence[Ask]) -> Iterator[list[int]]:
    """Numbers of questions with the same beginning, short ones first."""
    order = sorted(range(len(asks)), key=lambda n: (asks[n].ids[: asks[n].shared], len(asks[n].ids)))
    batch: list[int] = []
    for n in order:
        if batch and (len(batch) == BATCH or asks[n].ids[: asks[n].shared] != asks[batch[0]].ids[: asks[n].shared]
                      or asks[n].shared != asks[batch[0]].shared):  # fmt: skip
            yield batch
            batch = []
        batch.append(n)
    if batch:
        yield batch


def _read(model: Any, texts: Sequence[list[int]], shared: int, shows: bool) -> tuple[Any, int]:
    """One pass over texts that share their beginning; padding follows each text, where nothing looks."""
    body = model.base_model
    past, most = None, max(map(len, texts))
    caches = getattr(model.config, "use_cache", False)
    shared = shared if caches else 0
    if shared:
        begun = body(input_ids=torch.tensor([texts[0][:shared]], device=model.device), use_cache=True)
        past = getattr(begun, "past_key_values", None)
        shared = shared if past is not None else 0
    if past is not None:
        past.batch_select_indices(torch.zeros(len(texts), dtype=torch.long, device=model.device))
    rows = torch.tensor([text[shared:] + [0] * (most - len(text)) for text in texts], device=model.device)
    more: dict[str, Any] = {"past_key_values": past, "use_cache": True} if past is not None else {}
    if shows:
        more["output_attentions"] = True
    return body(input_ids=rows, output_hidden_states=True, **more), shared


@contextmanager
def eager(model: Any) -> Iterator[bool]:
    """The model with attention that can be looked at; False where it has none."""
    before = getattr(model.config, "_attn_implementation", None)
    if not getattr(model.config, "num_attention_heads", 0) or before is None:
        yield False
        return
    model.set_attn_implementation("eager")
    try:
        yield True
    finally:
        model.set_attn_implementation(before)
