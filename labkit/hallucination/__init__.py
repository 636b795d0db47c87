"""Hallucination: which answers of a model are wrong, and what could have told us so.

    qs      = questions("capitals", n=60)           # Question: text, answer, aliases, topic, entity, kind, frequency
    answers = ask(lm, qs, samples=10)               # Answers: texts, samples, logprobs, hidden …
    wrong   = answers.wrong                         # (question,) bool, by grade(text, question)
    doubt   = DETECTORS["semantic entropy"](answers)     # (question,) higher = more likely wrong
    result  = score(wrong, doubt)                   # .auroc .auprc .prr: value, low, high; .coverage .risk
    gain    = compare(wrong, doubt, other)          # paired difference of AUROC
    found   = probe(answers, token="last")          # hidden-state probe; .controls always with it; .table() .curves()
    good    = calibration(wrong, confidence(answers))    # .brier .ece, reliability; fit_temperature on other answers

Reads   a LanguageModel, Questions.
Gives   Answers, scores of doubt, Scores, Tables.
Ignores how a model was trained and how results are drawn.

A tiny model that can only complete sentences: `ask(lm, qs, look=("states", "control"))`. `doubts(answers)` gives the
scores of all detectors that the answers allow, `table(wrong, doubts(answers))` their table. Questions, grading and
scoring are `labkit.evaluation`'s, told here by their names because a study of answers needs them in each line.
"""

from labkit.evaluation import (
    Question,
    calibration,
    compare,
    fit_temperature,
    grade,
    normalise,
    prompt_of,
    questions,
    reliability,
    risk_curves,
    scaled,
    score,
    table,
    topics,
)

from .answers import POSITIONS, Answers, confidence
from .asking import ask
from .clusters import by_embedding, by_words, entropy, probabilities
from .detectors import DETECTORS, Detector, detectors, doubts
from .probes import Probe, probe

__all__ = [
    "Answers", "DETECTORS", "Detector", "POSITIONS", "Probe", "Question", "ask", "by_embedding", "by_words",
    "calibration", "compare", "confidence", "detectors", "doubts", "entropy", "fit_temperature", "grade",
    "normalise", "probabilities", "probe", "prompt_of", "questions", "reliability", "risk_curves", "scaled", "score",
    "table", "topics",
]  # fmt: skip
