"""The four ways in which vocabulary files are read: ranks (tiktoken), tekken, json (tokenizers), sentencepiece.

Each opener takes (name, path, facts) and gives a Tokenizer. The libraries do the splitting; this file adds what the
lab needs of all alike: pieces as bytes, errors in words, no special tokens from within a text.
"""

import base64
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labkit.core.errors import TextError
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
