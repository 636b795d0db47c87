"""Patching: put one text's state into another, and see whose answer comes.

Reads   a LanguageModel, prompts and donors, where their states stand.
Gives   Patched after Patched: by place and layer, what became of each pair's next token.
Ignores what the texts are about. Any decoder of transformers serves, whether TransformerLens knows it or not.

    for found in patch(lm, prompts, donors, at={"name": [(4, 5), ...], "end": [(-1, -1)] * len(prompts)}): ...

Probes tell where something can be read; this tells where it is used.
Sources: Meng et al. 2022, "Locating and editing factual associations in GPT"; Geva et al. 2023. Laws
(tests/interpretability/test_patching.py): the last layer's state at the last token gives the donor's answer; a text
patched with itself keeps its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.core.errors import ModelError, OptionError, ShapeError
from labkit.models.language_model import require_finite
from labkit.models.likelihood import read_pair

from .inputs import Text, require_attention, token_ids

if TYPE_CHECKING:
    from labkit.models import LanguageModel

Pairs = Sequence[tuple[int, int]]
"""(pair,) position in the prompt and in its donor"""


@dataclass(frozen=True)
class Patched:
    """What the states of one place, after so many layers, do to the next token."""

    place: str
    layer: int
    """the state after so many layers; 0 = what the first layer reads"""
    turned: np.ndarray
    """(pair,) bool: the most likely next token becomes the donor's answer"""
    kept: np.ndarray
    """(pair,) bool: it stays the prompt's own"""
    moved: np.ndarray
    """(pair,) by how much log p(donor's answer) − log p(own answer) rises, nats"""
    apart: np.ndarray
    """(pair,) bool: the two answers begin with different tokens; where they do not, nothing can be told"""


def patch(
    lm: "LanguageModel", prompts: Sequence[Text], donors: Sequence[Text], *, at: Mapping[str, Pairs],
    answers: Sequence[tuple[str, str]] | None = None, layers: Sequence[int] | None = None,
) -> Iterator[Patched]:  # fmt: skip
    """Swap one hidden state of each pair at a time and read the next token; all pairs in one pass.

    Args:
        prompts: (pair,) texts.
        donors: (pair,) texts whose states are put in.
        at: place → (pair,) (position in the prompt, position in the donor), from 0, or from the end: -1.
        answers: (pair,) (the prompt's answer, the donor's), whose first tokens are compared; None = what the model
            itself says to each.
        layers: after how many layers the state is taken and put in; None = each one. 0 = what the first layer reads.

    Raises:
        OptionError: no pair, no place, or a layer or position out of range.
        ShapeError: not one donor, place or answer for each prompt.
        ModelError: the model has no attention or predicts no next token.
    """
    require_attention(lm)
    if lm.card.kind != "decoder-only":
        raise ModelError(
            f"{lm.name} is {lm.card.kind} and predicts no next token; choose a decoder such as smollm2-135m"
        )
    count = lm.card.layers
    chosen = tuple(range(count + 1)) if layers is None else tuple(layers)
    if not chosen or not all(0 <= n <= count for n in chosen):
        raise OptionError(f"layers={chosen} is not a choice of 0 to {count}; None takes all")
    if not prompts or not at:
        raise OptionError("no pair of texts or no place was given; give a prompt, a donor and where their states stand")
    for what, rows in {"donors": donors, "answers": answers or prompts, **at}.items():
        if len(rows) != len(prompts):
            raise ShapeError(f"{len(rows)} {what} were given for {len(prompts)} prompts; give one for each")
    own, other = ([token_ids(lm, text) for text in texts] for texts in (prompts, donors))
    places = {
        name: (_within([p for p, _ in pairs], own), _within([d for _, d in pairs], other)) for name, pairs in at.items()
    }
    firsts = _firsts(lm, prompts, donors, answers) if answers else None
    return _swaps(lm, (own, other), places, chosen, firsts)


def _swaps(
    lm: "LanguageModel", texts: tuple[list[list[int]], ...], places: Mapping[str, tuple[list[int], list[int]]],
    layers: Sequence[int], answers: list[list[int]] | None,
) -> Iterator[Patched]:  # fmt: skip
    own, other = texts
    rows = list(range(len(own)))
    states: dict[tuple[str, int], Any] = {}

    def keep(layer: int) -> Callable[[Any], None]:
        def look(x: Any) -> None:
            states.update({(name, layer): x[rows, theirs].clone() for name, (_, theirs) in places.items()})

        return look

    donors = ends(lm, other, {layer: keep(layer) for layer in layers})
    before = ends(lm, own, {})
    mine, theirs = (np.asarray(one) for one in answers or (before.argmax(-1).tolist(), donors.argmax(-1).tolist()))
    for name, (here, _) in places.items():
        for layer in layers:
            after = ends(lm, own, {layer: _put(rows, here, states[name, layer])})
            said = after.argmax(-1).cpu().numpy()
            moved = [x[rows, theirs] - x[rows, mine] for x in (after, before)]
            yield Patched(
                name, layer, said == theirs, said == mine, (moved[0] - moved[1]).cpu().numpy(), mine != theirs
            )


def _put(rows: list[int], positions: list[int], given: Any) -> Callable[[Any], Any]:
    def change(x: Any) -> Any:  # (pair, seq, d_model)
        x = x.clone()
        x[rows, positions] = given
        return x

    return change


def ends(lm: "LanguageModel", texts: list[list[int]], at: Mapping[int, Callable[[Any], Any]]) -> Any:
    """(pair, vocab) log-probabilities after each text, with the states after some layers seen or changed.

    Padding follows each text, where nothing looks.
    """
    import torch

    most, rows = max(map(len, texts)), list(range(len(texts)))
    back = [most - len(ids) + 1 for ids in texts]  # where each text ends, from the last column
    tokens = torch.tensor([[*ids, *ids[-1:] * (most - len(ids))] for ids in texts], device=lm.model.device)
    layers = blocks(lm)
    with ExitStack() as hooks, torch.no_grad():
        for layer, change in at.items():
            hooks.callback(hook(layers, layer, change).remove)
        logits = lm.model(input_ids=tokens, use_cache=False, logits_to_keep=max(back)).logits
        found = logits[rows, [max(back) - n for n in back]].float()
    require_finite(found, lm.name)
    return found.log_softmax(-1)


def blocks(lm: "LanguageModel") -> Any:
    """The layers of the model, in their order."""
    from torch.nn import ModuleList

    lists = (part for part in lm.model.modules() if isinstance(part, ModuleList) and len(part) == lm.card.layers)
    if (found := next(lists, None)) is None:
        raise ModelError(
            f"{lm.name} ({type(lm.model).__name__}) keeps its layers in no list, so no state can be swapped"
        )
    return found


def hook(blocks: Any, layer: int, change: Callable[[Any], Any]) -> Any:
    """What sees or changes the state after so many layers; 0 = what the first layer reads."""
    if not layer:
        return blocks[0].register_forward_pre_hook(lambda block, given: _changed(given, change))
    return blocks[layer - 1].register_forward_hook(lambda block, given, made: _changed(made, change))


def _changed(state: Any, change: Callable[[Any], Any]) -> Any:
    """The same with its first tensor changed; None where it was only seen."""
    first, *rest = state if isinstance(state, tuple) else (state,)
    new = change(first)
    return new if new is None or not isinstance(state, tuple) else (new, *rest)


def _within(positions: Sequence[int], texts: list[list[int]]) -> list[int]:
    """Positions counted from 0, each inside its text."""
    for position, ids in zip(positions, texts, strict=True):
        if not -len(ids) <= position < len(ids):
            raise OptionError(f"position {position} is not in a text of {len(ids)} tokens")
    return [position % len(ids) for position, ids in zip(positions, texts, strict=True)]


def _firsts(lm: "LanguageModel", *given: Any) -> list[list[int]]:
    """The first tokens of the prompts' answers and of the donors', each as it follows its text."""
    prompts, donors, answers = given
    sides = zip((prompts, donors), zip(*answers, strict=True), strict=True)
    found = [[read_pair(lm, text, answer) for text, answer in zip(*side, strict=True)] for side in sides]
    return [[pair.ids[pair.border] for pair in side] for side in found]
