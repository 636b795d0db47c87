"""Checks of lesson 10: semantic entropy, a threshold for a risk, a split without a leak."""

import numpy as np

from labkit.suite.exercises import array, call, exercise, number, require


@exercise("10.1", "Semantic entropy")
def semantic_entropy(answer):
    """`answer(classes)` → entropy of the classes' shares, in nats."""
    alike = number(call(answer, [0] * 10), what="the semantic entropy of ten samples that mean the same")
    require(
        abs(alike) < 1e-9, f"ten samples of one meaning have entropy 0, not {alike:.3g}; one class has all the share"
    )
    apart = number(call(answer, [0, 1, 2, 3]), what="the semantic entropy of four meanings")
    require(abs(apart - 2) > 1e-6, "four meanings give 2: that is in bits; use the natural logarithm")
    require(abs(apart + np.log(4)) > 1e-6, "the sign is turned: entropy is minus the sum of p · log p")
    require(abs(apart - np.log(4)) < 1e-6, f"four different meanings have log 4 = {np.log(4):.4f}, not {apart:.4f}; "
            "sum p · log p over the classes")  # fmt: skip
    uneven = [5, 5, 5, 0, 0, 9]
    right = float(-sum(p * np.log(p) for p in (3 / 6, 2 / 6, 1 / 6)))
    found = number(call(answer, uneven), what=f"the semantic entropy of {uneven}")
    require(abs(found - np.log(3)) > 1e-6, "three meanings of different size count as if they were equally frequent; "
            "each meaning's share is how many of the samples have it")  # fmt: skip
    require(abs(found - right) < 1e-6, f"the classes {uneven} have {right:.4f}, not {found:.4f}; one term for each "
            "meaning, not for each sample, and the number of a class has no meaning itself")  # fmt: skip
    return "0 for one meaning, log n for n equal ones, and shares count"


@exercise("10.2", "A threshold for a risk")
def threshold(answer):
    """`answer(wrong, doubt, risk)` → the highest doubt that keeps the risk."""
    wrong, doubt = np.arange(20) >= 9, np.arange(20) / 10
    found = number(call(answer, wrong, doubt, 0.1), what="the threshold")
    kept = wrong[doubt <= found]
    require(len(kept), f"{found:.3g} lets no answer through; nine right ones have less doubt than the first wrong one")
    require(kept.mean() <= 0.1, f"at {found:.3g}, {kept.mean():.0%} of the answers given are wrong, more than 10 %; "
            "count the wrong ones among those given, not among all")  # fmt: skip
    require(found >= 0.9 - 1e-9, f"{found:.3g} is safe but too strict: at 0.9 one of ten answers given is wrong, "
            "which is just the 10 % allowed; take the highest threshold that keeps the risk")  # fmt: skip
    dip = np.isin(np.arange(20), (0, 11, 12, 13, 14, 15, 16, 17, 18, 19))  # the surest answer is wrong
    found = number(call(answer, dip, doubt, 0.1), what="the threshold where the surest answer is wrong")
    require(found >= 1.0 - 1e-9, f"where the surest answer is wrong, {found:.3g} came out: the risk falls again "
            "further on; look at every threshold, do not stop at the first that fails")  # fmt: skip
    ties = number(call(answer, [0, 1, 0, 0], [0.5, 0.5, 0.5, 0.9], 0.0), what="the threshold with equal scores")
    require(np.isneginf(ties), f"three answers share the doubt 0.5 and one is wrong, so nothing keeps a risk of 0, but "
            f"{ties:.3g} came out; equal scores pass together, and -np.inf says that nothing may pass")  # fmt: skip
    return "at most the risk among the answers given, and no higher threshold keeps it"


@exercise("10.3", "A split without a leak")
def fair_split(answer):
    """`answer(persons)` → which questions are kept for the test; nobody on both sides."""
    persons = np.repeat([f"person {n}" for n in range(40)], 4)
    kept = array(call(answer, persons), shape=(160,), what="what is kept for the test")
    require(np.isin(kept, (0, 1)).all(), "each question is kept for the test or not: True or False")
    kept = kept.astype(bool)
    require(kept.any() and not kept.all(), "one side is empty; train on some persons and test on others")
    both = set(persons[kept]) & set(persons[~kept])
    require(not both, f"{len(both)} persons are on both sides: a name's state is the same in all four questions, so "
            "the probe learns each person's coin by heart and finds it again; draw persons, not questions")  # fmt: skip
    require(
        0.1 <= kept.mean() <= 0.4, f"{kept.mean():.0%} of the questions are kept for the test; keep about a quarter"
    )
    mixed = persons[np.random.default_rng(0).permutation(160)]
    again = array(call(answer, mixed), shape=(160,), what="the same with the questions in another order").astype(bool)
    require(not set(mixed[again]) & set(mixed[~again]), "with the questions in another order persons are on both "
            "sides; go by the persons' names, not by where they stand")  # fmt: skip
    return "nobody is on both sides, so a probe has to prove itself on people that it never met"
