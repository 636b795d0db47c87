"""Datasets: a corpus as tokens on disk, tokenised once and read through a memory map.

Reads   a corpus, and a tokenizer (or fits one to what is trained on).
Gives   TokenData: the tokens of each side, and batches by number.
Ignores models.

They lie in the cache, or where that cannot be written to with the runs, under a name made of all that they depend on:
texts, tokenizer, share held out, seed. When all together pass `MOST` bytes, those that were not used for longest go.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from hashlib import blake2b
from math import inf
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from labkit.assets.progress import progress
from labkit.core.errors import OptionError, TextError, closest
from labkit.core.paths import atomic_folder, cache_folder, runs_folder, sweep

from .batches import Batch
from .corpora import Corpus, corpus
from .families import from_library
from .splits import SIDES, Unit, sides, units
from .vocabularies import KINDS_OF_TOKENS, fit_tokenizer
from .windows import starts

LEAST = 1000
"""Bytes of text below which nothing can be learned."""
FORM = 2
"""Raised when the files change their form, so that old ones are not read."""
MOST = 8_000_000_000
"""Bytes kept."""
LONG = {"characters": 100_000_000}
"""Bytes of text from which tokenising takes some seconds and shows how far it is ..."""
LONG_IN_PIECES = 5_000_000
"""... with a tokenizer that joins characters."""


@dataclass(frozen=True, eq=False)
class TokenData:
    """The tokens of a corpus, in two sides: train and validation."""

    name: str
    folder: Path
    hash: str
    """names the content: texts, tokenizer, split"""
    tokenizer: Any = field(repr=False)
    """transformers tokenizer"""
    _info: dict[str, Any] = field(repr=False)

    @cached_property
    def vocab_size(self) -> int:
        """Different ids, special ones included."""
        return self._info["vocab_size"]

    def tokens(self, split: str = "train") -> np.ndarray:
        """(token,) the ids of one side, mapped from disk: each document begins with the end-of-text token."""
        self._checked(split)
        return _mapped(self.folder / f"{split}.bin", self._info["dtype"])

    def documents(self, split: str = "train") -> np.ndarray:
        """(document, 2) int64, where each document, or block of one, starts and stops among the tokens."""
        self._checked(split)
        return np.load(self.folder / f"{split}.npy")

    def titles(self, split: str = "train") -> tuple[str, ...]:
        """(document,) what each is called; the blocks of one document share its title."""
        return tuple(self._info[self._checked(split)]["titles"])

    def bytes_per_token(self, split: str = "validation") -> float:
        """UTF-8 bytes of text for each token, those at the documents' ends counted as tokens."""
        side = self._info[self._checked(split)]
        return side["bytes"] / max(1, side["tokens"])

    def lost_share(self, split: str = "validation") -> float:
        """Share of the bytes that no token says: the vocabulary lacks them, and an unknown token stands for them."""
        side = self._info[self._checked(split)]
        return side["lost"] / max(1, side["bytes"])

    def batch(self, index: int, *, batch: int, context: int, seed: int = 0, split: str = "train") -> Batch:
        """Batch number `index` of a run: `batch` windows of `context` + 1 tokens, each window once in an epoch.

        Raises:
            TextError: the side is shorter than one window.
        """
        row = self.tokens(split)
        try:
            first = starts(index, batch=batch, context=context, length=len(row), seed=seed)
        except TextError as error:
            raise TextError(f"of {self.name!r} on the side {split!r} {error}") from None
        return Batch(row[first[:, None] + np.arange(context + 1)].astype(np.int64))

    def _checked(self, split: str) -> str:
        if split not in SIDES:
            raise OptionError(f"a dataset has no side {split!r}; {closest(str(split), SIDES)}")
        return split


def dataset(
    source: Corpus | str | Path,
    *,
    tokenizer: Any = "characters",
    size: int = 2048,
    validation: float = 0.1,
    seed: int = 0,
) -> TokenData:
    """A corpus as tokens, split into what is trained on and what is held out.

    Args:
        source: a Corpus; or what `corpus` takes: `"sotu"`, a text file, or a folder of .txt files.
        tokenizer: `characters`, `bpe` or `words` (fitted to what is trained on), or a tokenizer of the transformers
            library, such as `lm.tokenizer`.
        size: the vocabulary's, for bpe and words.
        validation: share of the text to hold out, 0 to 1.

    Raises:
        TextError: no such file, not UTF-8 text, fewer than 1,000 bytes, or too little for such a vocabulary.
        OptionError: an option is out of its range.

    Laws: tests/text/test_datasets.py.
    """
    texts = source if isinstance(source, Corpus) else corpus(source)
    found, name = units(texts, share=validation), texts.name
    total = sum(len(unit.data) for unit in found)
    if total < LEAST:
        raise TextError(f"{name!r} holds {total} bytes of text; a model needs at least {LEAST:,} to learn anything")
    if isinstance(tokenizer, str) and tokenizer not in KINDS_OF_TOKENS:
        raise OptionError(f"there is no kind of tokenizer {tokenizer!r}; {closest(tokenizer, KINDS_OF_TOKENS)}")
    rules = tokenizer if isinstance(tokenizer, str) else _backend(tokenizer).to_str()
    parts = (FORM, rules, size if rules in ("bpe", "words") else 0, validation, seed, [unit.digest for unit in found])
    digest = blake2b(repr(parts).encode(), digest_size=12).hexdigest()
    folder = _folder(digest)
    if not (folder / "info.json").is_file():
        try:
            with _telling(name, total, tokenizer) as update:
                _make(folder, sides(found, validation=validation, seed=seed), tokenizer, size, update)
        except OSError as error:
            raise TextError(
                f"the tokens of {name!r} cannot be kept in {folder.parent} ({error}); set LABKIT_CACHE to a folder "
                "with room that you may write to"
            ) from error
    with suppress(OSError):  # a cache that cannot be written to, or that another process sweeps now, is still read
        folder.touch()
        sweep(folder.parent, MOST, keep=folder)
    return _opened(name, folder)


def _folder(digest: str) -> Path:
    """Where a dataset lies: in the cache; where that is for reading only, as a classroom's is, with the runs."""
    shared = cache_folder() / "datasets"
    if (shared / digest / "info.json").is_file():
        return shared / digest
    try:
        shared.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=shared):
            return shared / digest
    except OSError:
        return runs_folder() / ".datasets" / digest


def _backend(tokenizer: Any) -> Any:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise OptionError(
            f"a tokenizer of type {type(tokenizer).__name__} cannot be used here; pass 'characters', 'bpe', 'words' or "
            "a fast tokenizer of the transformers library, such as lm.tokenizer"
        )
    return backend


def _opened(name: str, folder: Path) -> TokenData:
    from transformers import PreTrainedTokenizerFast

    info = json.loads((folder / "info.json").read_text("utf-8"))
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    return TokenData(name, folder, folder.name, tokenizer, info)


@cache
def _mapped(path: Path, dtype: str) -> np.ndarray:
    return np.memmap(path, dtype, "r") if path.stat().st_size else np.empty(0, dtype)


Update = Callable[[int], None]
"""Told how many bytes are done so far."""


def _telling(name: str, total: int, tokenizer: Any) -> AbstractContextManager[Update]:
    """Progress, where the text is long; one that is to be fitted reads it twice."""
    fits = isinstance(tokenizer, str)
    if total < (LONG.get(tokenizer, LONG_IN_PIECES) if fits else LONG_IN_PIECES):
        return nullcontext(lambda done: None)
    return progress(f"Tokenising {name}", (1 + fits) * total)


def _counted(found: Iterable[Unit], update: Update, done: list[int]) -> Iterator[str]:
    """The texts of some units; each is counted when the next one is asked for."""
    for unit in found:
        yield unit.text
        done[0] += len(unit.data)
        update(done[0])


def _make(folder: Path, both: dict[str, list[Unit]], tokenizer: Any, size: int, update: Update) -> None:
    done = [0]
    if isinstance(tokenizer, str):
        basis = both["train"] or both["validation"]
        tokenizer = fit_tokenizer(_counted(basis, update, done), tokenizer, size)
        done[0] = sum(len(unit.data) for side in SIDES for unit in both[side])
    dtype = "uint16" if len(tokenizer) <= 1 << 16 else "uint32"
    info: dict[str, Any] = {"vocab_size": len(tokenizer), "dtype": dtype}
    with atomic_folder(folder) as draft:
        tokenizer.save_pretrained(draft)
        for side in SIDES:
            ids = map(encoder(tokenizer), _counted(both[side], update, done))
            tokens, said = _write(draft, side, ids, tokenizer, dtype)
            size = sum(len(unit.data) for unit in both[side])
            titles = [unit.document.title for unit in both[side]]
            info[side] = {"tokens": tokens, "bytes": size, "lost": max(0, size - said), "titles": titles}
        (draft / "info.json").write_text(json.dumps(info), "utf-8")


def _write(draft: Path, side: str, texts: Iterable[Any], tokenizer: Any, dtype: str) -> tuple[int, float]:
    """The ids of one side's texts as a file; how many they are, and how many bytes of text they say, inf = all."""
    marks = [i for i in (tokenizer.bos_token_id, tokenizer.eos_token_id) if i is not None][:1]
    spans, at, lengths = [], 0, _lengths(tokenizer)
    said: float = inf if lengths is None else 0
    with (draft / f"{side}.bin").open("wb") as file:
        for ids in texts:
            row = np.array([*marks, *ids], dtype)
            file.write(row.tobytes())
            spans.append((at, at + len(row)))
            at += len(row)
            said += 0 if lengths is None else int(lengths[row].sum())
    np.save(draft / f"{side}.npy", np.array(spans, np.int64).reshape(-1, 2))
    return at, said


def _lengths(tokenizer: Any) -> np.ndarray | None:
    """(vocab,) the bytes that each token says, none of special ones; None where every text can be said."""
    if tokenizer.unk_token_id is None:
        return None
    pieces = from_library(tokenizer).pieces(range(len(tokenizer)))
    special = set(tokenizer.all_special_ids)
    return np.array([0 if i in special else len(piece) for i, piece in enumerate(pieces)])


def encoder(tokenizer: Any) -> Any:
    """text -> ids, without special tokens; a text of single characters is looked up in one go, which is much faster.

    Law: the same ids as the tokenizer's own (tests/text/test_datasets.py).
    """
    backend = _backend(tokenizer)
    vocabulary = backend.get_vocab(with_added_tokens=False)
    special = set(tokenizer.all_special_tokens)
    if r"[\s\S]" not in repr(backend.pre_tokenizer) or any(len(t) > 1 for t in vocabulary if t not in special):
        return from_library(tokenizer).encode
    table = np.full(0x110000, vocabulary[tokenizer.unk_token], np.uint16)
    for char, number in vocabulary.items():
        if char not in special:
            table[ord(char)] = number
    return lambda text: table[np.frombuffer(text.encode("utf-32-le"), np.uint32)]
