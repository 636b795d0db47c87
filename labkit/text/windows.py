"""Windows of a long row of tokens in random order: number N of a run is found without the N - 1 before it.

Each pass over the data (an epoch) cuts it at a new offset into windows that do not overlap, and takes each one once.
The order is a permutation computed number by number (a Feistel network, cycle-walked), so it needs no memory whatever
the number of windows, gives the same batches on every machine, and a resumed run needs to know nothing but its step.
"""

import numpy as np

from labkit.core.errors import TextError
from labkit.core.seeds import derive

ROUNDS = 6


def starts(index: int, *, batch: int, context: int, length: int, seed: int) -> np.ndarray:
    """(batch,) where the windows of batch number `index` start; each is context + 1 tokens long.

    Raises:
        TextError: there is no window of this length.

    Laws: an epoch takes each window once; the permutation is one (tests/text/test_windows.py).
    """
    if length < context + 1:
        raise TextError(
            f"there are {length:,} tokens, but a window of context {context:,} needs {context + 1:,}; "
            "use a shorter context or more text"
        )
    # Every offset must leave as many windows, so the last window's worth is given up.
    windows = max(1, (length - 1) // context - 1)
    numbers = index * batch + np.arange(batch)
    found = np.empty(batch, np.int64)
    for epoch in np.unique(numbers // windows):
        mine = numbers // windows == epoch
        order = permuted(numbers[mine] % windows, windows, derive(seed, "order", epoch))
        offset = derive(seed, "offset", epoch) % (length - windows * context)
        found[mine] = order * context + offset
    return found


def drawn(index: int, *, batch: int, count: int, seed: int, split: str) -> np.ndarray:
    """(batch,) which of `count` things batch number `index` holds; each once in an epoch, in a new order."""
    numbers = index * batch + np.arange(batch)
    found = np.empty(batch, np.int64)
    for epoch in np.unique(numbers // count):
        mine = numbers // count == epoch
        found[mine] = permuted(numbers[mine] % count, count, derive(seed, split, int(epoch)))
    return found


def permuted(numbers: np.ndarray, size: int, key: int) -> np.ndarray:
    """The places of `numbers` (each below size) in a permutation of range(size) that `key` chooses."""
    half = np.uint64(max(1, (max(size - 1, 1).bit_length() + 1) // 2))  # bits
    found = numbers.astype(np.uint64)
    outside = np.ones(len(found), bool)
    while outside.any():  # a value beyond size is sent on until it falls within: on average fewer than four rounds
        found[outside] = _mixed(found[outside], half, key)
        outside = found >= np.uint64(size)
    return found.astype(np.int64)


def _mixed(values: np.ndarray, half: np.uint64, key: int) -> np.ndarray:
    """One pass of a balanced Feistel network over numbers of 2 × half bits."""
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = values >> half, values & mask
    for turn in range(ROUNDS):
        word = np.uint64(derive(key, turn))
        hashed = (right ^ word) * np.uint64(0x9E3779B97F4A7C15)  # wraps around at 64 bits, as meant
        hashed = (hashed ^ (hashed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        left, right = right, left ^ ((hashed >> np.uint64(32)) & mask)
    return (left << half) | right
