"""What this device does best: a short measurement before a run that the clock ends.

    found = probe(model, data, TrainConfig(minutes=60))
    lab.show(found.table)
    steps(model, data, found.config)

Reads   a model, data, a TrainConfig.
Gives   Probe: what was measured, and the config with the best of it.
Ignores what is learned: it works on a copy of the model.

`lab.train` asks `settled` for whatever its caller left open, and remembers the answer on disk, so that the next run of
this shape on this device begins at once. A run of a given number of steps is never measured by itself, because a timing
must not change its numbers.

On a CPU the number type alone is measured, where the processor has a quick one beside float32: its speed is about the
same at every batch from a thousand tokens on, and small batches learn more from each token. A GPU wants larger ones.
Compiling costs half a minute even where it gains nothing, so only long runs try it.
"""

import json
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import blake2b
from time import perf_counter
from typing import Any

import torch

from ..core.devices import quick_type
from ..core.paths import atomic_file, cache_folder
from ..core.results import Table
from .config import TrainConfig
from .distributed import processes
from .loop import gradients
from .loss import context_of
from .state import TrainState

SETTLED = ("precision", "batch", "compile")
"""What a measurement may choose."""
TOKENS = 2048
"""Tokens in the batches by which number types are compared."""
WORTH = 1.1
"""A short number type, or compiling, must be so many times as fast to be taken."""
DOUBLED_WORTH = 1.25
"""A batch twice as large must be so many times as fast to be taken."""
LARGEST = 512
LONG = 30.0
"""Minutes from which compiling is tried."""


@dataclass(frozen=True)
class Probe:
    """What was measured, and what follows."""

    table: Table
    """number type, batch, compiled, tokens per second"""
    config: TrainConfig
    """the one given, with what is faster"""

    @property
    def line(self) -> str:
        """The same in one line."""
        said = [f"{row[0]}{', compiled' if row[2] else ''}, batch {row[1]}: {row[3]:,}" for row in self.table.rows]
        c = self.config
        chosen = f"{c.precision}{', compiled' if c.compile else ''}, batch {c.batch}"
        return f"measured (tokens/s): {'; '.join(said)} → {chosen}"


def probe(model: Any, data: Any, config: TrainConfig, choose: tuple[str, ...] = SETTLED) -> Probe:
    """Measure a few gradients each way, and choose.

    Args:
        model: as for `steps`; it is copied and stays as it is.
        choose: which of `SETTLED` are open.

    Laws: the model, its gradients and the random generators stay as they were; the choice follows from the table
    (tests/training/test_probing.py).
    """
    tried, kept = deepcopy(model), torch.get_rng_state()
    rates: dict[tuple[str, int, bool], float] = {}

    def rate(one: TrainConfig) -> float:
        key = (one.precision, one.batch, one.compile)
        rates[key] = max(speed(tried, data, one), rates.get(key, 0.0))
        return rates[key]

    quick = quick_type(next(model.parameters()).device.type)
    if "precision" in choose and quick != "float32":
        some = replace(config, batch=min(config.batch, max(1, TOKENS // context_of(model, config.context))))
        # In turns and twice, so that a machine that is busy for a moment is unfair to neither.
        turns = ("float32", quick) * 2
        best = {one: rate(replace(some, precision=one, accumulate=1)) for one in turns}
        config = replace(config, precision=quick if best[quick] > WORTH * best["float32"] else "float32")
    if "batch" in choose:
        config = _larger(config, rate)
    if "compile" in choose:
        plain = rate(replace(config, compile=False))
        try:
            config = replace(config, compile=rate(replace(config, compile=True)) > WORTH * plain)
        except Exception:  # no C++ compiler here, or an operation that torch cannot compile: it goes on without
            config = replace(config, compile=False)
    torch.set_rng_state(kept)
    rows = [{"number type": precision, "batch": batch, "compiled": "✔" if compiled else "",
             "tokens per second": round(found)} for (precision, batch, compiled), found in rates.items()]  # fmt: skip
    return Probe(Table.of(rows, title="What this device does best"), config)


def _larger(config: TrainConfig, rate: Any) -> TrainConfig:
    """The batch doubled for as long as that pays and there is room."""
    best = rate(config)
    while config.batch < LARGEST:
        try:
            found = rate(replace(config, batch=2 * config.batch))
        except torch.OutOfMemoryError:
            break
        if found < DOUBLED_WORTH * best:
            break
        best, config = found, replace(config, batch=2 * config.batch)
    return config


def speed(model: Any, data: Any, config: TrainConfig) -> float:
    """Tokens per second of the gradients alone: the best of two, after one that warms up (and compiles)."""
    state, context, seconds = TrainState.new(model, config), context_of(model, config.context), []
    for index in range(3):
        batch = data.batch(index, batch=config.batch, context=context, seed=config.seed)
        began = perf_counter()
        gradients(state, batch)
        seconds.append(perf_counter() - began)
    return config.batch * context / min(seconds[1:])


def settled(model: Any, data: Any, config: TrainConfig, left_open: tuple[str, ...]) -> tuple[TrainConfig, str]:
    """The config with what was left open measured, now or by an earlier run of this shape, and a line that says so.

    Args:
        left_open: names of options that the caller did not give; those of `SETTLED` count.

    Returns:
        The config as it is and an empty line where nothing is to be measured: a run of a given number of steps, one of
        several processes, nothing left open.

    Law: measured once (tests/training/test_probing.py).
    """
    device = next(model.parameters()).device
    pays = {
        "precision": quick_type(device.type) != "float32",
        "batch": device.type == "cuda",
        "compile": (config.minutes or 0) >= LONG,
    }
    choose = tuple(one for one in left_open if pays.get(one))
    if config.steps is not None or processes() > 1 or not choose:
        return config, ""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} {torch.get_num_threads()}"
    given = {one: getattr(config, one) for one in ("batch", "context", "accumulate", *choose)}
    key = repr((torch.__version__, name, model.config.to_json_string(), given))
    place = cache_folder() / "probes" / f"{blake2b(key.encode(), digest_size=12).hexdigest()}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):  # not there, or damaged: measured anew
        known = json.loads(place.read_text("utf-8"))
        return replace(config, **known["chosen"]), known["line"]
    found = probe(model, data, config, choose)
    chosen = {one: getattr(found.config, one) for one in choose}
    with suppress(OSError), atomic_file(place) as draft:  # a cache that cannot be written: measured each time
        draft.write_text(json.dumps({"chosen": chosen, "line": found.line}), "utf-8")
    return found.config, found.line
