"""Attention: size and speed beside bertviz, and the ablation sweep beside one hooked pass a head, in one run.

    python -m tests.benchmarks.bench_attention [threads]

bertviz's page is measured where it can be made in reasonable time (16 and 64 tokens), both pages hold the same weights.
The sweep and the passes alternate over the same heads: of the one-by-one passes every tenth head is run and the time
is scaled up, as they all cost the same.
"""

import sys
import time

import numpy as np
import torch

from labkit.core.results import Table

PROMPT = "When Mary and John went to the shop in the old town, John gave a large and heavy book to"
SIZES = (16, 64, 256)
BERTVIZ_UP_TO = 64
EVERY = 10


def timed(run):
    """(result, seconds) of one call."""
    start = time.perf_counter()
    result = run()
    return result, time.perf_counter() - start


def sizes(lm, text: str) -> Table:
    """Bytes and seconds of the two pages."""
    from bertviz import model_view

    from labkit import views
    from labkit.interpretability import capture

    rows = []
    for size in SIZES:
        seen = capture(lm, text, window=(0, size))
        page, seconds = timed(lambda: views.html(seen.attention))  # noqa: B023  called at once
        theirs = (None, None)
        if size <= BERTVIZ_UP_TO:
            layers = [torch.tensor(layer)[None] for layer in seen["pattern"]]
            made, slow = timed(lambda: model_view(layers, list(seen.tokens), html_action="return"))  # noqa: B023
            theirs = (len(made.data.encode()) / 1e6, slow)
        ours = len(page.encode()) / 1e6
        rows.append((size, ours, theirs[0], theirs[0] / ours if theirs[0] else None, seconds, theirs[1]))
    columns = ("tokens", "here, MB", "bertviz, MB", "times smaller", "here, s", "bertviz, s")
    return Table(columns, tuple(rows), f"All heads of {lm.name} as a page")


def sweep(lm, target: str = " Mary") -> Table:
    """Seconds for all heads: one sweep, and one hooked pass a head."""
    from labkit.interpretability import head_effects
    from labkit.interpretability.capture import silencers

    bridge = lm.bridge
    ids = torch.tensor([lm.tokenizer(PROMPT)["input_ids"]])
    number = lm.tokenizer(target)["input_ids"][0]
    every = [(n, h) for n in range(bridge.cfg.n_layers) for h in range(bridge.cfg.n_heads)]

    def read(off) -> float:
        with torch.no_grad():
            logits = bridge.run_with_hooks(ids, fwd_hooks=silencers(bridge, off))
        return float(logits[0, -1].log_softmax(-1)[number])

    whole = read([])
    swept, fast = timed(lambda: head_effects(lm, PROMPT, target=target).values)
    one_by_one, slow = timed(lambda: [read([head]) - whole for head in every[::EVERY]])
    again, fast_again = timed(lambda: head_effects(lm, PROMPT, target=target).values)
    fast, slow = min(fast, fast_again), slow * EVERY
    apart = np.abs(np.array(one_by_one) - swept.ravel()[::EVERY]).max()
    assert np.array_equal(swept, again)
    columns = ("tokens", "heads", "one sweep, s", "one pass a head, s", "times faster", "largest difference, nats")
    return Table(
        columns, ((ids.shape[1], len(every), fast, slow, slow / fast, float(apart)),), "Switching every head off"
    )


def main() -> None:
    """Print both tables."""
    from labkit.models import load
    from labkit.text import corpus
    from labkit.views import twin

    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    lm = load("smollm2-135m")
    text = corpus("sotu").documents[-1].text[:4000]
    for table in (sweep(lm), sizes(lm, text)):
        print(table.frame().to_string(index=False), "\n", twin(table), "\n")


if __name__ == "__main__":
    main()
