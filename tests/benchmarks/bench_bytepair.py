"""Byte-pair training and encoding beside the tokenizers library (Rust), on the same text, in one run.

    python -m tests.benchmarks.bench_bytepair [merges]

Rounds alternate; the best of each counts. The merges are compared too: a fast wrong answer is worth nothing.
"""

import sys
import time

from labkit.core.results import Table
from labkit.text import BytePair, corpus, train

ROUNDS = 3


def measure(merges: int) -> Table:
    """Seconds of each, and how many times the library's."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    text, best = corpus("sotu", since=1980).text, {}

    def timed(name, run):
        start = time.perf_counter()
        result = run()
        best[name] = min(best.get(name, float("inf")), time.perf_counter() - start)
        return result

    for _ in range(ROUNDS):
        library = Tokenizer(models.BPE())
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=256 + merges, show_progress=False, initial_alphabet=alphabet)
        timed("library, training", lambda lib=library, how=trainer: lib.train_from_iterator([text], how))
        ours = BytePair(timed("labkit, training", lambda: tuple(train(text, merges=merges, least=1))))
        theirs = timed("library, encoding", lambda lib=library: lib.encode(text).ids)
        if timed("labkit, encoding", lambda tok=ours: tok.encode(text)) != theirs:
            raise SystemExit("the two do not agree: no times are shown")
    rows = tuple((name, best[name], best[name] / best["library, " + name.split(", ")[1]]) for name in sorted(best))
    return Table(("what", "seconds", "times the library"), rows, title=f"{len(text):,} characters, {merges} merges")


if __name__ == "__main__":
    from labkit import views

    print(views.twin(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)))
