"""Sweeps: many edits of one pass, each made alone, for little more than the price of a few passes.

Reads   a LanguageModel, token numbers, edits.
Gives   what was asked of each edited pass, and of the untouched one.
Ignores what the edits mean.

The pass starts with the untouched text alone; one copy for each edit joins the batch at the first layer that the edit
touches. What comes before is computed once instead of once for each edit, and the matrix products are large.

Law: equals making the edits one at a time (tests/interpretability/test_sweeps.py).
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.core.errors import OptionError
from labkit.models.language_model import require_finite

from .capture import device_of, only_position
from .edits import ORDER, Edit, Hook, chosen, hook_name, hooks_of, obeyed

if TYPE_CHECKING:
    from labkit.models import LanguageModel

ROWS_AT_ONCE = 8192
"""Tokens of all copies together in one sweep; keeps memory near 1 GB for a model of SmolLM2's size."""


def sweep(
    lm: "LanguageModel", ids: Sequence[int], edits: Sequence[Edit], read: Callable[[Any, Any], Any], position: int = -1
) -> np.ndarray:
    """Row 0: the text untouched; then one row for each edit. Read at one position.

    Args:
        read: gets the last layer's vectors (row, d_model) and the logits (row, vocab).

    Raises:
        OptionError: an edit of what all rows share, how positions enter; and as `hooks_of`.
    """
    if shared := [edit.site for edit in edits if edit.site in ORDER]:
        raise OptionError(f"all edits of a sweep share {shared[0]!r}; change it alone, with capture(edits=)")
    hooks_of(lm.bridge, edits)  # refuses what cannot be edited before anything is computed
    layers = [[int(n) for n in chosen(lm.bridge.cfg.n_layers, edit.layer, "layer")] for edit in edits]
    order = sorted(range(len(edits)), key=lambda n: min(layers[n]))
    size, found = max(1, ROWS_AT_ONCE // len(ids) - 1), []
    for start in range(0, max(1, len(order)), size):
        part = [(edits[n], layers[n]) for n in order[start : start + size]]
        rows = _some(lm, [list(ids)], part, position, read)
        found.append(rows if start == 0 else rows[1:])
    rows = np.concatenate(found)
    return np.concatenate([rows[:1], rows[1:][np.argsort(order)]]) if len(edits) else rows


def _some(
    lm: "LanguageModel", ids: list[list[int]], edits: list[tuple[Edit, list[int]]], position: int, read: Any
) -> np.ndarray:
    import torch

    bridge, tokens = lm.bridge, torch.tensor(ids, device=device_of(lm))
    hooks: list[Hook] = []
    if bridge.cfg.positional_embedding_type == "alibi":  # its table of distances is made for all rows at the start
        tokens = tokens.expand(1 + len(edits), -1)
    else:
        joins = [min(layers) for _, layers in edits]
        hooks += hooks_of(bridge, [Edit("resid_pre", _join(joins.count(at)), at) for at in sorted(set(joins))])
    changes: dict[str, list[tuple[int, Any]]] = {}  # hook → (row, what changes it)
    for row, (edit, _) in enumerate(edits, 1):
        for name, change in hooks_of(bridge, [edit]):
            changes.setdefault(name, []).append((row, change))
    last: list[Any] = []
    hooks += [(name, _of_rows(some)) for name, some in changes.items()]
    hooks += [(hook_name("resid_post", bridge.cfg.n_layers - 1), lambda x, hook: last.append(x[:, position]))]
    with torch.no_grad(), obeyed():
        logits = bridge.run_with_hooks(tokens, fwd_hooks=[*hooks, only_position(position)])
    require_finite(logits[:, 0], lm.name)
    return read(last[0].float(), logits[:, 0].float()).cpu().numpy()


def _join(count: int) -> Callable[[Any], Any]:
    import torch

    return lambda x: torch.cat([x, x[:1].expand(count, -1, -1)])  # (row, seq, d_model)


def _of_rows(changes: list[tuple[int, Callable[..., Any]]]) -> Callable[..., Any]:
    """The hooks of some edits, each for its own row of the batch."""

    def hook(x: Any, hook: Any) -> Any:
        x = x.clone()
        for row, change in changes:
            x[row] = change(x[row : row + 1], hook)[0]
        return x

    return hook
