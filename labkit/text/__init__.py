"""Text: tokenizers behind one protocol, byte-pair encoding trained in steps, corpora, sentences, prices.

Knows no language model and draws nothing. Importing it loads neither torch nor transformers.
"""

from .bytepair import BytePair, Merge, merge_table, train
from .corpora import Corpus, Document, Sentence, corpus, sentences
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
from .prices import Price, price_of
from .tokenizers import Tokenizer, names, shown, title, tokenizer, visible

__all__ = [
    "BytePair",
    "Comparison",
    "Corpus",
    "Document",
    "KINDS",
    "Merge",
    "Price",
    "RoundTrip",
    "Sentence",
    "Tokenizer",
    "compare",
    "corpus",
    "cuts",
    "kind_of",
    "merge_table",
    "names",
    "number_cuts",
    "price_of",
    "random_strings",
    "round_trip",
    "round_trips",
    "sentences",
    "shown",
    "title",
    "tokenizer",
    "train",
    "visible",
]
