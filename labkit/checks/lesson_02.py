"""Checks of lesson 02: the causal mask, the induction score, the entropy of attention."""

import numpy as np

from labkit.suite.exercises import array, call, exercise, number, require


@exercise("02.1", "The causal mask")
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


@exercise("02.2", "The induction score")
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


@exercise("02.3", "The entropy of attention")
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
    require(not np.allclose(found, 2), "an even row over 4 tokens gives 2: that is in bits; use the natural logarithm")
    require(not np.allclose(found, -np.log(4)), "the sign is turned: entropy is minus the sum of p · log p")
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
