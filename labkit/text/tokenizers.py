"""Tokenizers of real models behind one protocol.

    tokenizer("gpt2") · tokenizer(lm) · tokenizer(a tokenizer of the transformers library)  ->  Tokenizer

Reads   vocabulary files from the lab's cache; `tokenizers.toml` says which, and how each is read.
Gives   ids, texts, and TokenSplit: what a person sees of a split.
Ignores models. One rule for the name of a special token within a text, such as `<|im_end|>`: here, and in what is
trained on, it is ordinary characters, so that a text cannot smuggle one in; what a model is given to read
(`next_token`, `sample`, `capture`, `score`) may hold one by its name, as chats do.
"""

import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, runtime_checkable

from labkit.core.errors import TextError, closest
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


def tokenizer(source: Any) -> Tokenizer:
    """A tokenizer by its name, or the one of a language model.

    The name of a special token in a text is ordinary characters; `lab.capture(lm, text).tokens` shows what a model,
    which takes it for the token, is given to read.

    Args:
        source: gpt2, cl100k, o200k, claude, deepseek, mistral-v1, tekken, qwen or bert; or a LanguageModel; or a
            tokenizer of the transformers or tokenizers library.

    Raises:
        TextError: the name is unknown, or the tokenizer is of a kind that cannot be opened.
        AssetError: its file is not in the cache and cannot be fetched.

    Law: `decode(encode(text)) == text` where the tokenizer promises it (tests/text/test_tokenizers.py).
    """
    if isinstance(source, str):
        return _named(source)
    if isinstance(source, Tokenizer):
        return source
    from .families import from_library

    return from_library(getattr(source, "tokenizer", source), name=str(getattr(source, "name", "") or ""))


def names() -> tuple[str, ...]:
    """The tokenizers that the lab ships, by name."""
    return tuple(_catalog())


def title(name: str) -> str:
    """Whose tokenizer it is, and from when: `GPT-2, 2019`. A name that the catalog lacks is its own title."""
    return _catalog().get(name, {}).get("title", name)


@cache
def _catalog() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("labkit.text").joinpath("tokenizers.toml").read_text("utf-8"))


@cache
def _named(name: str) -> Tokenizer:
    known = _catalog()
    if name not in known:
        short = name if len(name) <= 60 else name[:59] + "…"
        raise TextError(
            f"no tokenizer is called {short!r}; a model's own is lab.tokenizer(lab.load('smollm2-135m')); "
            f"{closest(short.casefold(), list(known))}"
        )
    from labkit.assets import member

    from . import families

    facts = known[name]
    return families.OPENERS[facts["family"]](name, member(facts["member"]), facts)


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
