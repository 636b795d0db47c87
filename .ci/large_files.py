"""Refuse files over 1 MB: weights, corpora and outputs belong into the cache, not into the repository."""

import sys
from pathlib import Path

LIMIT = 1_000_000
large = [f"{name}: {Path(name).stat().st_size / 1e6:.1f} MB" for name in sys.argv[1:] if Path(name).stat().st_size > LIMIT]
if large:
    sys.exit("\n".join([*large, "over 1 MB; pin it in labkit/assets/manifest.toml instead"]))
