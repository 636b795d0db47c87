"""Products: a weight (out, in) times the vectors of a step, the way that this processor and its libraries do it best.

Reads   a weight where it lies on the processor, and how many vectors it meets.
Gives   the product; the name of the way, and what was measured.
Ignores models. On any other device, and in any other number type than float32, there is nothing to choose.

No rule foresees the best way. MKL's product with one vector may use one thread and half the speed of memory, where the
same weight as a batch of blocks of rows is read by all threads at its full speed; many vectors are quickest with the
weight on the left, or not, by processor and number of threads. So each shape is measured once, in the ways below, and
the cache keeps what was found: a run repeats, and `labkit doctor` tells it. Nothing is copied.

Law: every way gives the same product, and a changed weight is seen by the next text (tests/sampling/test_products.py).
"""

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import gcd
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.functional import linear
from torch.nn.functional import scaled_dot_product_attention as attend

from labkit.core.devices import processor
from labkit.core.paths import atomic_file, cache_folder

MV, BLOCKS = "as it lies", "in blocks"
"""Ways for one vector: one product, or a batch of products of as many rows each."""
LINEAR, LEFT = "linear", "weight on the left"
"""Ways for several vectors."""
MOST_BLOCKS = 32
"""More threads than that are rare, and a block should stay a long stretch of memory."""
LEAST = 1 << 18
"""Numbers in a weight from which choosing pays; a smaller one stays near the processor however it is read."""
WORTH = 1.1
"""A way must be so many times as fast as the plain one to be taken."""
MEASURED = 64 << 20
"""Bytes of weights that a measurement reads, more than a processor holds near."""
ROUNDS = 4
STEADY = 1.25
"""The two best rounds of each way differ by no more, or the machine was busy and the choice is not kept."""


def times(x: Tensor, weight: Tensor) -> Tensor:
    """(rows, out): rows (rows, in) times a weight (out, in)."""
    return on_the_left(x, weight) if way_of(weight, len(x)) == LEFT else linear(x, weight)


def on_the_left(x: Tensor, weight: Tensor) -> Tensor:
    """(rows, out): the same product, with the weight as its first matrix."""
    return torch.mm(weight, x.t()).t().contiguous()


def way_of(weight: Tensor, rows: int) -> str:
    """How `rows` vectors are multiplied with a weight (out, in)."""
    if weight.device.type != "cpu":
        return LINEAR if rows > 1 else MV
    if weight.dtype != torch.float32:  # `linear` reorders such a weight at each call; on the left nothing is moved
        return LEFT if rows > 1 and weight.itemsize < 4 else LINEAR if rows > 1 else MV
    if weight.numel() < LEAST or rows >= 128:  # a prompt is quick either way
        return LINEAR if rows > 1 else MV
    return _known(weight, next(size for size in (1, 3, 8, 32) if rows < 2 * size or size == 32))


class Product:
    """A weight that one vector after another is multiplied with."""

    def __init__(self, weight: Tensor, way: str | None = None) -> None:
        """Args: a weight (out, in), read where it lies; the way, where it is not to be chosen."""
        self.out, self._weight = len(weight), weight
        self._blocks = in_blocks(weight) if (way or way_of(weight, 1)) == BLOCKS else None

    def into(self, vector: Tensor, row: Tensor) -> Tensor:
        """row (out,) = the weight times a vector (in,)."""
        if self._blocks is None:
            return torch.mv(self._weight, vector, out=row)
        blocks, rows, inputs = self._blocks.shape
        column = vector.view(1, inputs).t()  # its strides matter: as `view(inputs, 1)` it is six times as slow
        torch.bmm(self._blocks, column.expand(blocks, inputs, 1), out=row.view(blocks, rows, 1))
        return row


def in_blocks(weight: Tensor) -> Tensor | None:
    """(block, out/block, in): the same memory; None where the outputs cannot be parted evenly."""
    blocks = gcd(len(weight), MOST_BLOCKS)
    return weight.view(blocks, -1, weight.shape[1]) if blocks > 1 and weight.is_contiguous() else None


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
        rounds = measured(out, inputs, rows)
        seconds = {way: min(took) for way, took in rounds.items()}
        plain = MV if rows == 1 else LINEAR
        best = min(seconds, key=seconds.__getitem__)
        known[shape] = best if seconds[plain] > WORTH * seconds[best] else plain
        if any(sorted(took)[1] > STEADY * min(took) for took in rounds.values()):
            return known[shape]  # other work is in the way: good for this process, not to be remembered
        place = cache_folder() / "products.json"
        with suppress(OSError):  # a cache that cannot be written: measured once a process
            everything = _read(place)
            everything[_machine()] = {**everything.get(_machine(), {}), shape: known[shape]}
            with atomic_file(place) as draft:
                draft.write_text(json.dumps(everything, indent=1, sort_keys=True), "utf-8")
    return known[shape]


def measured(out: int, inputs: int, rows: int) -> dict[str, list[float]]:
    """Seconds of one product in each way, by rounds in turns; on weights of 1.

    Between two products of one vector stands a little attention, as in a step, which wakes torch's threads.
    """
    count = max(2, MEASURED // (4 * out * inputs))
    weights, x = [torch.ones(out, inputs) for _ in range(count)], torch.ones(rows, inputs)
    row, heads = torch.empty(out), torch.ones(1, 9, 32, 64)

    def alone(product: Product) -> None:
        attend(heads, heads, heads)
        product.into(x[0], row)

    ways: dict[str, list[Callable[[], object]]]
    if rows > 1:
        ways = {LINEAR: [partial(linear, x, w) for w in weights], LEFT: [partial(on_the_left, x, w) for w in weights]}
    else:
        ways = {way: [partial(alone, Product(w, way)) for w in weights] for way in (MV, BLOCKS)}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, works in ways.items():
            began = perf_counter()
            for work in works:
                work()
            took[name].append((perf_counter() - began) / count)
    return took


def _machine() -> str:
    return f"{processor()}; torch {torch.__version__}, {torch.get_num_threads()} threads"


def _read(place: Path) -> dict[str, dict[str, str]]:
    with suppress(OSError, ValueError):
        data = json.loads(place.read_text("utf-8"))
        if isinstance(data, dict) and all(isinstance(one, dict) for one in data.values()):
            return data
    return {}
