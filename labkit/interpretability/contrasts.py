"""Contrasts: two prompts of one length with different answers, and what of the one turns the other's answer.

    pair  = contrast(lm, "… John gave a book to", "… Mary gave a book to", answer=" Mary", instead=" John")
    grid  = recovery(lm, pair)                       # (layer, position): one state of the clean run put in
    heads = recovery(lm, pair, "z", positions=[-1])  # (layer, head): each head's output at the last token
    three = recovered(lm, pair, [Edit("z", None, 23, [1, 4, 5], -1)])        # several together
    guess = attribution_patching(lm, pair, "z")      # the same from one pass back and no patching at all

What is measured is the logit of the answer less that of the other one, so that 0 is the corrupt run's and 1 the clean
run's. Sources: Meng et al. 2022; Wang et al. 2023; Nanda 2023 ("attribution patching"). Laws
(tests/interpretability/test_contrasts.py): patching everything gives the clean run, patching nothing the corrupt one;
equals edits made one at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.core.errors import ModelError, OptionError, ShapeError, TargetError

from .capture import Capture, capture, chosen_layers
from .edits import BY_HEAD, Edit, check_site, chosen
from .inputs import Text, require_attention, require_decoder, target_id, token_ids
from .sweeps import sweep

if TYPE_CHECKING:
    from labkit.models import LanguageModel

CAPTURED = ("resid_pre", "resid_post", "attn_out", "mlp_out", "neurons")
"""Sites whose parts are positions; those of z are heads."""


@dataclass(frozen=True)
class Contrast:
    """A prompt whose answer is asked for, and one of as many tokens that has another."""

    clean: tuple[int, ...]
    """(seq,) token numbers"""
    corrupt: tuple[int, ...]
    answer: int
    """the token that the clean prompt asks for"""
    instead: int
    """the one that the corrupt prompt asks for"""

    @property
    def first(self) -> int:
        """The first position at which they differ: before it, both runs are the same."""
        return next(n for n, (a, b) in enumerate(zip(self.clean, self.corrupt, strict=True)) if a != b)

    def apart(self, logits: Any) -> Any:
        """(...,) logit of the answer less that of the other one, of (..., vocab)."""
        return logits[..., self.answer] - logits[..., self.instead]


def contrast(lm: "LanguageModel", clean: Text, corrupt: Text, *, answer: str | int, instead: str | int) -> Contrast:
    """Two prompts to compare, checked.

    Args:
        answer, instead: what each of the two asks for: one token, with the space before it, or its number.

    Raises:
        ShapeError: the prompts have different numbers of tokens.
        OptionError: the prompts are the same, or the answers are.
        TargetError: an answer is not one token.
        ModelError: the model has no attention or predicts no next token.
    """
    require_attention(lm)
    require_decoder(lm, "a contrast", "choose a decoder such as smollm2-135m")
    ids = [tuple(token_ids(lm, text, at_least=2)) for text in (clean, corrupt)]
    if len(ids[0]) != len(ids[1]):
        raise ShapeError(
            f"the clean prompt has {len(ids[0])} tokens and the corrupt one {len(ids[1])}; "
            "swap words that are as many tokens"
        )
    numbers = [target_id(lm, text) for text in (answer, instead)]
    if ids[0] == ids[1]:
        raise OptionError("the clean and the corrupt prompt are the same; change one word")
    if numbers[0] == numbers[1]:
        raise TargetError(f"both prompts are given the answer {answer!r}; give each its own")
    return Contrast(ids[0], ids[1], numbers[0], numbers[1])


def recovered(lm: "LanguageModel", pair: Contrast, edits: Sequence[Edit]) -> np.ndarray:
    """(edit,) how much of the clean run's answer comes back when each part of it is put into the corrupt run.

    Args:
        edits: where; what they set is taken from the clean run.

    Raises:
        as `hooks_of`; ModelError: both runs give the same answer, so that nothing can come back.
    """
    sites = tuple(dict.fromkeys(edit.site for edit in edits))
    seen = capture(lm, pair.clean, (*sites, "logits"))
    rows = sweep(lm, pair.corrupt, [replace(e, to=_part(seen, e)) for e in edits], lambda _, x: pair.apart(x))
    corrupt, *patched = rows.tolist()
    return (np.array(patched) - corrupt) / _gap(lm, pair.apart(seen["logits"][-1]), corrupt)


def _part(seen: Capture, edit: Edit) -> Capture:
    return replace(seen, sites={edit.site: seen[edit.site]})


def _gap(lm: "LanguageModel", clean: Any, corrupt: float) -> float:
    if abs(float(clean) - corrupt) < 1e-3:
        raise ModelError(f"{lm.name} tells the answers apart by {corrupt:.4f} in both prompts; nothing can come back")
    return float(clean) - corrupt


def recovery(
    lm: "LanguageModel", pair: Contrast, site: str = "resid_pre", *, layers: Sequence[int] | None = None,
    positions: Sequence[int] | None = None,
) -> np.ndarray:  # fmt: skip
    """Each part of the clean run in turn put into the corrupt run: how much of its answer comes back.

    Args:
        site: resid_pre (the state that a layer reads), attn_out, mlp_out, neurons …; or z, for each head.
        layers: None = all.
        positions: of states, which; of heads, where all of them are put in. None = all.

    Returns:
        (layer, position), or (layer, head) of z; 0 = nothing, 1 = all of it. Before the prompts differ it is 0, which
        is known and not computed.

    Raises:
        as `contrast` and `recovered`; OptionError: a site with neither positions nor heads to patch.
    """
    rows, places, heads = _axes(lm, pair, site, layers, positions)
    where = {"position": None if positions is None else list(positions)}
    ways = [{"head": head, **where} for head in heads] if heads else [{"position": int(p)} for p in places]
    live = [n for n in range(len(ways)) if heads or places[n] >= pair.first]
    found = np.zeros((len(rows), len(ways)))
    if live:
        edits = [Edit(site, None, layer, **ways[n]) for layer in rows for n in live]
        found[:, live] = recovered(lm, pair, edits).reshape(len(rows), -1)
    return found


def attribution_patching(
    lm: "LanguageModel", pair: Contrast, site: str = "resid_pre", *, layers: Sequence[int] | None = None,
    positions: Sequence[int] | None = None,
) -> np.ndarray:  # fmt: skip
    """What `recovery` gives, estimated for all parts at once: the gradient at the corrupt run times the difference.

    Args, Returns, Raises: as `recovery`.

    Law: equals TransformerLens's `attribution_patch` to 1e-4 (tests/interpretability/test_contrasts.py).
    """
    import torch

    rows, places, heads = _axes(lm, pair, site, layers, positions)
    clean = capture(lm, pair.clean, (site, "logits"), layers=rows)
    corrupt = capture(lm, pair.corrupt, (site, "logits"), layers=rows, gradients=True)
    apart = pair.apart(corrupt["logits"][-1])
    with torch.enable_grad():
        slopes = torch.autograd.grad(apart, corrupt[site])
    moved = [torch.as_tensor(a).to(b) - b.detach() for a, b in zip(clean[site], corrupt[site], strict=True)]
    by = torch.stack([(slope * step).sum(-1) for slope, step in zip(slopes, moved, strict=True)])
    whole = by[:, list(places)].float().cpu().numpy()  # (layer, position) or (layer, position, head)
    return (whole.sum(1) if heads else whole) / _gap(lm, pair.apart(clean["logits"][-1]), float(apart.detach()))


def _axes(
    lm: "LanguageModel", pair: Contrast, site: str, layers: Sequence[int] | None, positions: Sequence[int] | None
) -> tuple[tuple[int, ...], np.ndarray, range | None]:
    """The layers, the positions and, of z, the heads."""
    check_site(lm.bridge, site)
    if site not in (*CAPTURED, "z"):
        raise OptionError(f"{site!r} has no part for each token; patch one of {', '.join((*CAPTURED, 'z'))}")
    places = chosen(len(pair.corrupt), positions, "position")
    return chosen_layers(lm.bridge, layers), places, range(lm.bridge.cfg.n_heads) if site in BY_HEAD else None
