"""The models that have a name here: catalog.toml read, and shown as a Table.

Ignores how a model is loaded.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from labkit.core.results import Table


@dataclass(frozen=True)
class Entry:
    """One model of the catalog: facts, no weights."""

    name: str
    """what `load` is given"""
    title: str
    """what its makers call it"""
    what: str
    kind: str
    """decoder-only, encoder-only or encoder-decoder"""
    asset: str
    """the member of `labkit.assets` that holds it: a folder, or a GGUF file to convert"""
    parameters: int
    training_tokens: float
    """tokens seen in pretraining; 0 = not published"""
    context: int
    """longest input, tokens"""
    licence: str
    source: str
    terms: str = ""
    """the asset whose files are kept beside the weights, where their licence asks for that"""


@cache
def entries() -> dict[str, Entry]:
    """Every catalog entry by name.

    Law: the parameters and the context stated are those of the tensors (tests/models/test_weights.py).
    """
    known = tomllib.loads((Path(__file__).parent / "catalog.toml").read_text(encoding="utf-8"))
    return {name: Entry(name=name, **facts) for name, facts in known.items()}


def catalog() -> Table:
    """The models that `lab.load` knows by name. A local folder, or a hub id when online, works too."""
    rows = [
        {
            "name": e.name,
            "model": e.title,
            "kind": e.kind,
            "parameters (million)": round(e.parameters / 1e6, 1),
            "context (tokens)": e.context,
            "licence": e.licence,
            "what": e.what,
            "source": e.source,
        }
        for e in entries().values()
    ]
    notes = ("lab.load(name) also takes a local folder (transformers layout, safetensors) or, online, a hub id",)
    return Table.of(rows, title="Models with a name here", notes=notes)
