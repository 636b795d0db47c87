"""Nulls: how often a claim of a notebook would hold if there were nothing to see.

    bounds = claimed("10_hallucination")                                  # name → relation and bound, as written
    share  = passing(lambda rng: compute(noise(rng)), bounds["probe_low"])  # ≤ 0.05, but for luck

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
Bound = tuple[str, Any]


def claimed(notebook: str) -> dict[str, Bound]:
    """Claim → (relation, bound) of every call `claim(name, value, says, at_least=number)` or `finding(…)`."""
    cells = json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    found: dict[str, Bound] = {}
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        for node in ast.walk(ast.parse("".join(cell["source"]))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("claim", "finding"):
                (bound,) = (word for word in node.keywords if word.arg != "tolerance")
                found[ast.literal_eval(node.args[0])] = (bound.arg or "", ast.literal_eval(bound.value))
    return found


def passing(compute: Callable[[np.random.Generator], float], bound: Bound, draws: int) -> float:
    """Share of draws whose value keeps the bound."""
    values = np.array([compute(np.random.default_rng([n, 10])) for n in range(draws)], float)
    relation, at = bound
    if relation == "within":
        return float(((values >= at[0]) & (values <= at[1])).mean())
    return float((values >= at if relation == "at_least" else values <= at).mean())


def luck(share: float, draws: int) -> float:
    """How far a share of so many draws may be off, two standard errors."""
    return 2 * float(np.sqrt(share * (1 - share) / draws))
