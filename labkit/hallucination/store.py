"""Store: what was computed once is read the next time, if everything that it depends on is the same.

Reads   a recipe (whatever a result depends on), arrays and small texts.
Gives   the same back, from `cache_folder()/"answers"`.
Ignores what they mean.

An entry is one file, named by the hash of its recipe and written whole or not at all. Each array in it has a checksum:
a damaged entry is said to be so, and computed anew. The oldest entries go when all together pass `MOST` bytes.

A run that checks lessons measures everything again: where `LABKIT_FRESH` is set, as `labkit run` does, only what this
process computed is read.

Laws (tests/hallucination/test_store.py): a hit equals the first computation; another weight, prompt or option misses;
a corrupt or shortened file is recomputed.
"""

import hashlib
import json
import os
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labkit.core.paths import FRESH, atomic_file, cache_folder, sweep

VERSION = 1
"""Raised when the way of computing changes."""
MOST = 2_000_000_000
"""Bytes kept."""

_MADE: set[Path] = set()
"""What this process computed."""

Content = tuple[dict[str, np.ndarray], Any]
"""Arrays by name, and whatever json can hold."""


def remembered(recipe: Mapping[str, Any], compute: Callable[[], Content]) -> Content:
    """What `compute` gives, or gave for the same recipe before.

    Args:
        recipe: everything that the result depends on; json can hold it.
    """
    path = place(recipe)
    if path.is_file() and (path in _MADE or not os.environ.get(FRESH)):
        try:
            found = _read(path)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, json.JSONDecodeError) as error:
            warnings.warn(f"the cache entry {path.name} is damaged ({error}); computing it anew", stacklevel=2)
        else:
            path.touch()
            return found
    arrays, words = compute()
    _MADE.add(path)
    try:
        _write(path, arrays, words)
        sweep(path.parent, MOST, keep=path)
    except OSError as error:
        warnings.warn(f"the result is not kept, {path.parent} cannot be written ({error})", stacklevel=2)
    return arrays, words


def place(recipe: Mapping[str, Any]) -> Path:
    """The file of a recipe."""
    written = json.dumps({"version": VERSION, **recipe}, sort_keys=True, ensure_ascii=False)
    return cache_folder() / "answers" / f"{hashlib.blake2b(written.encode(), digest_size=16).hexdigest()}.npz"


def fingerprint(model: Any) -> str:
    """A hash of a model's weights and settings: another one whenever a single number differs."""
    import torch

    made = hashlib.blake2b(digest_size=16)
    made.update(json.dumps(model.config.to_dict(), sort_keys=True, default=str).encode())
    for name, tensor in model.state_dict().items():
        made.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        made.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return made.hexdigest()


def _write(path: Path, arrays: Mapping[str, np.ndarray], words: Any) -> None:
    text = np.frombuffer(json.dumps(words, ensure_ascii=False).encode(), dtype=np.uint8)
    with atomic_file(path) as draft, draft.open("wb") as file:
        np.savez(file, allow_pickle=False, words=text, **arrays)


def _read(path: Path) -> Content:
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    words = json.loads(arrays.pop("words").tobytes())
    return arrays, words
