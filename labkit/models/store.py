"""Store: what was computed once is read the next time, if everything that it depends on is the same.

Reads   a recipe (whatever a result depends on).
Gives   the result, from joblib's cache in `cache_folder()/"answers"`.
Ignores what it means.

A run that checks lessons measures everything again: where `LABKIT_FRESH` is set, as `labkit run` does, only what was
computed since this process began is read.

Laws (tests/hallucination/test_store.py): a hit equals the first computation; another weight, prompt or option misses;
a damaged entry is computed anew; the oldest go when all together pass `MOST` bytes.
"""

import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import joblib

from labkit.core.paths import FRESH, cache_folder

MOST = 2_000_000_000
"""Bytes kept."""
T = TypeVar("T")
_BEGAN = time.time()


def remembered(recipe: Mapping[str, Any], compute: Callable[[], T]) -> T:
    """What `compute` gives, or gave for the same recipe before.

    Args:
        recipe: everything that the result depends on; json can hold it.
    """
    made: list[T] = []

    def computed() -> T:
        made.append(compute())
        return made[0]

    try:
        memory = joblib.Memory(cache_folder() / "answers", verbose=0, compress=True)  # compressed: damage is noticed
        kept = memory.cache(_result, ignore=["compute"], cache_validation_callback=_counts)
        found: Any = kept(json.dumps(recipe, sort_keys=True), computed)
        if made:
            memory.reduce_size(MOST)
        return found
    except OSError as error:
        warnings.warn(f"the result is not kept, {cache_folder()} cannot be written ({error})", stacklevel=2)
        return made[0] if made else compute()


def _result(recipe: str, compute: Callable[[], T]) -> T:
    return compute()


def _counts(entry: Mapping[str, Any]) -> bool:
    """Whether an entry may be read in this process."""
    return not os.environ.get(FRESH) or entry["time"] >= _BEGAN


def fingerprint(model: Any) -> str:
    """A hash of a model's weights and settings: another one whenever a single number differs."""
    import torch

    weights = {name: (str(tensor.dtype), tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
               for name, tensor in model.state_dict().items()}  # fmt: skip
    settings = json.dumps(model.config.to_dict(), sort_keys=True, default=str)
    return f"{joblib.hash(settings)}{joblib.hash(weights)}"
