"""Vocabularies of one's own: a tokenizer fitted to a corpus, ready to be saved with the model that uses it.

Reads   a corpus, a text, or texts one after another.
Gives   a tokenizer of the transformers library; `lab.tokenizer` opens it like any other.
Ignores how the tokens are stored and trained on.

`<|endoftext|>` has id 0: it stands before each document, starts a text and ends one. A character or a word that the
corpus lacks becomes `<|unknown|>`, id 1; byte-pair encoding on bytes needs no such token.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from labkit.core.errors import OptionError, TextError, closest
from labkit.core.values import checked_text, is_whole

from .bytepair import CHUNK
from .corpora import Corpus

END, UNKNOWN = "<|endoftext|>", "<|unknown|>"
KINDS_OF_TOKENS = ("characters", "bpe", "words")
BYTES_AND_END = 257


def fit_tokenizer(corpus: Corpus | str | Iterable[str], kind: str = "characters", size: int = 2048) -> Any:
    """A tokenizer whose vocabulary comes from this corpus.

    Args:
        corpus: a Corpus, a text, or texts one after another (read once, so a generator will do).
        kind: `characters`, each is a token; `bpe`, byte-pair encoding on bytes; `words`, each with the space before it.
        size: tokens in the vocabulary, special ones included; exactly for bpe, at most for words (the rarest are left
            out), without effect on characters.

    Returns:
        transformers.PreTrainedTokenizerFast

    Raises:
        OptionError: the kind is unknown, or the size is too small for it.
        TextError: there is no text, or it supports no vocabulary of this size.

    Laws: decode(encode(text)) == text for known characters, also after saving and loading
    (tests/text/test_vocabularies.py).
    """
    if kind not in KINDS_OF_TOKENS:
        raise OptionError(f"there is no kind of tokenizer {kind!r}; {closest(str(kind), KINDS_OF_TOKENS)}")
    least = {"characters": 3, "words": 3, "bpe": BYTES_AND_END}[kind]
    if not is_whole(size) or size < least:
        raise OptionError(f"size is {size!r}, but {kind} need a whole number of at least {least}")
    texts = (corpus,) if isinstance(corpus, str) else (d.text for d in corpus) if isinstance(corpus, Corpus) else corpus
    backend = _pairs(texts, size) if kind == "bpe" else _listed(texts, kind, size)
    return wrap(backend, unknown=kind != "bpe")


def wrap(backend: Any, *, unknown: bool) -> Any:
    """A tokenizer of the tokenizers library as one of the transformers library, with the special tokens above."""
    from transformers import PreTrainedTokenizerFast

    special = {"bos_token": END, "eos_token": END, "pad_token": END} | ({"unk_token": UNKNOWN} if unknown else {})
    return PreTrainedTokenizerFast(tokenizer_object=backend, clean_up_tokenization_spaces=False, **special)


def listed(entries: Iterable[str], pattern: str, behaviour: str = "isolated") -> Any:
    """A tokenizer that cuts by a pattern and looks each piece up in a list."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {token: i for i, token in enumerate((END, UNKNOWN, *entries))}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behaviour)  # type: ignore[assignment]
    if behaviour == "isolated":  # else the library's own: tokens joined by spaces
        backend.decoder = decoders.Fuse()  # type: ignore[assignment]
    backend.add_special_tokens([END, UNKNOWN])
    return backend


def _listed(texts: Iterable[str], kind: str, size: int) -> Any:
    """Characters in the order of their code points; words from the most frequent one on."""
    counts: Counter[str] = Counter()
    if kind == "characters":
        for text in texts:
            counts.update(checked_text(text))
        entries, pattern = sorted(counts), r"[\s\S]"
    else:
        from tokenizers import Regex, pre_tokenizers

        cut = pre_tokenizers.Split(Regex(CHUNK), "isolated").pre_tokenize_str
        for text in texts:
            counts.update(piece for piece, _ in cut(checked_text(text)))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        entries, pattern = ranked[: size - 2], CHUNK
    if not counts:
        raise TextError("the corpus holds no text to take a vocabulary from; pass one with some")
    return listed((entry for entry in entries if entry not in (END, UNKNOWN)), pattern)


def _pairs(texts: Iterable[str], size: int) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    backend = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.pre_tokenizer = pre_tokenizers.Sequence(  # type: ignore[assignment]
        [pre_tokenizers.Split(Regex(CHUNK), "isolated"), level]
    )
    backend.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    # A pair that occurs once is no regularity of the corpus, so it never becomes a token.
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(map(checked_text, texts), trainer)
    found = backend.get_vocab_size()
    if found < size:
        raise TextError(
            f"this corpus supports a vocabulary of {found:,} tokens, not {size:,}: no pair occurs twice any more; "
            f"use size={found} or less, or tokenizer='characters'"
        )
    return backend
