"""Seconds of `lab.load` beside what it stands on, in one run, imports done and files in the page cache.

    python -m tests.benchmarks.bench_loading [name]

`plain` is transformers' own `from_pretrained` of model and tokenizer in the same type; the rest of `load` is looking
for the files, comparing their sha256, reading headers, and counting. `bridge` is TransformerLens's part, once a model.
"""

import sys

from labkit.core.results import Table

from .bench_sampling import timed

ROUNDS = 5


def measure(name: str) -> Table:
    """The best of several alternating rounds."""
    import torch
    import transformers

    from labkit.models import load
    from labkit.models.loading import find

    folder, _ = find(name)

    def plain() -> None:
        transformers.AutoModel.from_pretrained(folder, dtype=torch.float32)
        transformers.AutoTokenizer.from_pretrained(folder)

    load(name), plain()  # the first of each pays for imports
    rounds = [(timed(plain), timed(lambda: load(name))) for _ in range(ROUNDS)]
    plain_s, load_s = (min(column) for column in zip(*rounds, strict=True))
    bridge_s = timed(lambda: load(name).bridge) - load_s
    rows = (("plain", plain_s, 1.0), ("load", load_s, load_s / plain_s), ("bridge", bridge_s, bridge_s / plain_s))
    return Table(("what", "seconds", "times plain"), rows, title=name)


if __name__ == "__main__":
    from labkit.views import twin

    for model in sys.argv[1:] or ("smollm2-135m", "minilm"):
        table = measure(model)
        print(twin(table))
        for row in table.rows:
            print(f"  {row[0]:8} {row[1]:6.2f} s  {row[2]:5.2f} ×")
