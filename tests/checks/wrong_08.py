"""Plausible wrong answers to the exercises of lesson 08, each with part of the message that it must get."""

import numpy as np


def without_the_crossing_token(probabilities, p):
    order = np.argsort(-probabilities)
    kept = np.zeros_like(probabilities)
    inside = order[np.cumsum(probabilities[order]) <= p]
    kept[inside] = probabilities[inside]
    return kept / max(kept.sum(), 1e-9)


def without_sharing_out(probabilities, p):
    order = np.argsort(-probabilities, kind="stable")
    before = np.cumsum(probabilities[order]) - probabilities[order]
    return np.where(np.isin(np.arange(len(probabilities)), order[before < p]), probabilities, 0)


def from_the_wrong_end(probabilities, p):
    order = np.argsort(probabilities)
    before = np.cumsum(probabilities[order]) - probabilities[order]
    kept = np.zeros_like(probabilities)
    kept[order[before < p]] = probabilities[order[before < p]]
    return kept / kept.sum()


def in_the_order_given(probabilities, p):
    before = np.cumsum(probabilities) - probabilities
    kept = np.where(before < p, probabilities, 0)
    return kept / kept.sum()


def one_too_many(probabilities, p):
    order = np.argsort(-probabilities, kind="stable")
    before = np.cumsum(probabilities[order]) - probabilities[order]
    kept = np.zeros_like(probabilities)
    kept[order[before <= p]] = probabilities[order[before <= p]]
    return kept / kept.sum()


def in_equal_shares(probabilities, p):
    order = np.argsort(-probabilities, kind="stable")
    before = np.cumsum(probabilities[order]) - probabilities[order]
    kept = np.zeros_like(probabilities)
    kept[order[before < p - 1e-12]] = 1 / (before < p - 1e-12).sum()
    return kept


def in_place(probabilities, p):
    order = np.argsort(-probabilities, kind="stable")
    before = np.cumsum(probabilities[order]) - probabilities[order]
    probabilities[order[before >= p - 1e-12]] = 0
    return probabilities / probabilities.sum()


def every_token_seen(ids, size):
    return set(ids)


def only_the_first_place(ids, size):
    ending = ids[len(ids) - size + 1 :]
    for i in range(len(ids) - size + 1):
        if ids[i : i + size - 1] == ending:
            return {ids[i + size - 1]}
    return set()


def without_runs_of_one(ids, size):
    ending = ids[-(size - 1) :]  # of size 1: everything
    return {ids[i + size - 1] for i in range(len(ids) - size + 1) if ids[i : i + size - 1] == ending}


def whole_run_must_match(ids, size):
    return {ids[i] for i in range(len(ids) - size) if ids[i : i + size] == ids[len(ids) - size :]}


def a_list(ids, size):
    ending = ids[len(ids) - size + 1 :]
    return [ids[i + size - 1] for i in range(len(ids) - size + 1) if ids[i : i + size - 1] == ending]


WRONG = {
    "08.1": [
        (without_the_crossing_token, "nothing is left"),
        (without_sharing_out, "share it out to 1 again"),
        (from_the_wrong_end, "the tail is the unlikely end"),
        (in_the_order_given, "tokens are left"),
        (one_too_many, "2 tokens are left, 1 reach p"),
        (in_equal_shares, "the shares among the kept tokens changed"),
        (in_place, "changes the array that it is given"),
    ],
    "08.2": [
        (every_token_seen, "did not stand there before"),
        (only_the_first_place, "but it is allowed"),
        (whole_run_must_match, "would repeat (1, 2, 3), but it is allowed"),
        (without_runs_of_one, "would repeat (7,), but it is allowed"),
        (a_list, "expected a set"),
    ],
    "08.3": [
        (lambda p, q: float((p * q).sum()), "how often two draws agree"),
        (lambda p, q: float(np.minimum(1, p / np.maximum(q, 1e-12)).mean()), "counts as often as q guesses it"),
        (lambda p, q: float(np.maximum(p, q).sum()), "a share lies between 0 and 1"),
        (lambda p, q: float(1 - np.abs(p - q).sum()), "takes each difference twice"),
        (lambda p, q: float(p[q.argmax()]), "stands with chance min(1, p/q)"),
    ],
}

GIVEN = {"np": np}
