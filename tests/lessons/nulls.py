"""Nulls: how often a claim of a notebook would hold if there were nothing to see.

    bounds = claimed("10_hallucination")                                  # name → relation and bound, as written
    share  = passing(lambda rng: compute(noise(rng)), bounds["probe_low"])  # ≤ 0.05, but for luck

A lesson's nulls stand in `nulls_NN.py` and are found by its number: `NULLS`, `PLANTED` (claims of absence) and `EXACT`
(what no noise stands for, with the reason), each by the claim's name; `COMPUTED` for bounds that the notebook computes.

Each null is the claim's own computation on noise of the lesson's size. A claim of absence is tested with a planted
effect of a stated size instead, and must fail.
"""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
RELATIONS = ("at_least", "at_most", "within", "equals")
Bound = tuple[str, Any]


def claimed(notebook: str) -> dict[str, Bound]:
    """Claim → (relation, bound) of every call `claim("…/name", value, at_least=number)`, also of `finding`.

    A claim whose name or bound is computed is not read: its module of nulls states it in `COMPUTED`.
    """
    cells = json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    found: dict[str, Bound] = {}
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        for node in ast.walk(ast.parse("".join(cell["source"]))):
            if isinstance(node, ast.Call) and _called(node.func) in ("claim", "finding"):
                found |= _read(node)
    return found


def _called(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))


def _read(call: ast.Call) -> dict[str, Bound]:
    words = {word.arg: word.value for word in call.keywords}
    try:
        name = ast.literal_eval(call.args[0]).rpartition("/")[2]
        relation = next(word for word in RELATIONS if word in words)
        return {name: (relation, ast.literal_eval(words[relation]))}
    except (ValueError, StopIteration):  # something computed
        return {}


def passing(compute: Callable[[np.random.Generator], Any], bound: Bound, draws: int) -> float:
    """Share of draws whose value keeps the bound."""
    values = np.array([compute(np.random.default_rng([n, 10])) for n in range(draws)])
    relation, at = bound
    if relation == "equals":
        return float((values == at).mean())
    if relation == "within":
        return float(((values >= at[0]) & (values <= at[1])).mean())
    return float((values >= at if relation == "at_least" else values <= at).mean())


def luck(share: float, draws: int) -> float:
    """How far a share of so many draws may be off, two standard errors."""
    return 2 * float(np.sqrt(share * (1 - share) / draws))
