"""One example or more of every result type, plain and hostile: what the views' tests and the browser's draw."""

import math
from typing import Any

import numpy as np

from labkit.core.results import (
    Bars,
    ChoiceGrid,
    Curve,
    Curves,
    HeadPatterns,
    LayerGrid,
    Points,
    Samples,
    Table,
    TokenScores,
    TokenSplit,
    TokenTree,
)

EVIL = (
    "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">&amp; $x^2$ <b>bold</b> \"q' %{x}"
)
"""What must be shown as it stands, wherever a text can go."""
WORDS = ("The", " bank", " raised", " its", " interest", " rate", ".")


def examples() -> dict[str, Any]:
    """Results as lessons give them, with the awkward ones among them."""
    return {**texts(), **grids_and_curves(), **bars_and_points()}


def texts() -> dict[str, Any]:
    """Strips, samples and a table."""
    return {
        "split": TokenSplit(
            ("def", " f", "(x", "):", "\n", "\t", "return", " x", "\n\n", "⟨e2⟩", " naïve", " 日本", "🏳️‍🌈"),
            tuple(range(13)), "def f(x):\n\treturn x\n\n… naïve 日本🏳️‍🌈", "gpt2", "[UNK]: 3 characters lost",
        ),
        "scores": TokenScores(
            WORDS, np.array([np.nan, 0.02, 0.11, 0.63, 0.41, 0.97, 0.88]), "probability", "", "What the model expected",
            low=0.0, high=1.0,
        ),
        "samples": Samples(
            ("Once upon a time",) * 2, (" there was a fox.", " nobody slept"),
            ((" there", " was", " a", " fox", "."), (" nobody", " slept")), ((1, 2, 3, 4, 5), (6, 7)),
            (-np.array([0.1, 0.2, 0.4, 5.0, 1.0]), -np.array([7.0, 3.0])), ended=("eos", "length"), title="Two stories",
        ),
        "tree": TokenTree(
            (" was", " lived", " a", " in", " fox"), (-1, -1, 0, 1, 2), -np.array([0.2, 1.7, 0.5, 0.3, 3.0]),
            (True, False, True, False, True), prompt="Once there", title="What could have been",
        ),
        "table": Table(
            ("model", "parameters", "licence", "context, tokens"),
            (("smollm2-135m", 134_515_008, "Apache-2.0", 8192), ("nano", 812_032, "MIT", None),
             ("x", 1.5e-7, "–", math.nan)),
            "Models here", ("Counted, not quoted.",),
        ),
    }  # fmt: skip


def grids_and_curves() -> dict[str, Any]:
    """Heat maps, and lines with and without intervals."""
    rng, steps = np.random.default_rng(0), np.arange(0, 500, 5.0)
    falling = 1.5 + 4 * np.exp(-steps / 90)
    return {
        "patterns": HeadPatterns(WORDS, WORDS, np.tril(np.ones((2, 3, 7, 7))) / np.arange(1, 8)[:, None], (0, 1)),
        "grid": LayerGrid(
            rng.normal(0, 1, (30, 9)), "change of log p", "nats", "Switching heads off", centred=True,
        ),
        "grid to choose from": ChoiceGrid(
            np.outer(np.arange(12), [0.1, 0.5, np.nan]), "sink", "weight", "Which head?", chosen=(7, 1)
        ),
        "grid with text": LayerGrid(
            np.array([[0.9, 0.1, np.nan], [0.3, 0.6, 0.1]]), "share", "", "Who looks at whom", "asked", "answered",
            ("countries", "a rather long name of a row"), ("yes", "no", "unknown"),
            text=(("0.9", "0.1", ""), ("0.3", "0.6", "0.1")),
        ),
        "curve": Curve("loss", steps, falling),
        "curves": Curves(
            (
                Curve("training", steps, falling, falling - 0.2, falling + 0.2),
                Curve("validation", steps, falling + 0.12),
                Curve("uniform guess", steps, np.full(100, 5.4), dashed=True),
            ),
            "step", "loss, nats per token", "A tiny model learns", levels=(("entropy of single letters", 2.9),),
        ),
        "log curves": Curves(
            (
                Curve("measured", np.array([1e4, 1e5, 1e6, 1e7]), np.array([5.0, 4.1, 3.3, 2.8]),
                      np.array([4.8, 4.0, 3.2, 2.7]), np.array([5.3, 4.2, 3.4, 2.9]), points_only=True),
                Curve("fit", np.geomspace(1e4, 1e7, 50), 9 * np.geomspace(1e4, 1e7, 50) ** -0.07, dashed=True),
            ),
            "parameters", "loss, nats per token", "Loss falls as a power of size", log_x=True, log_y=True,
        ),
    }  # fmt: skip


def bars_and_points() -> dict[str, Any]:
    """Bars with intervals, groups, both signs, too many; points with and without names."""
    rng = np.random.default_rng(0)
    return {
        "bars": Bars(
            (" Paris", " the", " located", " a", " one", " Lyon"),
            np.array([0.774, 0.041, 0.02, 0.0093, 0.0051, 0.0008]),
            "probability", "After “The capital of France is”", marked=(0,), label_name="next token",
        ),
        "bars with intervals": Bars(
            ("one token", "two tokens", "three tokens or more"), np.array([0.81, 0.42, 0.17]), "share spelled right",
            "Spelling needs letters", low=np.array([0.72, 0.33, 0.1]), high=np.array([0.88, 0.52, 0.26]),
        ),
        "grouped bars": Bars(
            ("English", "German", "Finnish", "Thai", "Amharic"),
            np.array([[1.2, 1.6, 2.9, 7.5, 11.0], [1.1, 1.4, 2.1, 2.4, 6.3]]),
            "tokens per word", "What a word costs", ("gpt2", "o200k"), label_name="language",
        ),
        "signed bars": Bars(("up", "down", "none"), np.array([0.5, -1.25, np.nan]), "change, nats", "Both ways"),
        "many bars": Bars(tuple(f"token {i}" for i in range(250)), 1 / np.arange(1, 251), "probability", "A long tail"),
        "points": Points(
            rng.normal(0, 1, 300), rng.normal(0, 1, 300), tuple(f"w{i}" for i in range(300)),
            tuple("number" if i % 3 else "name" for i in range(300)), "first component", "second component",
            "Embeddings",
        ),
        "named points": Points(
            np.array([1.5e9, 1.75e11, 4.05e11, 1.8e12, 1.35e8]), np.array([4e10, 3e11, 1.5e13, 1.3e13, 2e12]),
            ("GPT-2", "GPT-3", "Llama 3.1 405B", "GPT-4 (estimate)", "SmolLM2-135M"), (),
            "parameters", "training tokens",
            "How large is large?", log_x=True, log_y=True, named=True,
        ),
    }  # fmt: skip


def hostile(text: str = EVIL) -> dict[str, Any]:
    """Every result type with `text` in each field that takes a text."""
    one, two = np.array([0.2, 0.8]), (text, text + "2")
    return {
        "split": TokenSplit(two, (1, 2), text, text, text),
        "scores": TokenScores(two, one, text, text, text, two),
        "patterns": HeadPatterns(two, two, np.full((1, 1, 2, 2), 0.5), (0,), title=text),
        "grid": LayerGrid(np.eye(2), text, text, text, text, text, two, two, text=(two, two)),
        "grid to choose from": ChoiceGrid(np.eye(2), text, text, text, text, text, two, two, sets=(text, text + "2")),
        "curve": Curve(text, one, one),
        "curves": Curves((Curve(text, one, one, one, one), Curve(two[1], one, one + 1)), text, text, text,
                         levels=((text, 0.5),)),
        "bars": Bars(two, one, text, text, label_name=text),
        "grouped bars": Bars(two, np.eye(2), text, text, two, label_name=text),
        "points": Points(one, one, two, two, text, text, text, named=True),
        "samples": Samples(two, two, (two, two), ((1, 2), (1, 2)), (-one, -one), ended=two, title=text),
        "tree": TokenTree(two, (-1, 0), -one, prompt=text, title=text),
        "table": Table((text, "b"), ((text, 1),), text, (text,)),
    }  # fmt: skip


def empty() -> dict[str, Any]:
    """Every result type with nothing in it."""
    none, nan = np.empty(0), np.full(2, np.nan)
    return {
        "split": TokenSplit((), (), "", "gpt2"),
        "scores": TokenScores((), none),
        "patterns": HeadPatterns((), (), np.empty((1, 1, 0, 0)), (0,)),
        "grid": LayerGrid(np.empty((0, 0))),
        "grid of nan": LayerGrid(np.full((2, 2), np.nan)),
        "grid to choose from": ChoiceGrid(np.empty((0, 0))),
        "curve": Curve("none", none, none),
        "curves": Curves((), "x", "y"),
        "bars": Bars((), none),
        "bars of nan": Bars(("a", "b"), nan),
        "points": Points(none, none, ()),
        "samples": Samples((), (), (), (), ()),
        "tree": TokenTree((), (), none),
        "table": Table(("a",), ()),
    }
