"""Products: a weight (out, in) times the vectors of a step, the way that this processor and its libraries do it best.

Reads   a weight where it lies on the processor, and how many vectors it meets.
Gives   the product; the name of the way, and what was measured.
Ignores models. On any other device, and in any other number type than float32, there is nothing to choose.

No rule foresees the best way. MKL reads a matrix with many outputs at half the speed of the same matrix stored by
columns; OpenBLAS, which is numpy's, reads both quicker on one processor and not on another; many vectors are
quickest with the weight on the left, or not, by processor and number of threads. So each shape is measured once, in
the ways below, and the cache keeps what was found: a run repeats, and `labkit doctor` tells it.

Law: every way gives the same product, and a changed weight is seen by the next text (tests/sampling/test_products.py).
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor
from torch.nn.functional import linear
from torch.nn.functional import scaled_dot_product_attention as attend
from torch.utils.weak import WeakIdKeyDictionary

from labkit.core.devices import processor
from labkit.core.paths import atomic_file, cache_folder

MV, DOT, COLUMNS_MV, COLUMNS_DOT = "torch", "numpy", "columns, torch", "columns, numpy"
"""Ways for one vector: the weight as it lies, or a copy of it stored by columns."""
LINEAR, LEFT = "linear", "weight on the left"
"""Ways for several vectors."""
LEAST = 1 << 18
"""Numbers in a weight from which choosing pays; a smaller one stays near the processor however it is read."""
WORTH = 1.1
"""A way must be so many times as fast as the plain one to be taken."""
OUTPUTS = 2
"""A copy by columns is made of weights with so many times as many outputs as inputs: of a Llama's gates and its
vocabulary, 0.6 of its numbers."""
MEASURED = 64 << 20
"""Bytes of weights that a measurement reads, more than a processor holds near."""
ROUNDS = 4


def times(x: Tensor, weight: Tensor) -> Tensor:
    """(rows, out): rows (rows, in) times a weight (out, in)."""
    if way_of(weight, len(x)) == LEFT:
        return torch.mm(weight, x.t()).t().contiguous()
    return linear(x, weight)


def way_of(weight: Tensor, rows: int) -> str:
    """How `rows` vectors are multiplied with a weight (out, in)."""
    if weight.device.type != "cpu":
        return LINEAR if rows > 1 else MV
    if weight.dtype != torch.float32:  # `linear` reorders such a weight at each call; on the left nothing is moved
        return LEFT if rows > 1 and weight.itemsize < 4 else LINEAR if rows > 1 else MV
    if rows == 1:
        return _known(weight, 1) if weight.numel() >= LEAST else MV
    if not 4 <= rows < 128 or weight.numel() < LEAST:  # a prompt is quick either way
        return LINEAR
    return _known(weight, 8 if rows < 16 else 32)


class Product:
    """A weight that one vector after another is multiplied with."""

    def __init__(self, weight: Tensor, owner: Any) -> None:
        """Choose the way, and bring the copy by columns up to date where that is the way.

        Args:
            weight: (out, in), on the processor.
            owner: the parameter whose memory the weight begins with; the copy lives as long as it.
        """
        self.out, way = len(weight), way_of(weight, 1)
        self._by_numpy = way in (DOT, COLUMNS_DOT)
        self._weight = columns_of(weight, owner) if way in (COLUMNS_MV, COLUMNS_DOT) else weight
        self._rows = self._weight.numpy() if self._by_numpy else None

    def into(self, vector: Tensor, row: Tensor) -> Tensor:
        """row (out,) = the weight times a vector (in,)."""
        if self._rows is None:
            return torch.mv(self._weight, vector, out=row)
        np.dot(self._rows, vector.numpy(), out=row.numpy())
        return row


@cache
def _numpys() -> Any:
    return ThreadpoolController().select(internal_api="openblas")


def one_thread() -> Any:
    """A context in which numpy multiplies on one thread: torch's threads, which wait awake, would keep its own from the
    cores and make a product thirty times as slow."""
    return _numpys().limit(limits=1)


@dataclass(frozen=True)
class _Copy:
    by_columns: Tensor
    """(out, in), numbers of one column side by side"""
    seen: np.ndarray
    """(out,) the weight times a fixed vector, when it was copied"""


_COPIES: Any = WeakIdKeyDictionary()  # parameter -> _Copy


def columns_of(weight: Tensor, owner: Any) -> Tensor:
    """The weight (out, in) stored by columns; the same copy until the weight changes.

    Whether it changed is asked of its product with a fixed vector: that reads it once, a part of what one token costs,
    and no change that could be seen in a text leaves it as it was.
    """
    now = weight.numpy() @ np.random.default_rng(0).standard_normal(weight.shape[1], dtype=np.float32)
    held = _COPIES.get(owner)
    if held is None or held.by_columns.shape != weight.shape or not np.array_equal(held.seen, now):
        held = _COPIES[owner] = _Copy(weight.t().contiguous().t(), now)
    return held.by_columns


_FOUND: dict[tuple[str, str], dict[str, str]] = {}  # (file, machine) -> shape -> way


def found() -> dict[str, str]:
    """What was measured on this machine with this number of threads: `3072 x 576, 1 vector` -> the way."""
    place, machine = cache_folder() / "products.json", _machine()
    if (str(place), machine) not in _FOUND:
        _FOUND[str(place), machine] = _read(place).get(machine, {})
    return _FOUND[str(place), machine]


def _known(weight: Tensor, rows: int) -> str:
    out, inputs = weight.shape
    shape = f"{out} x {inputs}, {rows} vector{'s'[: rows > 1]}"
    if shape not in (known := found()):
        seconds = measured(out, inputs, rows)
        plain = MV if rows == 1 else LINEAR
        best = min(seconds, key=seconds.__getitem__)
        known[shape] = best if seconds[plain] > WORTH * seconds[best] else plain
        place = cache_folder() / "products.json"
        with suppress(OSError):  # a cache that cannot be written: measured once a process
            everything = _read(place)
            everything[_machine()] = {**everything.get(_machine(), {}), **known}
            with atomic_file(place) as draft:
                draft.write_text(json.dumps(everything, indent=1, sort_keys=True), "utf-8")
    return known[shape]


def measured(out: int, inputs: int, rows: int) -> dict[str, float]:
    """Seconds of one product in each way, the best of a few rounds in turns; on weights of 1.

    Between two products of one vector stands a little attention, as in a step, which wakes torch's threads.
    """
    count = max(2, MEASURED // (4 * out * inputs))
    weights = [torch.ones(out, inputs) for _ in range(count)]
    x = torch.ones(rows, inputs)
    ways: dict[str, Callable[[], object]] = {}
    if rows > 1:
        ways[LINEAR] = lambda: [linear(x, w) for w in weights]
        ways[LEFT] = lambda: [torch.mm(w, x.t()).t().contiguous() for w in weights]
    else:
        layouts = [("", weights)]
        if out >= OUTPUTS * inputs:
            layouts.append(("columns, ", [w.t().contiguous().t() for w in weights]))
        vector, row, heads = x[0], torch.empty(out), torch.ones(1, 9, 32, 64)
        for name, held in layouts:
            arrays = [w.numpy() for w in held]
            ways[name + MV] = lambda held=held: [
                (attend(heads, heads, heads), torch.mv(w, vector, out=row)) for w in held
            ]
            ways[name + DOT] = lambda arrays=arrays: [
                (attend(heads, heads, heads), np.dot(w, vector.numpy(), out=row.numpy())) for w in arrays
            ]
    took = {name: float("inf") for name in ways}
    with one_thread():
        for _ in range(ROUNDS):
            for name, work in ways.items():
                began = perf_counter()
                work()
                took[name] = min(took[name], (perf_counter() - began) / count)
    return took


def _machine() -> str:
    return f"{processor()}; torch {torch.__version__}, numpy {np.__version__}, {torch.get_num_threads()} threads"


def _read(place: Path) -> dict[str, dict[str, str]]:
    with suppress(OSError, ValueError):
        data = json.loads(place.read_text("utf-8"))
        if isinstance(data, dict) and all(isinstance(one, dict) for one in data.values()):
            return data
    return {}
