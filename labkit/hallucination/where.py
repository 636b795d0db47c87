"""Where is it known? Put one token's hidden state from another question into this one, and see whose answer comes.

Reads   a LanguageModel, Questions that it answers right.
Gives   Patching: by layer and token, how often the answer becomes the other question's.
Ignores probes, which tell where something can be read; this tells where it is used.

Source: Meng et al. 2022, "Locating and editing factual associations in GPT"; Geva et al. 2023. Law: all layers patched
at the prompt's last token give the other answer, and a question patched with itself keeps its own
(tests/hallucination/test_where.py).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.core.errors import ModelError, OptionError
from labkit.core.results import Curve, Curves
from labkit.evaluation import Question, prompt_of, wilson
from labkit.sampling.prompts import read_prompts

from .states import entity_tokens
from .waiting import watched

PLACES = ("entity", "prompt")
"""The entity's last token, and the prompt's last, from which the answer is predicted."""


@dataclass(frozen=True)
class Patching:
    """What putting in another question's state does to the answer's first token."""

    layers: tuple[int, ...]
    """(layer,) counted from 1: the state after so many layers; 0 = the embedding"""
    turned: np.ndarray
    """(place, layer) share of pairs whose most likely next token becomes the other question's"""
    kept: np.ndarray
    """(place, layer) share that keeps its own"""
    pairs: int

    def curves(self) -> Curves:
        """How often the other answer comes, by layer, one line for each place."""
        names = ("state of the name's last token", "state of the prompt's last token")
        counts = np.full(len(self.layers), self.pairs)
        lines = [Curve(name, np.array(self.layers), row, *wilson(row, counts))
                 for name, row in zip(names, self.turned, strict=True)]  # fmt: skip
        return Curves(tuple(lines), "layers passed", "share of pairs that give the other answer",
                      f"Whose answer comes when one state is swapped? {self.pairs} pairs")  # fmt: skip


def patch(lm: Any, pairs: Sequence[tuple[Question, Question]], *, layers: Sequence[int] | None = None) -> Patching:
    """Swap one hidden state at a time and read the next token.

    Args:
        pairs: (question, donor), two questions with different answers.
        layers: after how many layers the state is taken and put in; None = each one. 0 = the embedding.

    Raises:
        OptionError: no pair, a layer out of range, or an entity that does not stand in its prompt.
        ModelError: the model has no stack of layers.
    """
    import torch

    if not pairs:
        raise OptionError("no pair of questions was given; give two questions that the model answers right")
    count = lm.card.layers
    chosen = tuple(range(count + 1)) if layers is None else tuple(layers)
    if not chosen or not all(0 <= n <= count for n in chosen):
        raise OptionError(f"layers={chosen} is not a choice of 0 to {count}; None takes all")
    sites = _sites(lm.model)
    own, other = ([_Read.of(lm, q) for q in side] for side in zip(*pairs, strict=True))
    with torch.inference_mode():
        states: list[Any] = []  # (layer + 1)(pair, seq, d_model); not output_hidden_states, whose last one is normed
        with _hooked(sites, [_record(states)] * len(sites)):
            donors = _run(lm, other).argmax(-1)
        answers = _run(lm, own).argmax(-1)
        turned, kept = np.zeros((2, len(PLACES), len(chosen)))
        points = [(p, n) for p in range(len(PLACES)) for n in range(len(chosen))]
        for p, n in watched(points, len(points), "Swapping states", "passes"):
            place, layer = PLACES[p], chosen[n]
            given = states[layer][range(len(other)), [read.places[place] for read in other]]
            with _hooked(sites[layer : layer + 1], [_replace([read.places[place] for read in own], given)]):
                said = _run(lm, own).argmax(-1)
            turned[p, n] = float((said == donors).float().mean())
            kept[p, n] = float((said == answers).float().mean())
    return Patching(chosen, turned, kept, len(pairs))


@dataclass(frozen=True)
class _Read:
    """A prompt's ids, and the places in them."""

    ids: tuple[int, ...]
    places: dict[str, int]

    @classmethod
    def of(cls, lm: Any, question: Question) -> "_Read":
        ids = read_prompts(lm.tokenizer, prompt_of(question))[0].ids
        entity = entity_tokens(lm.tokenizer, ids, question.entity)
        if not entity:
            raise OptionError(
                f"{question.entity!r} does not stand in {question.text!r}; give the name as it is written"
            )
        return cls(ids, {"entity": entity[-1], "prompt": len(ids) - 1})


def _run(lm: Any, reads: Sequence[_Read]) -> Any:
    """(pair, vocab) logits after each prompt; padding follows it, where nothing looks."""
    import torch

    most = max(len(read.ids) for read in reads)
    ids = torch.tensor([[*read.ids] + [0] * (most - len(read.ids)) for read in reads], device=lm.model.device)
    body = lm.model.base_model(input_ids=ids, use_cache=False)
    last = body.last_hidden_state[range(len(reads)), [len(read.ids) - 1 for read in reads]]
    return lm.model.get_output_embeddings()(last)


def _sites(model: Any) -> list[Any]:
    """The embedding and each layer: the modules whose outputs are the states after 0, 1, 2 … layers."""
    return [model.get_input_embeddings(), *stack_of(model)]


@contextmanager
def _hooked(modules: Sequence[Any], hooks: Sequence[Any]) -> Iterator[None]:
    handles = [module.register_forward_hook(hook) for module, hook in zip(modules, hooks, strict=True)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _record(store: list[Any]) -> Any:
    def hook(module: Any, inputs: Any, output: Any) -> None:
        store.append(output[0] if isinstance(output, tuple) else output)

    return hook


def _replace(places: Sequence[int], given: Any) -> Any:
    """A hook that puts `given` (pair, d_model) at each row's place."""

    def change(states: Any) -> Any:
        states = states.clone()
        states[range(len(places)), list(places)] = given
        return states

    def hook(module: Any, inputs: Any, output: Any) -> Any:
        return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

    return hook


def stack_of(model: Any) -> Any:
    """The model's layers, first to last.

    Raises:
        ModelError: it has no stack of layers.
    """
    import torch

    wanted = getattr(model.config, "num_hidden_layers", 0)
    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == wanted:
            return module
    raise ModelError(f"{type(model).__name__} has no stack of layers whose states could be swapped; use a transformer")
