"""One step, taken apart: what each strategy does to the distribution over the next token.

Reads   a LanguageModel, one prompt, options.
Gives   Stages: the distribution after each strategy, what it removed, and the token that a seed draws from it.
Ignores how it is drawn.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from labkit.core.results import Bars, Table

from .beams import one_prompt
from .drawing import CUTS, History, pick, shape
from .loop import uniforms
from .options import SampleOptions, make_options
from .prompts import Decoder
from .runners import make_runner
from .strategies import entropy


@dataclass(frozen=True)
class Stage:
    """The distribution after one strategy."""

    name: str
    probabilities: np.ndarray
    """(vocab,) sums to 1"""
    removed: float
    """probability that this strategy took away from tokens that it cut"""
    entropy: float
    """nats"""
    token: str
    """the token that the seed draws here"""

    @property
    def kept(self) -> int:
        """Tokens that may still be drawn."""
        return int((self.probabilities > 0).sum())


@dataclass(frozen=True)
class Stages:
    """All stages of one step, from the model's own distribution to the one drawn from."""

    prompt: str
    stages: tuple[Stage, ...]
    tokens: tuple[str, ...]
    """(vocab shown,) the tokens that were likeliest at first"""
    ids: tuple[int, ...]
    """(vocab shown,)"""

    def bars(self, *, first_and_last: bool = False) -> Bars:
        """The likeliest tokens at each stage, or at the first and the last alone."""
        stages = [self.stages[0], self.stages[-1]] if first_and_last else self.stages
        names = ("the model", "drawn from") if first_and_last else tuple(stage.name for stage in stages)
        values = np.stack([stage.probabilities[list(self.ids)] for stage in stages])
        return Bars(self.tokens, values, quantity="probability", groups=names, label_name="token", title=self.title)

    @property
    def title(self) -> str:
        """What the bars are about."""
        shown = self.prompt if len(self.prompt) < 80 else f"…{self.prompt[-79:]}"
        return f"Next token after “{shown}”" if shown else "The first token, after nothing"

    def table(self) -> Table:
        """Each stage in one row."""
        return Table.of([
            {"stage": s.name, "tokens kept": s.kept, "mass removed": s.removed, "entropy (nats)": s.entropy,
             "token drawn": s.token} for s in self.stages
        ])  # fmt: skip


def dissect(lm: Any, prompt: Any, *, seed: int = 0, top: int = 10, **options: Any) -> Stages:
    """What each strategy does to the distribution after a prompt.

    Args:
        seed: the token drawn at each stage is the first one of `sample` with this seed.
        top: how many of the likeliest tokens the bars show.
        **options: the fields of SampleOptions; one stage for each that is at work, in their order.

    Law: the last stage's distribution and token are those of `sample` (tests/sampling/test_texts.py).
    """
    asked, start, decoder = make_options(**options), one_prompt(lm, prompt), Decoder(lm.tokenizer)
    logits = make_runner(lm.model).begin([start.ids]).float().cpu()  # (1, vocab)
    chance = torch.tensor([uniforms(seed, start.ids, 0).random()], dtype=torch.float64)
    stages: list[Stage] = []
    for name, after in _after_each(logits, History([start.ids], [[]]), asked):
        own = after.softmax(-1)  # (1, vocab)
        before = stages[-1].probabilities if stages else own[0].numpy()
        stages.append(Stage(
            name, own[0].numpy(), float(before[own[0].numpy() == 0].sum()), float(entropy(after.log_softmax(-1))[0]),
            decoder.token(int(pick(own, chance))),
        ))  # fmt: skip
    ids = logits[0].topk(min(top, logits.shape[-1])).indices.tolist()
    return Stages(start.text, tuple(stages), tuple(map(decoder.token, ids)), tuple(ids))


def _after_each(logits: torch.Tensor, history: History, options: SampleOptions) -> Any:
    """(name, logits) after the model and after each strategy at work."""
    yield "model", logits
    penalties = make_options(options, **_NEUTRAL)
    out = shape(logits, history, penalties)
    if out is not logits:
        yield "penalties", out
    for name, value in options.cuts.items():
        out = CUTS[name](out, value)
        yield f"{name.replace('_', '-')} {value:g}", out
        if options.temperature == 0:
            return


_NEUTRAL = {name: SampleOptions.__dataclass_fields__[name].default for name in CUTS}
