"""Text: tokenizers behind one protocol, byte-pair encoding trained in steps, corpora, datasets, worlds, sentences.

Knows no language model and draws nothing. Importing it loads neither torch nor transformers.
"""

from labkit.core.pieces import shown, visible

from .batches import Batch, Repeat, Rows
from .bytepair import BytePair, Merge, merge_table, train
from .corpora import Corpus, Document, Sentence, corpus, sentences
from .datasets import TokenData, dataset
from .examples import Examples
from .families import names, title, tokenizer
from .measures import (
    KINDS,
    Comparison,
    RoundTrip,
    compare,
    cuts,
    kind_of,
    number_cuts,
    random_strings,
    round_trip,
    round_trips,
)
from .ngrams import Ngram, ngram
from .noising import Gaps, Masked
from .prices import Price, price_of
from .splits import split
from .tokenizers import Tokenizer
from .vocabularies import fit_tokenizer
from .worlds import World, world

__all__ = [
    "Batch", "BytePair", "Comparison", "Corpus", "Document", "Examples", "Gaps", "KINDS", "Masked", "Merge", "Ngram",
    "Price", "Repeat", "RoundTrip", "Rows", "Sentence", "TokenData", "Tokenizer", "World", "compare", "corpus", "cuts",
    "dataset", "fit_tokenizer", "kind_of", "merge_table", "names", "ngram", "number_cuts", "price_of",
    "random_strings", "round_trip", "round_trips", "sentences", "shown", "split", "title", "tokenizer", "train",
    "visible", "world",
]  # fmt: skip
