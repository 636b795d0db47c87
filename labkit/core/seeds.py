"""Randomness that can be repeated: one seed in, the same numbers out, on every machine.

`set_all` seeds the global generators once at a lesson's start. Code that draws takes its own generator from
`derive`, so that drawing more in one section never shifts the numbers of the next.
"""

import hashlib
import random


def set_all(seed: int) -> None:
    """Seed Python, numpy and (if it is imported already or can be) torch."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def derive(seed: int, *names: object) -> int:
    """A seed of 63 bits for one purpose: the same for the same seed and names, unrelated for others.

    Law: independent of Python's hash randomisation and of the order of calls (tests/core/test_seeds.py).
    """
    digest = hashlib.blake2b(repr((int(seed), *map(str, names))).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
