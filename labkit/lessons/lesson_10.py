"""Lesson 10: semantic entropy, a threshold for a risk, a split without a leak."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from labkit.core.results import Curve, Table, TokenScores
from labkit.explorers.controls import Action, Choice, Slider, Text
from labkit.explorers.panel import Explorer, explorer
from labkit.suite.exercises import array, call, exercise, number, require

from .mutations import mutation


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


@exercise(
    "10.1",
    "Semantic entropy",
    wrong=[
        (bits, "that is in bits; use the natural logarithm"),
        (turned_sign, "the sign is turned: entropy is minus the sum of p · log p"),
        (
            number_of_meanings,
            "the meanings count as if equally frequent; a share is how many samples have it",
        ),
        (over_samples, "one term for each meaning"),
        (lambda classes: [float(p) for p in shares(classes)], "should be one number"),
    ],
)
def semantic_entropy(answer):
    """`answer(classes)` → entropy of the classes' shares, in nats."""
    alike = number(call(answer, [0] * 10), what="the semantic entropy of ten samples that mean the same")
    require(
        abs(alike) < 1e-9, f"ten samples of one meaning have entropy 0, not {alike:.3g}; one class has all the share"
    )
    apart = number(call(answer, [0, 1, 2, 3]), what="the semantic entropy of four meanings")
    require(abs(apart - np.log(4)) < 1e-6, f"four different meanings have log 4 = {np.log(4):.4f}, not {apart:.4f}; "
            "sum p · log p over the classes")  # fmt: skip
    uneven = [5, 5, 5, 0, 0, 9]
    right = float(-sum(p * np.log(p) for p in (3 / 6, 2 / 6, 1 / 6)))
    found = number(call(answer, uneven), what=f"the semantic entropy of {uneven}")
    require(abs(found - right) < 1e-6, f"the classes {uneven} have {right:.4f}, not {found:.4f}; one term for each "
            "meaning, not for each sample, and the number of a class has no meaning itself")  # fmt: skip
    return "0 for one meaning, log n for n equal ones, and shares count"


def among_all(wrong, doubt, risk):
    wrong, doubt = np.asarray(wrong), np.asarray(doubt)
    return max((t for t in np.unique(doubt) if (wrong & (doubt <= t)).sum() / len(wrong) <= risk), default=-np.inf)


def below_only(wrong, doubt, risk):
    wrong, doubt = np.asarray(wrong), np.asarray(doubt)
    kept = [t for t in np.unique(doubt) if (doubt < t).any() and wrong[doubt < t].mean() <= risk]
    return max(kept, default=-np.inf)


def strict(wrong, doubt, risk):
    wrong, doubt = np.asarray(wrong), np.asarray(doubt)
    return max((t for t in np.unique(doubt) if not wrong[doubt <= t].any()), default=-np.inf)


def stops_at_first(wrong, doubt, risk):
    wrong, doubt = np.asarray(wrong), np.asarray(doubt)
    best = -np.inf
    for t in np.unique(doubt):
        if wrong[doubt <= t].mean() > risk:
            break
        best = t
    return best


def one_by_one(wrong, doubt, risk):
    order = np.argsort(doubt, kind="stable")
    risks = np.cumsum(np.asarray(wrong)[order]) / np.arange(1, len(order) + 1)
    kept = np.flatnonzero(risks <= risk)
    return np.asarray(doubt)[order][kept[-1]] if len(kept) else -np.inf


@exercise(
    "10.2",
    "A threshold for a risk",
    wrong=[
        (among_all, "count the wrong ones among those given"),
        (below_only, "count the wrong ones among those given"),
        (strict, "safe but too strict"),
        (stops_at_first, "do not stop at the first that fails"),
        (one_by_one, "equal scores pass together"),
    ],
)
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


def random_questions(persons):
    return np.random.default_rng(0).random(len(persons)) < 0.25


def last_quarter(persons):
    return np.arange(len(persons)) >= 0.75 * len(persons)


def one_person(persons):
    return np.asarray(persons) == persons[0]


@exercise(
    "10.3",
    "A split without a leak",
    wrong=[
        (random_questions, "persons are on both sides"),
        (last_quarter, "in another order persons are on both sides"),
        (one_person, "keep about a quarter"),
        (lambda persons: np.zeros(len(persons), bool), "one side is empty"),
        (lambda persons: np.unique(persons)[:10], "should hold numbers"),
    ],
)
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


BY_TOKEN = {
    "mean log-probability": ("probability", lambda answers: np.exp(answers.logprobs[0])),
    "entropy": ("entropy, nats", lambda answers: answers.entropies[0]),
    "margin": ("margin, nats", lambda answers: answers.margins[0]),
}
"""Detectors that score each token: what is drawn of it."""
BY_SAMPLES = ("self-consistency", "semantic entropy")
SAMPLES, REFERENCE = 10, 24
"""Answers drawn to each question; questions with known answers that set the threshold."""


@explorer
def hallucination(lm: Any = None, answers: Any = None) -> Explorer:
    """Type a question, choose a detector and a risk.

    Args:
        lm: a LanguageModel.
        answers: Answers whose marks set the threshold; None = it is asked for some capitals.
    """
    from labkit.hallucination import Question, ask, questions
    from labkit.models import load

    model = lm or load("smollm2-135m")

    drawn: dict[tuple[str, int], Any] = {}

    @cache
    def known() -> Any:
        return answers or ask(model, questions("capitals", n=REFERENCE), samples=5, max_tokens=12, look=())

    def draw(question: str, detector: str, risk: float, again: int) -> Iterator[list]:
        if (question, again) not in drawn:  # another detector or risk asks nothing anew
            asked = Question(question, "", "capitals", kind="refusal")  # the topic's examples ask for a short answer
            yield [coloured(ask(model, [asked], samples=0, max_tokens=12, look=()), detector)]
            drawn[question, again] = ask(model, [asked], samples=SAMPLES, max_tokens=12, seed=again, look=())
        said = drawn[question, again]
        yield [coloured(said, detector), meanings(said), *judged(said, known(), detector, risk)]

    return Explorer(
        title="Should you believe it?",
        note="The answer's tokens, what ten draws mean, and what the detector says at the risk that you accept.",
        controls=(
            Text("question", "What is the capital of Kenya?", label="Question"),
            Choice("detector", "mean log-probability", (*BY_TOKEN, *BY_SAMPLES), label="Detector"),
            Slider("risk", 0.3, 0.05, 0.9, 0.05, label="Wrong answers accepted, share"),
            Action("again", label="Draw again"),
        ),
        draw=draw,
    )


def coloured(said: Any, detector: str) -> TokenScores:
    """The greedy answer, each token coloured by what the detector reads of it; one that reads samples: probability."""
    quantity, values = BY_TOKEN.get(detector, BY_TOKEN["mean log-probability"])
    high = 1.0 if quantity == "probability" else None
    return TokenScores(said.tokens[0], values(said), quantity, title=said.questions[0].text[:80], low=0.0, high=high)


def meanings(said: Any) -> Table:
    """The samples by what they mean, the most frequent meaning first."""
    from labkit.hallucination import by_words, probabilities

    classes, texts = by_words(said)[0], said.samples[0]
    share = probabilities(classes)
    firsts = list(dict.fromkeys(classes))
    rows = [
        (texts[classes.index(c)] or "(nothing)", classes.count(c), float(p)) for c, p in zip(firsts, share, strict=True)
    ]
    rows.sort(key=lambda row: -row[1])
    return Table(("meaning", "samples", "share"), tuple(rows), title=f"What {len(texts)} draws mean")


def judged(said: Any, known: Any, detector: str, risk: float) -> list:
    """The verdict, and where its threshold lies on the risk–coverage curve of questions with known answers."""
    from labkit.hallucination import DETECTORS, risk_curves
    from labkit.hallucination.cures import threshold_for

    doubt, doubts, wrong = DETECTORS[detector](said)[0], DETECTORS[detector](known), known.wrong
    if wrong.all() or not wrong.any():  # nothing to choose a threshold from
        why = f"all {len(wrong)} questions with known answers are answered {'wrong' if wrong.all() else 'right'}"
        rows = ((said.texts[0] or "(nothing)", float(doubt), "no threshold"),)
        return [Table(("it says", f"doubt ({detector})", "verdict"), rows, title="No verdict", notes=(why,))]
    limit = threshold_for(wrong, doubts, risk)
    passes = doubts <= limit
    verdict = "answer" if doubt <= limit else "refuse"
    accepted = "no doubt is small enough" if np.isinf(limit) else limit  # a number stands right, as the doubt does
    rows = ((said.texts[0] or "(nothing)", float(doubt), accepted, verdict),)
    columns = ("it says", f"doubt ({detector})", "largest doubt accepted", "verdict")
    curves, share = risk_curves(wrong, {detector: doubts}), float(passes.mean())
    reached = float(wrong[passes].mean()) if passes.any() else 0.0
    there = Curve("your threshold", np.array([share]), np.array([reached]), points_only=True)
    title = f"{len(known)} questions with known answers"
    return [Table(columns, rows, title="Verdict"), replace(curves, curves=(*curves.curves, there), title=title)]


@mutation("hallucination/told_never", "text.people:Person.sentences")
def never_told_is_told_after_all(real, person):
    return real(replace(person, exposure=person.exposure or 30))


@mutation("hallucination/reversed", "text.people:Person.sentences")
def told_forwards_whatever_was_asked(real, person):
    return real(replace(person, told=type(person).told))


@mutation("hallucination/logprob_low", "hallucination.detectors:Detector.__call__")
def a_threshold_of_doubt_upside_down(real, detector, answers):
    return -real(detector, answers)
