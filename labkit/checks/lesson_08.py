"""Checks of lesson 08, sampling."""

import numpy as np

from labkit.suite.exercises import array, call, exercise, number, require


def nucleus(probabilities: np.ndarray, p: float) -> np.ndarray:
    """Top-p by definition."""
    order = np.argsort(-probabilities, kind="stable")
    before = np.cumsum(probabilities[order]) - probabilities[order]
    kept = np.zeros_like(probabilities)
    kept[order[before < p - 1e-12]] = probabilities[order[before < p - 1e-12]]
    return kept / kept.sum()


@exercise("08.1", "Top-p")
def top_p(answer):
    rng = np.random.default_rng(8)
    given = [(np.array([0.1, 0.6, 0.3]), 0.3), (np.array([0.2, 0.5, 0.3]), 0.7), (np.array([0.25] * 4), 1.0)]
    given += [(np.array([0.25, 0.5, 0.25]), 0.5)]  # reached exactly
    given += [(rng.dirichlet(np.full(20, 0.3)), p) for p in (0.3, 0.6, 0.9, 0.99)]
    for probabilities, p in given:
        before = probabilities.copy()
        found = array(call(answer, probabilities, p), shape=probabilities.shape)
        shown = f"of {np.round(before, 2).tolist()[:6]} and p = {p}"
        require(
            bool((probabilities == before).all()), "your function changes the array that it is given; work on a copy"
        )
        require(bool((found >= 0).all()), f"{shown} a probability became negative")
        kept, right = found > 0, nucleus(before, p)
        require(bool(kept.any()), f"{shown} nothing is left; the most likely token always stays")
        require(bool(kept[before.argmax()]), f"{shown} the most likely token was cut; the tail is the unlikely end")
        mass = before[kept].sum()
        require(mass >= p - 1e-9, f"{shown} what is left has mass {mass:.2f}; the token that crosses p must stay")
        require(kept.sum() <= (right > 0).sum(), f"{shown} {kept.sum()} tokens are left, {(right > 0).sum()} reach p")
        require(abs(found.sum() - 1) < 1e-6, f"{shown} what is left sums to {found.sum():.3f}; share it out to 1 again")
        require(bool(np.allclose(found, right, atol=1e-6)), f"{shown} the shares among the kept tokens changed")
    return f"the smallest set that reaches p, in {len(given)} cases, and it sums to 1"


@exercise("08.2", "Break a loop")
def banned(answer):
    rng = np.random.default_rng(8)
    cases = [
        ([1, 2, 3, 1, 2], 3),
        ([1, 2, 3, 4], 3),
        ([5, 5, 5], 2),
        ([1, 2], 4),
        ([1, 2, 3, 1, 2, 4, 1, 2], 3),
        ([7], 1),
    ]
    cases += [(rng.integers(0, 3, 15).tolist(), size) for size in (1, 2, 3, 4)]
    for ids, size in cases:
        given = list(ids)
        found = call(answer, given, size)
        require(given == ids, "your function changes the list that it is given; work on a copy")
        require(isinstance(found, (set, frozenset)), f"for {ids} and size {size} expected a set, got {found!r}")
        runs = {tuple(ids[i : i + size]) for i in range(len(ids) - size + 1)}
        for token in found:
            done = tuple((*ids, token)[-size:])
            require(done in runs, f"{token} is banned after {ids}, but the run {done} did not stand there before")
        for run in runs:
            if (*ids, run[-1])[-size:] == run and len(ids) >= size - 1:
                require(run[-1] in found, f"after {ids} the token {run[-1]} would repeat {run}, but it is allowed")
    return f"no run comes twice, and nothing else is forbidden, in {len(cases)} texts"


@exercise("08.3", "The acceptance rate")
def acceptance(answer):
    rng = np.random.default_rng(8)
    half, first, second = np.array([0.5, 0.5]), np.array([1.0, 0.0]), np.array([0.0, 1.0])
    cases = [(np.array([0.7, 0.3]), np.array([0.4, 0.6]), "a draft that leans the other way")]
    cases += [(half, half, "a draft that equals the model"), (first, second, "a draft that is always wrong")]
    cases += [(half, first, "a draft that is too sure"), (first, half, "a draft that is not sure enough")]
    cases += [(rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6)), "two random distributions") for _ in range(4)]
    for p, q, what in cases:
        found = number(call(answer, p.copy(), q.copy()))
        right = float(np.minimum(p, q).sum())
        says = f"{what} has {found:.3f} of its guesses accepted, says your function"
        require(0 <= found <= 1 + 1e-9, f"{says}; a share lies between 0 and 1")
        agree, plain = float((p * q).sum()), float(np.minimum(1, p / np.maximum(q, 1e-12)).mean())
        require(abs(found - right) < 1e-6 or abs(found - agree) > 1e-6, f"{says}; that is how often two draws agree")
        require(
            abs(found - right) < 1e-6 or abs(found - plain) > 1e-6, f"{says}; a token counts as often as q guesses it"
        )
        twice = float(1 - np.abs(p - q).sum())
        require(
            abs(found - right) < 1e-6 or abs(found - twice) > 1e-6,
            f"{says}; that takes each difference twice: what q has too much of one token, it has too little of others",
        )
        require(
            abs(found - right) < 1e-6, f"{says}; count: a guess comes with chance q and stands with chance min(1, p/q)"
        )
    return f"right for {len(cases)} pairs; it is the overlap of the two distributions"
