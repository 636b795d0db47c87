"""Lesson 02's claims on noise of the FAST profile's size: other words, shuffled senses, even or random attention."""

import ast
from collections.abc import Callable
from functools import cache
from typing import Any

import nbformat
import numpy as np
from scipy.special import softmax
from scipy.stats import rankdata

import labkit as lab
from labkit.evaluation import bootstrap
from labkit.interpretability import MEASURES
from tests.lessons.nulls import NOTEBOOKS

TOKENS, RANDOM, HEADS, PROMPTS, VOCAB, DRAWS = 24, 50, 54, 20, 49152, 20
LEFT, ADDED = (0.95, 0.06), (0.8, 1.0)
"""Mean and scatter over heads drawn at random in the lesson: of the parting that is left, and of nats a token added."""
LENGTHS = np.array([256, 512, 1024, 2048])
Rng = np.random.Generator


@cache
def lesson() -> dict[str, Any]:
    """The lesson's own sentences, read by its encoder, and its own `parted`."""
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOKS / "02_attention.ipynb", 4).cells}
    names: dict[str, Any] = {"np": np, "lab": lab, "encoder": lab.load("minilm")}
    exec(cells["bank"], names)
    functions: list[ast.stmt] = [
        node for node in ast.parse(cells["bank-layers"]).body if isinstance(node, ast.FunctionDef)
    ]
    exec(compile(ast.Module(functions, []), "bank-layers", "exec"), names)
    names["looks"] = [s["pattern"][:, :, i].mean((0, 1)) for s, i in zip(names["banks"], names["at"], strict=True)]
    names["end"] = np.array([s.path(i)[-1] for s, i in zip(names["banks"], names["at"], strict=True)])
    return names


def another_word(rng: Rng) -> Any:
    """In each sentence some word, neither the first token nor "bank", instead of the one that tells the sense."""
    gain = []
    for weight, at in zip(lesson()["looks"], lesson()["at"], strict=True):
        others = [n for n in range(1, len(weight)) if n != at]
        clue = others.pop(rng.integers(len(others)))
        gain.append(weight[clue] - weight[others].mean())
    return bootstrap(lambda rows: rows.mean(-1), np.array(gain)).low


def shuffled_senses(rng: Rng) -> float:
    return lesson()["parted"](lesson()["end"], rng.permutation(lesson()["sense"]))


def luck_of_shuffled(rng: Rng) -> Any:
    found = shuffled_senses(rng)
    return np.mean([shuffled_senses(rng) >= found for _ in range(200)])


def attention(rng: Rng, tokens: int, *, causal: bool = True) -> np.ndarray:
    """Of scores at random, (layer, head, query, key)."""
    scores = rng.normal(size=(6, 9, tokens, tokens))
    return softmax(np.where(np.tri(tokens, dtype=bool) | (not causal), scores, -np.inf), axis=-1)


def habit(name: str, rng: Rng) -> np.ndarray:
    """A measure of heads at random, on a text whose second half repeats the first."""
    return MEASURES[name](attention(rng, TOKENS), np.tile(np.arange(TOKENS // 2), 2))


def ranks_agree(rng: Rng, planted: float) -> Any:
    """Rank correlation of an effect and what should tell it, over prompts."""
    effect, noise = rng.normal(size=(2, PROMPTS, HEADS))
    ranks = rankdata([effect, planted * effect + np.sqrt(1 - planted**2) * noise], axis=-1)
    ranks = (ranks - ranks.mean(-1, keepdims=True)) / ranks.std(-1, keepdims=True)
    return bootstrap(lambda rows: rows.mean(-1), (ranks[0] * ranks[1]).mean(-1))


def growth(rng: Rng, power: float) -> float:
    """Power read from times that grow with a power of the length, each off by a fifth."""
    return np.polyfit(np.log(LENGTHS), power * np.log(LENGTHS) + rng.normal(0, 0.2, len(LENGTHS)), 1)[0]


NULLS: dict[str, Callable[[Rng], Any]] = {
    "bank_first": lambda rng: attention(rng, 10, causal=False).mean((0, 1))[2, 0],
    "bank_clue_low": another_word,
    "bank_gap": shuffled_senses,
    "bank_luck": luck_of_shuffled,
    "bank_five": lambda rng: rng.normal(*LEFT),
    "bank_lead": lambda rng: rng.normal(*LEFT, DRAWS).min() - rng.normal(*LEFT),
    "sink": lambda rng: habit("sink", rng).mean(),
    "induction_head": lambda rng: "L{}H{}".format(*divmod(int(rng.random(270).argmax()), 9)),
    "induction_score": lambda rng: habit("induction", rng).max(),
    "repeat": lambda rng: np.mean(np.log(VOCAB) + rng.normal(0, 1, RANDOM - 1)),  # an untrained model
    "repeat_cut": lambda rng: rng.normal(*ADDED),
    "repeat_lead": lambda rng: rng.normal(*ADDED) - rng.normal(*ADDED, DRAWS).max(),
    "encoder_ahead": lambda rng: np.triu(attention(rng, 11, causal=False), 1).sum(-1).mean(),
    "shuffle_seen": lambda rng: abs(rng.normal(0, 1e-6)),  # a bag of words, rounded
    "mask_tells": lambda rng: abs(rng.normal(0, 1e-6)),
    "previous_with": lambda rng: habit("previous", rng).max(),
    "unrotated": lambda rng: rng.normal(0, 0.1, (2, TOKENS)).mean(1) @ [1, -1],  # an untrained model: flat either way
    "first_order": lambda rng: ranks_agree(rng, 0).low,
    "naive_time": lambda rng: growth(rng, 1),
    "fused_faster": lambda rng: np.divide(*rng.lognormal(0, 0.1, (2, 9)).min(1)),  # as long, each off by a tenth
}
"""Claim → its value where there is nothing to see."""

PLANTED: dict[str, Callable[[Rng], Any]] = {
    "bank_clue": lambda rng: np.mean([weight[2:].max() + 0.1 for weight in lesson()["looks"]]) + rng.normal(0, 0.01),
    "repeat_random": lambda rng: (rng.normal(*ADDED, DRAWS) + 3).mean(),
    "previous_without": lambda rng: rng.normal(0.6, 0.05),
    "weight_explains": lambda rng: ranks_agree(rng, 0.5).high,
    "gradient_explains": lambda rng: ranks_agree(rng, 0.5).high,
}
"""Claim of absence → its value with an effect: a tenth of the weight more on the telling word; 3 nats without any heads
of those layers; a head that needs no rotation to look back with 0.6; a correlation of 0.5."""

EXACT = {
    **dict.fromkeys(["rows", "by_hand", "by_hand_steps", "ways_agree"], "two ways to the same, up to rounding"),
    **dict.fromkeys(["bank_start", "decoder_ahead", "bag_of_words"], "true of the architecture, up to rounding"),
    **dict.fromkeys(["naive_memory", "fused_memory"], "bytes, counted"),
}
"""Claim → why it has no null."""
COMPUTED = dict.fromkeys(["rows", "by_hand", "by_hand_steps"], ("at_most", 1e-4))
"""Of float32; the notebook widens them for shorter number types."""
