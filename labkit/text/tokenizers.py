"""The protocol of all tokenizers: ids, texts, and TokenSplit, what a person sees of a split.

Ignores models. One rule for the name of a special token within a text, such as `<|im_end|>`: here, and in what is
trained on, it is ordinary characters, so that a text cannot smuggle one in; what a model is given to read
(`next_token`, `sample`, `capture`, `score`) may hold one by its name, as chats do.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from labkit.core.errors import TextError
from labkit.core.pieces import shown
from labkit.core.results import TokenSplit


@runtime_checkable
class Tokenizer(Protocol):
    """What cuts a text into numbered pieces and puts them together again."""

    @property
    def name(self) -> str: ...

    @property
    def vocab_size(self) -> int:
        """How many ids there are, special ones included."""
        ...

    def encode(self, text: str) -> list[int]:
        """(seq,) ids, without any start or end token. Raises TextError for what is no text."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids; bytes that are no whole character become U+FFFD. Raises TextError for unknown ids."""
        ...

    def pieces(self, ids: Sequence[int]) -> list[bytes]:
        """(seq,) the bytes that each id stands for."""
        ...

    def split(self, text: str) -> TokenSplit:
        """The text cut up, for eyes: see `shown`."""
        ...


def checked_ids(ids: Iterable[int], size: int, name: str) -> list[int]:
    """The ids as plain ints.

    Raises:
        TextError: one is no number of this vocabulary.
    """
    plain = [int(i) for i in ids]
    wrong = next((i for i in plain if not 0 <= i < size), None)
    if wrong is not None:
        raise TextError(f"id {wrong} is not in the vocabulary of {name!r}; its ids run from 0 to {size - 1}")
    return plain


def split_with(tok: Tokenizer, text: str) -> TokenSplit:
    """A TokenSplit from a tokenizer's own encode, pieces and decode."""
    ids = tok.encode(text)
    note = "" if tok.decode(ids) == text else "does not give this text back exactly"
    return TokenSplit(tuple(map(shown, tok.pieces(ids))), tuple(ids), text, tok.name, note)
