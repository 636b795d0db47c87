"""Assets: the real weights, tokenizers, texts and scripts that the lab needs, offline.

    path = assets.member("d3.js")      the file, fetched on first use
    assets.fetch()                     everything, verified
    assets.status()                    a Table of what there is

They travel inside ordinary wheels, pinned by sha256 in `manifest.toml`, so any package index or mirror serves them.
Ignores what a model is.
"""

from .fetching import fetch, member, status

__all__ = ["fetch", "member", "status"]
