"""What attention costs as the text grows: time and memory of the naive way and of the fused one, on the processor.

Both compute the same numbers. The naive way writes the whole table of weights, query times key, to memory; the fused
one (Dao et al. 2022, "FlashAttention") goes through it in blocks and keeps only sums.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import Curve, Curves

LENGTHS = (64, 128, 256, 512, 1024, 2048)


@dataclass(frozen=True)
class AttentionCost:
    """One layer's attention, at several lengths, both ways."""

    lengths: np.ndarray
    """(length,) tokens"""
    seconds: dict[str, np.ndarray]
    """`naive` and `fused` → (length,) the fastest of several runs"""
    megabytes: dict[str, np.ndarray]
    """`naive` and `fused` → (length,) most memory held at once beside the inputs, 10⁶ bytes"""
    difference: float
    """Largest difference between what the two ways compute"""

    def exponent(self, what: str, way: str, *, at_least: int = 256) -> float:
        """The slope p of cost ∝ lengthᵖ, fitted to the lengths from `at_least` on."""
        chosen = self.lengths >= at_least
        cost = getattr(self, what)[way][chosen]
        return float(np.polyfit(np.log(self.lengths[chosen]), np.log(cost), 1)[0])

    def curves(self, what: str) -> Curves:
        """`megabytes` or `seconds` against length, both ways, with the power law fitted to the naive one."""
        lines = [Curve(way, self.lengths, cost) for way, cost in getattr(self, what).items()]
        power = self.exponent(what, "naive")
        fit = lines[0].y[-1] * (self.lengths / self.lengths[-1]) ** power
        law = Curve(f"tokens to the power {power:.2f}", self.lengths, fit, dashed=True)
        label = {"megabytes": "memory, MB", "seconds": "time, s"}[what]
        return Curves((*lines, law), "tokens", label, log_x=True, log_y=True)


def attention_cost(
    heads: int, d_head: int, *, lengths: Sequence[int] = LENGTHS, repeats: int = 5, seed: int = 0
) -> AttentionCost:
    """Measure causal attention on random queries, keys and values, at each length, both ways, on one core.

    Args:
        heads, d_head: the shape of one layer.
        lengths: tokens.
        repeats: runs at each length, of which the fastest counts.

    Raises:
        OptionError: fewer than two lengths, or a length below 2.

    Law: both ways compute the same to 1e-5; naive memory grows as the square (tests/interpretability/test_cost.py).
    """
    import torch

    if len(lengths) < 2 or min(lengths) < 2 or repeats < 1:
        raise OptionError(f"lengths={tuple(lengths)}, repeats={repeats}: two lengths from 2 tokens on, one run or more")
    seconds: dict[str, list[float]] = {"naive": [], "fused": []}
    megabytes: dict[str, list[float]] = {"naive": [], "fused": []}
    worst = 0.0
    with torch.no_grad(), _one_core():
        for length in lengths:
            q, k, v = torch.randn(3, 1, heads, length, d_head, generator=torch.Generator().manual_seed(seed))
            worst = max(worst, float((naive(q, k, v) - fused(q, k, v)).abs().max()))
            for name, way in (("naive", naive), ("fused", fused)):
                seconds[name].append(_fastest(lambda: way(q, k, v), repeats))  # noqa: B023  called at once
                megabytes[name].append(_most_held(lambda: way(q, k, v)) / 1e6)  # noqa: B023
    arrays = [{name: np.array(found) for name, found in what.items()} for what in (seconds, megabytes)]
    return AttentionCost(np.array(lengths), arrays[0], arrays[1], worst)


@contextmanager
def _one_core() -> Iterator[None]:
    """Beside other programs, several threads spend their time waiting for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def naive(q: Any, k: Any, v: Any) -> Any:
    """Causal attention as it is written down: (batch, head, seq, d_head) each."""
    seq, d_head = q.shape[-2:]
    scores = q @ k.transpose(-1, -2) / d_head**0.5  # (batch, head, query, key)
    future = scores.new_ones(seq, seq).triu(1).bool()  # (query, key)
    return scores.masked_fill(future, -float("inf")).softmax(-1) @ v


def fused(q: Any, k: Any, v: Any) -> Any:
    """The same by torch's scaled_dot_product_attention."""
    from torch.nn.functional import scaled_dot_product_attention

    return scaled_dot_product_attention(q, k, v, is_causal=True)


def _fastest(run: Callable[[], Any], repeats: int) -> float:
    times: list[float] = []
    # Short runs are repeated for a tenth of a second: beside other programs, few of them are undisturbed.
    while len(times) < repeats or (sum(times) < 0.1 and len(times) < 200):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def _most_held(run: Callable[[], Any]) -> int:
    """Most bytes allocated at once during `run`, from torch's own record of its allocations."""
    import os

    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler greets and leaves with a line each time
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        run()
    held = most = 0
    inner: Any = record.profiler
    events = (e for e in inner.kineto_results.events() if e.name() == "[memory]")
    for event in sorted(events, key=lambda e: e.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most
