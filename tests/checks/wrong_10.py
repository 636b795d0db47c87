"""Plausible wrong answers to the exercises of lesson 10."""

import numpy as np


def shares(classes):
    return np.unique(classes, return_counts=True)[1] / len(classes)


def bits(classes):
    return float(-(shares(classes) * np.log2(shares(classes))).sum())


def turned_sign(classes):
    return float((shares(classes) * np.log(shares(classes))).sum())


def number_of_meanings(classes):
    return float(np.log(len(set(classes))))


def over_samples(classes):
    p = np.array([classes.count(c) for c in classes]) / len(classes)
    return float(-(p * np.log(p)).sum())


def among_all(wrong, doubt, risk):
    wrong, doubt = np.asarray(wrong), np.asarray(doubt)
    return max((t for t in np.unique(doubt) if (wrong & (doubt <= t)).sum() / len(wrong) <= risk), default=-np.inf)


def below_only(wrong, doubt, risk):
    wrong, doubt = np.asarray(wrong), np.asarray(doubt)
    kept = [t for t in np.unique(doubt) if (doubt < t).any() and wrong[doubt < t].mean() <= risk]
    return max(kept, default=-np.inf)


def stops_at_first(wrong, doubt, risk):
    wrong, doubt = np.asarray(wrong), np.asarray(doubt)
    best = -np.inf
    for t in np.unique(doubt):
        if wrong[doubt <= t].mean() > risk:
            break
        best = t
    return best


def strict(wrong, doubt, risk):
    wrong, doubt = np.asarray(wrong), np.asarray(doubt)
    return max((t for t in np.unique(doubt) if not wrong[doubt <= t].any()), default=-np.inf)


def one_by_one(wrong, doubt, risk):
    order = np.argsort(doubt, kind="stable")
    risks = np.cumsum(np.asarray(wrong)[order]) / np.arange(1, len(order) + 1)
    kept = np.flatnonzero(risks <= risk)
    return np.asarray(doubt)[order][kept[-1]] if len(kept) else -np.inf


def random_questions(persons):
    return np.random.default_rng(0).random(len(persons)) < 0.25


def last_quarter(persons):
    return np.arange(len(persons)) >= 0.75 * len(persons)


def one_person(persons):
    return np.asarray(persons) == persons[0]


WRONG = {
    "10.1": [
        (bits, "that is in bits"),
        (turned_sign, "the sign is turned"),
        (number_of_meanings, "as if they were equally frequent"),
        (over_samples, "one term for each meaning"),
        (lambda classes: [float(p) for p in shares(classes)], "should be one number"),
    ],
    "10.2": [
        (among_all, "count the wrong ones among those given"),
        (below_only, "count the wrong ones among those given"),
        (strict, "safe but too strict"),
        (stops_at_first, "do not stop at the first that fails"),
        (one_by_one, "equal scores pass together"),
    ],
    "10.3": [
        (random_questions, "persons are on both sides"),
        (last_quarter, "in another order persons are on both sides"),
        (one_person, "keep about a quarter"),
        (lambda persons: np.zeros(len(persons), bool), "one side is empty"),
        (lambda persons: np.unique(persons)[:10], "should hold numbers"),
    ],
}
GIVEN = {}
