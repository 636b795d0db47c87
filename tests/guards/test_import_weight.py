"""`import labkit` is light: no torch, no transformers, no plotly, and at most 0.15 s in a fresh interpreter."""

import subprocess
import sys

LIMIT_S = 0.15
HEAVY = ("torch", "transformers", "transformer_lens", "plotly", "numpy", "pandas", "ipywidgets")
PROBE = (
    "import time, sys; start = time.perf_counter(); {line}; seconds = time.perf_counter() - start;"
    "print(seconds, *sorted(set(sys.modules) & set({heavy!r})))"
)


def weigh(line: str) -> tuple[float, list[str]]:
    """Seconds that a line takes in a fresh interpreter (the best of three), and the heavy packages it loads."""
    runs = [
        subprocess.run(
            [sys.executable, "-c", PROBE.format(line=line, heavy=HEAVY)], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(3)
    ]
    return min(float(run[0]) for run in runs), runs[0][1:]


def test_importing_labkit_is_quick_and_loads_nothing_heavy():
    seconds, loaded = weigh("import labkit")
    assert loaded == []
    assert seconds <= LIMIT_S


def test_the_guard_sees_a_heavy_import():
    seconds, loaded = weigh("import numpy, pandas")
    assert {"numpy", "pandas"} <= set(loaded)
    assert seconds > LIMIT_S


def test_every_public_verb_resolves():
    import labkit

    for name in labkit.__all__:
        assert callable(getattr(labkit, name)), name
    assert set(dir(labkit)) == set(labkit.__all__)
