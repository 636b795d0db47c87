"""Tokenizers of real models, by name, and the four families of files that they are read from.

    tokenizer("gpt2") · tokenizer(lm) · tokenizer(a tokenizer of the transformers library)  ->  Tokenizer

Reads   vocabulary files from the lab's cache: ranks (tiktoken), tekken, json (tokenizers), sentencepiece;
        `tokenizers.toml` says which, and how each is read.
Gives   Tokenizer.

Each opener takes (name, path, facts) and gives a Tokenizer. The libraries do the splitting; this file adds what the
lab needs of all alike: pieces as bytes, errors in words, no special tokens from within a text.
"""

import base64
import json
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from labkit.core.errors import TextError, closest
from labkit.core.pieces import Pieces, sentence_piece
from labkit.core.results import TokenSplit
from labkit.core.values import checked_text

from .tokenizers import Tokenizer, checked_ids, split_with


class Ranks:
    """Byte pair encoding on bytes, from a list of byte strings by rank, with the tiktoken library."""

    def __init__(self, name: str, ranks: dict[bytes, int], pattern: str, specials: dict[str, int], normalize: str):
        import tiktoken

        self.name, self._normalize = name, normalize
        self._encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=specials)
        self.vocab_size = self._encoding.n_vocab

    def encode(self, text: str) -> list[int]:
        text = checked_text(text)
        if self._normalize:
            text = unicodedata.normalize(self._normalize, text)  # type: ignore[arg-type]
        return self._encoding.encode_ordinary(text)

    def pieces(self, ids: Sequence[int]) -> list[bytes]:
        try:
            return self._encoding.decode_tokens_bytes(checked_ids(ids, self.vocab_size, self.name))
        except KeyError as error:
            raise TextError(f"id {error} of {self.name!r} is reserved and stands for nothing; use another id") from None

    def decode(self, ids: Iterable[int]) -> str:
        return b"".join(self.pieces(list(ids))).decode("utf-8", "replace")

    def split(self, text: str) -> TokenSplit:
        return split_with(self, text)


def open_ranks(name: str, path: Path, facts: dict[str, Any]) -> Tokenizer:
    """A file of lines `base64 rank`."""
    lines = (line.split() for line in path.read_bytes().splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    if "keep" in facts:
        ranks = {token: rank for token, rank in ranks.items() if rank < facts["keep"]}
    return Ranks(name, ranks, facts["pattern"], facts["specials"], facts.get("normalize", ""))


def open_tekken(name: str, path: Path, facts: dict[str, Any]) -> Tokenizer:
    """Mistral's json: byte strings in order of rank, and the pattern. Its first 1,000 ids are special tokens."""
    data = json.loads(path.read_bytes())
    config = data["config"]
    special = config["default_num_special_tokens"]
    used = data["vocab"][: config["default_vocab_size"] - special]
    ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] + special for entry in used}
    return Ranks(name, ranks, config["pattern"], {f"<SPECIAL_{i}>": i for i in range(special)}, "")


class Library:
    """Any tokenizer of the tokenizers library: byte-level pairs, WordPiece, Unigram."""

    def __init__(self, name: str, backend: Any):
        self.name, self._backend = name, backend
        numbers = backend.get_vocab(with_added_tokens=True).values()
        self.vocab_size = max(numbers, default=-1) + 1  # some may be missing between
        self._piece = Pieces(backend)

    def encode(self, text: str) -> list[int]:
        return self._backend.encode(checked_text(text), add_special_tokens=False).ids

    def pieces(self, ids: Sequence[int]) -> list[bytes]:
        return [self._piece(i) for i in checked_ids(ids, self.vocab_size, self.name)]

    def decode(self, ids: Iterable[int]) -> str:
        return self._backend.decode(checked_ids(ids, self.vocab_size, self.name), skip_special_tokens=False)

    def split(self, text: str) -> TokenSplit:
        return split_with(self, text)


def open_json(name: str, path: Path, facts: dict[str, Any]) -> Tokenizer:
    """A tokenizer.json, or a folder that holds one."""
    file = path / "tokenizer.json" if path.is_dir() else path
    return _own_copy(name, file.read_text("utf-8"))


def from_library(source: Any, *, name: str = "") -> Tokenizer:
    """A tokenizer of the transformers library, or one of the tokenizers library itself.

    Raises:
        TextError: it has no fast form to open.
    """
    backend = getattr(source, "backend_tokenizer", source)
    if not hasattr(backend, "to_str"):
        raise TextError(
            f"an object of type {type(source).__name__} cannot be opened as a tokenizer; pass a name, "
            "a model that lab.load gave, or a fast tokenizer of the transformers library"
        )
    return _own_copy(name or Path(getattr(source, "name_or_path", "") or "tokenizer").name, backend.to_str())


def _own_copy(name: str, text: str) -> Library:
    """A copy, so that its settings here change nothing elsewhere."""
    from tokenizers import Tokenizer as Backend

    backend = Backend.from_str(text)
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = True
    return Library(name, backend)


class SentencePiece:
    """Pieces with ▁ for a space, and single bytes for what the vocabulary lacks."""

    def __init__(self, name: str, path: Path):
        from sentencepiece import SentencePieceProcessor

        self.name = name
        self._model: Any = SentencePieceProcessor(model_file=str(path))  # type: ignore[call-arg]
        self.vocab_size = self._model.vocab_size()

    def encode(self, text: str) -> list[int]:
        return self._model.encode(checked_text(text))

    def pieces(self, ids: Sequence[int]) -> list[bytes]:
        return [sentence_piece(self._model.id_to_piece(i)) for i in checked_ids(ids, self.vocab_size, self.name)]

    def decode(self, ids: Iterable[int]) -> str:
        return self._model.decode(checked_ids(ids, self.vocab_size, self.name))

    def split(self, text: str) -> TokenSplit:
        split = split_with(self, text)
        return replace(split, note=split.note or "puts a space before the text") if text else split


def open_sentencepiece(name: str, path: Path, facts: dict[str, Any]) -> Tokenizer:
    """A .model file of the sentencepiece library."""
    return SentencePiece(name, path)


OPENERS = {"ranks": open_ranks, "tekken": open_tekken, "json": open_json, "sentencepiece": open_sentencepiece}


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

    facts = known[name]
    return OPENERS[facts["family"]](name, member(facts["member"]), facts)
