"""Lenses: read each state of the residual stream as if it were the last one.

    raw, fair = lens(lm), lens(lm, affine=True)
    seen = look(fair, "The capital of France is", answer=" Paris")     # what each state would say, at each token

The logit lens sends a state through the last norm and the table of tokens. The affine lens first does to a state what
the layers after it do on average: the best matrix and vector that lead from it to the last state, over a few thousand
tokens of text, in closed form (least squares with a small ridge). States count from 0, the embedding.

Sources: nostalgebraist 2020, "interpreting GPT: the logit lens"; Belrose et al. 2023, "Eliciting latent predictions
with the tuned lens" (which learns its matrices by gradient). Laws (tests/interpretability/test_lens.py): the last state
gives the model's own prediction; the fit is scikit-learn's; equals TransformerLens's `logit_readout` to 1e-4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.core.errors import OptionError, ShapeError
from labkit.core.pieces import Pieces, visible
from labkit.models.language_model import require_finite
from labkit.models.store import fingerprint, remembered

from .inputs import Text, require_attention, require_decoder, target_id, token_ids
from .patching import blocks, hook

if TYPE_CHECKING:
    from labkit.models import LanguageModel

FIRST = 5
"""Tokens of a text that are not fitted: the first one's state is many times louder than all others."""
LENGTH, WINDOWS = 125, 24
"""Of the text that is fitted where none is given: State of the Union addresses."""
RIDGE = 0.05
"""Of the mean variance of a dimension, times the number of tokens 1: little."""
BATCH = 8


@dataclass(frozen=True, eq=False)
class Lens:
    """How a state is read."""

    lm: "LanguageModel" = field(repr=False)
    maps: Any = field(repr=False, default=())
    """(state, d_model + 1, d_model) array: matrix and, as its last row, vector; empty = the logit lens"""

    @property
    def name(self) -> str:
        return "affine lens" if len(self.maps) else "logit lens"

    def logits(self, state: int, vectors: Any) -> Any:
        """(..., vocab) what states after so many layers would predict, of (..., d_model) as a tensor."""
        import torch

        with torch.no_grad():
            if state < len(self.maps):
                by = torch.as_tensor(self.maps[state]).to(vectors)
                vectors = vectors @ by[:-1] + by[-1]
            return self.lm.bridge.unembed(self.lm.bridge.ln_final(vectors)).float()


@dataclass(frozen=True)
class Looked:
    """What each state of each token would say next."""

    tokens: tuple[str, ...]
    """(seq,)"""
    said: tuple[tuple[str, ...], ...]
    """(state, seq) the most likely next token"""
    agrees: np.ndarray
    """(state, seq) bool: it is the model's own"""
    distance: np.ndarray
    """(state, seq) KL divergence of the model's prediction from this one, nats"""
    rank: np.ndarray | None = None
    """(state, seq) how many tokens are likelier than the answer"""


def lens(lm: "LanguageModel", *, affine: bool = False, texts: Sequence[Text] | None = None) -> Lens:
    """A lens for one model.

    Args:
        affine: fit it. A fit is kept: it is read again for the same weights and the same texts.
        texts: what it is fitted on, together more tokens than the model is wide; None = addresses of the State of the
            Union.

    Raises:
        ModelError: the model has no attention, predicts no next token, or gave numbers that are not finite.
        ShapeError: fewer tokens than the model is wide.
        OptionError: texts for a lens that is not fitted.
    """
    require_attention(lm)
    require_decoder(lm, "a lens", "choose a decoder such as smollm2-135m")
    if not affine:
        if texts is not None:
            raise OptionError("the logit lens is not fitted; leave texts= out, or say affine=True")
        return Lens(lm)
    windows = [token_ids(lm, text) for text in texts] if texts is not None else _addresses(lm)
    count = sum(max(0, len(ids) - FIRST) for ids in windows)
    if count <= lm.card.d_model:
        raise ShapeError(
            f"{count} tokens were given (the first {FIRST} of each text are left out), but a state has "
            f"{lm.card.d_model} numbers; give texts of several times as many"
        )
    recipe = {"affine lens": fingerprint(lm.model), "windows": windows, "first": FIRST, "ridge": RIDGE}
    return Lens(lm, remembered(recipe, lambda: _fitted(lm, windows)))


def look(through: Lens, text: Text, *, answer: str | None = None, at: Sequence[int] | None = None) -> Looked:
    """What each state of a text would say next.

    Args:
        answer: one token, whose rank is told.
        at: the states that are read; None = all.

    Raises:
        TargetError: it is not one token. TextError: no text, or more than the context.
    """
    lm = through.lm
    ids = token_ids(lm, text)
    number = None if answer is None else target_id(lm, answer)
    stream = states(lm, [ids])
    chosen = range(len(stream)) if at is None else at
    last = through.logits(len(stream) - 1, stream[-1][0]).log_softmax(-1)
    logprobs = [through.logits(n, stream[n][0]).log_softmax(-1) for n in chosen]
    best, pieces = [one.argmax(-1) for one in logprobs], Pieces(lm.tokenizer)
    distance = [(last.exp() * (last - one)).sum(-1).cpu().numpy() for one in logprobs]
    rank = None if number is None else np.stack([
        (one > one[:, [number]]).sum(-1).cpu().numpy() for one in logprobs])  # fmt: skip
    said = tuple(tuple(visible(pieces(int(i))) for i in row) for row in best)
    agrees = np.stack([(row == last.argmax(-1)).cpu().numpy() for row in best])
    return Looked(pieces.texts(ids), said, agrees, np.stack(distance), rank)


def states(lm: "LanguageModel", windows: Sequence[Sequence[int]]) -> list[Any]:
    """(state)(text, seq, d_model) tensors: the stream before the first layer and after each; texts of one length.

    Transformers' own `hidden_states` give the last one after the last norm, which is no state of the stream.
    """
    import torch

    found: list[Any] = []
    layers = blocks(lm)
    hooks = [hook(layers, n, found.append) for n in range(len(layers) + 1)]
    try:
        with torch.no_grad():
            lm.model(input_ids=torch.tensor(windows, device=lm.model.device), use_cache=False, logits_to_keep=1)
    finally:
        for one in hooks:
            one.remove()
    require_finite(found[-1].flatten(), lm.name)
    return found


def _addresses(lm: "LanguageModel") -> list[list[int]]:
    """Windows of the addresses since 1900, spread evenly over the years."""
    from labkit.text import corpus

    length = min(LENGTH, lm.card.context or LENGTH)
    documents = list(corpus("sotu", since=1900))
    chosen = [documents[n] for n in np.linspace(0, len(documents) - 1, WINDOWS).astype(int)]
    found = [lm.tokenizer(one.text[5000 : 5000 + 12 * length], verbose=False)["input_ids"] for one in chosen]
    return [ids[:length] for ids in found if len(ids) >= length]


def _fitted(lm: "LanguageModel", windows: Sequence[Sequence[int]]) -> np.ndarray:
    """Least squares from each state to the last one; of windows of one length, some are read at once."""
    import torch

    kept: list[list[Any]] = []
    for length in sorted({len(ids) for ids in windows}):
        alike = [ids for ids in windows if len(ids) == length]
        for start in range(0, len(alike), BATCH):
            seen = states(lm, alike[start : start + BATCH])
            kept.append([x[:, FIRST:].float().flatten(0, 1) for x in seen])
    found = [torch.cat(rows).cpu() for rows in zip(*kept, strict=True)]  # (state)(token, d_model)
    return np.stack([_least_squares(x, found[-1]).numpy() for x in found[:-1]])


def _least_squares(x: Any, y: Any) -> Any:
    """(d_model + 1, d_model): the matrix, and the vector as its last row."""
    import torch

    mean_x, mean_y = x.mean(0), y.mean(0)
    moved = x - mean_x
    ridge = RIDGE * moved.square().sum(0).mean() * torch.eye(x.shape[1])
    matrix = torch.linalg.solve(moved.T @ moved + ridge, moved.T @ (y - mean_y))
    return torch.cat([matrix, (mean_y - mean_x @ matrix)[None]])
