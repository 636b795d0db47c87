"""Explorer: ask anything; how sure the answer is, what else the model would have said, and whether to believe it."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from labkit.core.results import Curve, Table, TokenScores
from labkit.explorers.controls import Action, Choice, Slider, Text
from labkit.explorers.panel import Explorer

BY_TOKEN = {
    "mean log-probability": ("probability", lambda answers: np.exp(answers.logprobs[0])),
    "entropy": ("entropy, nats", lambda answers: answers.entropies[0]),
    "margin": ("margin, nats", lambda answers: answers.margins[0]),
}
"""Detectors that score each token: what is drawn of it."""
BY_SAMPLES = ("self-consistency", "semantic entropy")
SAMPLES, REFERENCE = 10, 24
"""Answers drawn to each question; questions with known answers that set the threshold."""


def build(lm: Any = None, answers: Any = None) -> Explorer:
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
