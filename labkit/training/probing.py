"""What this device does best: a short measurement of number types and batch sizes before a long run.

    found = probe(model, data, TrainConfig(minutes=60))
    lab.show(found.table)
    steps(model, data, found.config)

Reads   a model, data, a TrainConfig.
Gives   Probe: what was measured, and the config with the best of it.
Ignores what is learned: it works on a copy of the model.

A run of a given number of steps is never probed by itself, because a timing must not change its numbers.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import torch

from ..core.results import Table
from .config import TrainConfig
from .loop import gradients
from .loss import context_of
from .state import TrainState

ENOUGH = 0.8
"""The smallest batch with this share of the best speed is taken: smaller batches learn more from each token."""


@dataclass(frozen=True)
class Probe:
    """What was measured, and what follows."""

    table: Table
    """number type, batch, tokens per second"""
    config: TrainConfig
    """the one given, with the faster number type and the chosen batch"""


def probe(model: Any, data: Any, config: TrainConfig, *, batches: tuple[int, ...] = (8, 16, 32, 64)) -> Probe:
    """Measure a few gradients with each number type, then with each batch size.

    Args:
        model: as for `steps`; it is copied and stays as it is.
        batches: sizes to try, rising.

    Laws: the model, its gradients and the random generators stay as they were; the choice follows from the table
    (tests/training/test_probing.py).
    """
    tried = deepcopy(model)
    kept = torch.get_rng_state()
    speeds: dict[tuple[str, int], float] = {}
    for precision in ("float32", "bfloat16"):
        speeds[precision, batches[0]] = speed(tried, data, replace(config, precision=precision, batch=batches[0]))
    best = max(speeds, key=lambda one: speeds[one])[0]
    for batch in batches[1:]:
        speeds[best, batch] = speed(tried, data, replace(config, precision=best, batch=batch))
    torch.set_rng_state(kept)
    chosen = choose({batch: rate for (precision, batch), rate in speeds.items() if precision == best})
    rows = [{"number type": precision, "batch": batch, "tokens per second": round(rate),
             "chosen": "✔" if (precision, batch) == (best, chosen) else ""}
            for (precision, batch), rate in speeds.items()]  # fmt: skip
    table = Table.of(rows, title="What this device does best")
    return Probe(table, replace(config, precision=best, batch=chosen, accumulate=min(config.accumulate, chosen)))


def choose(rates: dict[int, float]) -> int:
    """The smallest batch whose tokens per second come near the best."""
    return min(batch for batch, rate in rates.items() if rate >= ENOUGH * max(rates.values()))


def speed(model: Any, data: Any, config: TrainConfig) -> float:
    """Tokens per second of the gradients alone: the best of three, after one that warms up."""
    state, context, seconds = (
        TrainState.new(model, replace(config, accumulate=1)),
        context_of(model, config.context),
        [],
    )
    for index in range(4):
        batch = data.batch(index, batch=config.batch, context=context, seed=config.seed)
        began = perf_counter()
        gradients(state, batch)
        seconds.append(perf_counter() - began)
    return config.batch * context / min(seconds[1:])
