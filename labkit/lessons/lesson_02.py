"""Lesson 02: the causal mask, the induction score, the entropy of attention."""

from functools import cache, lru_cache

import numpy as np

from labkit.core.errors import ModelError, TextError
from labkit.core.results import Bars, ChoiceGrid
from labkit.explorers.controls import Choice, Slider, Switch, Text
from labkit.explorers.panel import KEPT, Explorer, explorer
from labkit.suite.exercises import array, call, exercise, number, require

from .mutations import mutation


@exercise(
    "02.1",
    "The causal mask",
    wrong=[
        (lambda n: np.triu(np.ones((n, n))), "upside down"),
        (lambda n: np.tril(np.ones((n, n)), -1), "a token may see itself"),
        (lambda n: np.ones((n, n)), "a key that comes later"),
        (lambda n: np.where(np.tril(np.ones((n, n))) > 0, 0, -1e9), "every entry is 1 or 0"),
        (np.eye, "some earlier token is hidden"),
        (lambda n: np.tril(np.ones((n + 1, n + 1))), "should have shape (5, 5)"),
    ],
)
def causal_mask(answer):
    """`answer(n)` → (n, n), 1 where the query (row) may see the key (column)."""
    for n in (5, 1):
        mask = array(call(answer, n), shape=(n, n), what=f"the mask for n={n}")
        require(np.isin(mask, (0, 1)).all(), "a mask says yes or no: every entry is 1 or 0")
        require(n == 1 or not np.array_equal(mask, np.triu(np.ones((n, n)))),
                "this one is upside down: row 0 sees all, the last row only itself; rows are queries")  # fmt: skip
        require(not np.triu(mask, 1).any(), "some query sees a key that comes later; keys must be ≤ the query")
        require(np.diagonal(mask).all(), "a token may see itself: the diagonal is 1, or row 0 would see nothing at all")
        require(
            np.array_equal(mask, np.tril(np.ones((n, n)))), "some earlier token is hidden; a query sees all of them"
        )
    return "no query sees a later key, and each sees itself and all before it"


def second_half(length):
    return np.arange(length, 2 * length)


def copies(pattern, length):
    return pattern[second_half(length), second_half(length) - length].mean()


def total(pattern, length):
    return pattern[second_half(length), second_half(length) - length + 1].sum()


def all_rows(pattern, length):
    return pattern[second_half(length), second_half(length) - length + 1].sum() / len(pattern)


def last_left_out(pattern, length):
    queries = second_half(length)[:-1]
    return pattern[queries, queries - length + 1].mean()


@exercise(
    "02.2",
    "The induction score",
    wrong=[
        (copies, "duplicate-token head"),
        (total, "the mean over the queries, not the sum"),
        (all_rows, "average over the second half only"),
        (last_left_out, "the last one too"),
        (lambda pattern, length: pattern[length:], "should be one number"),
    ],
)
def induction_score(answer):
    """`answer(pattern, length)` → mean weight on the token after the first copy."""
    length = 6
    queries = np.arange(length, 2 * length)
    perfect = np.zeros((2 * length, 2 * length))
    perfect[np.arange(2 * length), 0] = 1
    perfect[queries] = 0
    perfect[queries, queries - length + 1] = 1
    copies = np.zeros_like(perfect)
    copies[queries, queries - length] = 1
    score = number(call(answer, copies, length), what="the score of a head that looks at the first copy itself")
    require(score < 0.5, "a head that looks at the same token, one copy back, got a high score; that is a "
            "duplicate-token head: induction looks one further, at what followed")  # fmt: skip
    score = number(call(answer, perfect, length), what="the score of a perfect induction head")
    require(
        score <= 1 + 1e-9, f"a perfect head got {score:.3g}, more than 1; take the mean over the queries, not the sum"
    )
    require(score > 1 - 1e-9, f"a perfect induction head got {score:.3g} instead of 1; average over the second half "
            "only, and look at key query − length + 1")  # fmt: skip
    mixed = np.random.default_rng(0).dirichlet(np.ones(2 * length), 2 * length)
    right = mixed[queries, queries - length + 1].mean()
    score = number(call(answer, mixed, length), what="the score of a random pattern")
    require(abs(score - right) < 1e-9, f"a random pattern got {score:.4f} instead of {right:.4f}; count each query of "
            "the second half once, the last one too")  # fmt: skip
    return "1 for a perfect head, 0 for one that only finds copies, and the right value for a random pattern"


def bits(pattern):
    return -(pattern * np.log2(np.where(pattern > 0, pattern, 1))).sum(-1)


def with_nan(pattern):
    with np.errstate(all="ignore"):
        return -(pattern * np.log(pattern)).sum(-1)


def turned_sign(pattern):
    return (pattern * np.log(np.where(pattern > 0, pattern, 1))).sum(-1)


def over_queries(pattern):
    return -(pattern * np.log(np.where(pattern > 0, pattern, 1))).sum(0)


@exercise(
    "02.3",
    "The entropy of attention",
    wrong=[
        (bits, "that is in bits; use the natural logarithm"),
        (with_nan, "0 · log 0 counts as 0"),
        (turned_sign, "the sign is turned: entropy is minus the sum of p · log p"),
        (over_queries, "should have shape (3,)"),
        (lambda pattern: np.log(pattern.shape[-1]) * np.ones(len(pattern)), "all weight on one token"),
    ],
)
def row_entropy(answer):
    """`answer(pattern)` → entropy of each row, in nats."""
    sharp, even = np.eye(4), np.full((4, 4), 0.25)
    found = call(answer, sharp)
    require(
        not np.isnan(np.asarray(found, float)).any(),
        "a weight of 0 gives nan: 0 · log 0 counts as 0, so leave zeros out",
    )
    found = array(found, shape=(4,), what="the entropy of 4 rows")
    require(np.allclose(found, 0, atol=1e-6), f"a row with all weight on one token has entropy 0, not {found[0]:.3g}")
    found = array(call(answer, even), shape=(4,), what="the entropy of 4 even rows")
    require(
        np.allclose(found, np.log(4)),
        f"an even row over 4 tokens has entropy log 4 = {np.log(4):.4f}, not {found[0]:.4f}",
    )
    rows = np.random.default_rng(0).dirichlet(np.ones(5), 3)
    found = array(call(answer, rows), shape=(3,), what="the entropy of 3 rows of 5 weights")
    require(
        np.allclose(found, -(rows * np.log(rows)).sum(1)),
        "rows of other weights come out wrong; sum p · log p over the keys",
    )
    return "0 for a sharp row, log n for an even one, in nats"


PROMPTS = [
    (prompt, f" {target}", word)
    for prompt, target, word in (
        ("When Mary and John went to the shop, John gave a book to", "Mary", "Mary"),
        ("When Anna and Tom met at the station, Tom handed the ticket to", "Anna", "Anna"),
        ("Peter and Lucy had lunch, and then Lucy thanked", "Peter", "Peter"),
        ("The capital of France is Paris. The capital of Italy is", "Rome", "Italy"),
        ("The capital of Spain is Madrid. The capital of Japan is", "Tokyo", "Japan"),
        ("The keys of the old red car were lost. We looked everywhere for the", "keys", "keys"),
        ("The dog chased the cat, so the cat ran away from the", "dog", "dog"),
        ("She bought milk and bread, and at home she drank the", "milk", "milk"),
        ("The opposite of hot is cold. The opposite of big is", "small", "big"),
        ("One two three, one two three, one two", "three", "three"),
        ("The farmer has a horse. Every morning he feeds his", "horse", "horse"),
        ("My sister is a doctor. She works as a", "doctor", "doctor"),
        ("He took the train to London. When he arrived in", "London", "London"),
        ("The baker made a cake. Everyone wanted a piece of the", "cake", "cake"),
        ("The sky is blue and the grass is green. The colour of the sky is", "blue", "blue"),
        ("If you heat ice it becomes water. If you cool water it becomes", "ice", "ice"),
        ("The king and the queen sat down. The king looked at the", "queen", "queen"),
        ("In summer it is warm, and in winter it is", "cold", "winter"),
        ("The teacher asked the student a question, and the answer came from the", "student", "student"),
        ("I have a pen and a pencil. I lost the pen, so I write with the", "pencil", "pencil"),
    )
]
"""Prompts of section 7: each with the token that should come next, and the word that it hangs on."""
EXAMPLE = "The capital of France is Paris. The capital of Italy is"
MOST_TOKENS = 128
"""A longer text would make a reader wait for each key pressed."""
SHOWN = 6


@explorer
def attention(lm=None) -> Explorer:
    """A text, a head and a measure. `lm`: a LanguageModel that predicts the next token."""
    from labkit.interpretability import MEASURES, capture, measure, predict_without
    from labkit.models import load, next_token

    lm = lm or load("smollm2-135m")
    layers, heads = lm.card.layers, lm.card.heads
    if lm.card.kind != "decoder-only":
        raise ModelError(f"this explorer reads the next token, and {lm.name} is {lm.card.kind}; give it a decoder")

    @lru_cache(KEPT)
    def read(text: str) -> tuple:
        seen = capture(lm, text, window=_window(lm, text))
        if len(seen) < 2:
            raise TextError(f"the text has {len(seen)} token; where a head looks needs 2 or more: add a word")
        return seen, cache(lambda by: measure(by, seen)), next_token(lm, text, top=SHOWN)

    @lru_cache(KEPT)
    def without(text: str, layer: int, head: int) -> Bars:
        return predict_without(lm, list(read(text)[0].ids), off=[(layer, head)], top=SHOWN)

    def draw(text: str, layer: int, head: int, by: str, off: bool) -> list:
        seen, by_measure, said = read(text)
        said = without(text, layer, head) if off else said
        return [ChoiceGrid.of(by_measure(by), (layer, head)), said, seen.head(layer, head)]

    return Explorer(
        title="What does this head look at, and what does it do?",
        controls=(
            Text("text", EXAMPLE, label="Text", lines=2),
            Slider("layer", min(23, layers - 1), 0, layers - 1, label="Layer"),
            Slider("head", min(4, heads - 1), 0, heads - 1, label="Head"),
            Choice("by", "sink", tuple(MEASURES), label="Colour by"),
            Switch("off", True, label="Switch it off"),
        ),
        draw=draw,
        note=f"Click a head in the map, or move Layer and Head. At most {MOST_TOKENS} tokens are read, the last ones.",
    )


def _window(lm, text: str) -> tuple[int, int] | None:
    from labkit.interpretability.inputs import count_tokens

    count = count_tokens(lm, text)
    return (count - MOST_TOKENS, count) if count > MOST_TOKENS else None


@mutation("attention/bank_five", "interpretability.capture:silencers")
def a_head_that_is_not_switched_off(real, bridge, off):
    return []


@mutation("attention/induction_score", "interpretability.heads:induction")
def induction_off_by_one(real, pattern, ids):
    from labkit.interpretability.heads import duplicate

    return duplicate(pattern, ids)


@mutation("attention/bag_of_words", "interpretability.capture:_without_positions")
def positions_that_stay(real, bridge):
    return []
