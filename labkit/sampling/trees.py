"""Trees: several texts after one prompt, with what they share told once."""

import numpy as np

from labkit.core.errors import OptionError
from labkit.core.results import Samples, TokenTree


def sample_tree(samples: Samples, *, depth: int = 8) -> TokenTree:
    """Samples of one prompt as a tree of their first tokens; each node knows how many samples go through it.

    Raises:
        OptionError: the samples have different prompts, or depth is below 1.

    Law: the counts of a node's children and of the samples that end there sum to its own
    (tests/sampling/test_texts.py).
    """
    if len(set(samples.prompts)) != 1 or depth < 1:
        raise OptionError(
            f"a tree grows from one prompt, got {len(set(samples.prompts))}, and depth={depth} must be ≥ 1"
        )
    number: dict[tuple[int, ...], int] = {(): -1}
    tokens, parents, logprobs, counts = [], [], [], []
    for ids, names, scores in zip(samples.ids, samples.tokens, samples.logprobs, strict=True):
        for place in range(min(depth, len(ids))):
            path = ids[: place + 1]
            if path not in number:
                number[path] = len(tokens)
                tokens.append(names[place])
                parents.append(number[ids[:place]])
                logprobs.append(float(scores[place]))
                counts.append(0)
            counts[number[path]] += 1
    return TokenTree(
        tuple(tokens), tuple(parents), np.array(logprobs), counts=tuple(counts), prompt=samples.prompts[0],
        title=f"{len(samples)} samples as a tree",
    )  # fmt: skip
