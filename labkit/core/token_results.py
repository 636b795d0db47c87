"""Results that are about tokens one by one: splits, scores, samples, trees. Part of `results`, which names them all."""

from dataclasses import dataclass

import numpy as np

from .errors import ShapeError


def agree(what: str, **sizes: int | tuple[int, ...]) -> None:
    """Raise a ShapeError that names every size unless all are the same."""
    if len(set(sizes.values())) > 1:
        raise ShapeError(f"{what}: sizes must agree, but " + ", ".join(f"{k} has {v}" for k, v in sizes.items()))


@dataclass(frozen=True)
class TokenSplit:
    """A text cut into tokens by one tokenizer."""

    tokens: tuple[str, ...]
    """(seq,) each token's text as shown; bytes that are not a whole character read ⟨e2⟩."""
    ids: tuple[int, ...]
    """(seq,) each token's number in the vocabulary."""
    text: str = ""
    """The text that was cut."""
    name: str = ""
    """The tokenizer."""
    note: str = ""
    """What a reader must know, such as `[UNK]: 3 characters lost`."""

    def __post_init__(self) -> None:
        agree("TokenSplit", tokens=len(self.tokens), ids=len(self.ids))

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class TokenScores:
    """One number for each token of a text, such as its probability."""

    tokens: tuple[str, ...]
    """(seq,)"""
    values: np.ndarray
    """(seq,) float; nan where a token has no value (the first has no probability)."""
    quantity: str = "score"
    unit: str = ""
    title: str = ""
    hover: tuple[str, ...] = ()
    """(seq,) or empty: one line for each token, shown on hover."""
    low: float | None = None
    """The value of the scale's faint end; None = the smallest."""
    high: float | None = None

    def __post_init__(self) -> None:
        agree("TokenScores", tokens=len(self.tokens), values=len(self.values))
        if self.hover:
            agree("TokenScores", tokens=len(self.tokens), hover=len(self.hover))


@dataclass(frozen=True)
class Samples:
    """Texts drawn from a model after one or several prompts, with what each token cost."""

    prompts: tuple[str, ...]
    """(sample,) the prompt of each sample"""
    texts: tuple[str, ...]
    """(sample,) the continuation alone"""
    tokens: tuple[tuple[str, ...], ...]
    """(sample, seq) each drawn token's text"""
    ids: tuple[tuple[int, ...], ...]
    """(sample, seq)"""
    logprobs: tuple[np.ndarray, ...]
    """(sample, seq) nats, under the model's own distribution"""
    truncated_logprobs: tuple[np.ndarray, ...] = ()
    """(sample, seq) nats, under the distribution really drawn from"""
    entropies: tuple[np.ndarray, ...] = ()
    """(sample, seq) nats, of the model's own distribution"""
    ended: tuple[str, ...] = ()
    """(sample,) `eos`, `stop`, `length`, `context` (it is full) or `complete` (a grammar lets nothing follow)"""
    title: str = ""

    def __post_init__(self) -> None:
        agree("Samples", prompts=len(self.prompts), texts=len(self.texts), tokens=len(self.tokens),
               ids=len(self.ids), logprobs=len(self.logprobs))  # fmt: skip
        seq = {"tokens": self.tokens, "ids": self.ids, "logprobs": self.logprobs,
               "truncated_logprobs": self.truncated_logprobs, "entropies": self.entropies}  # fmt: skip
        agree("Samples", **{name: tuple(map(len, given)) for name, given in seq.items() if len(given)})
        if self.ended:
            agree("Samples", ended=len(self.ended), texts=len(self.texts))

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class TokenTree:
    """Alternatives of a text as a tree: each node is one token, given all tokens above it."""

    tokens: tuple[str, ...]
    """(node,) each token's text"""
    parents: tuple[int, ...]
    """(node,) number of the node before it, always smaller than its own; -1 = it follows the prompt"""
    logprobs: np.ndarray
    """(node,) nats, of the token given those above it"""
    kept: tuple[bool, ...] = ()
    """(node,) or empty = all: whether the search went on from here, or a sample went through"""
    counts: tuple[int, ...] = ()
    """(node,) or empty: how many samples went through"""
    prompt: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        agree("TokenTree", tokens=len(self.tokens), parents=len(self.parents), logprobs=len(self.logprobs))
        for name, values in (("kept", self.kept), ("counts", self.counts)):
            if values:
                agree("TokenTree", **{"tokens": len(self.tokens), name: len(values)})
        if any(not -1 <= parent < node for node, parent in enumerate(self.parents)):
            raise ShapeError("TokenTree: a node stands before its parent; list parents first")

    def __len__(self) -> int:
        return len(self.tokens)

    def path(self, node: int) -> tuple[int, ...]:
        """The nodes from the prompt to this one."""
        nodes = [node]
        while self.parents[nodes[-1]] >= 0:
            nodes.append(self.parents[nodes[-1]])
        return tuple(reversed(nodes))
