"""Hallucination: which answers of a model are wrong, and what could have told us so.

    qs      = questions("capitals", n=60)           # Question: text, answer, aliases, topic, entity, kind, frequency
    answers = ask(lm, qs, samples=10)               # Answers: texts, samples, logprobs, hidden …
    wrong   = answers.wrong                         # (question,) bool, by grade(text, question)
    doubt   = DETECTORS["semantic entropy"](answers)     # (question,) higher = more likely wrong
    result  = score(wrong, doubt)                   # .auroc .auprc .prr: value, low, high; .coverage .risk
    gain    = compare(wrong, doubt, other)          # paired difference of AUROC
    found   = probe(answers, token="last")          # hidden-state probe; .controls always with it; .table() .curves()
    good    = calibration(wrong, confidence(answers))    # .brier .ece, reliability; fit_temperature on other answers

Reads   a LanguageModel; facts of installed packages; `data/hallucination`.
Gives   Questions, Answers, scores of doubt, Scores, Tables.
Ignores how a model was trained and how results are drawn.

Questions of one's own (a closed world): `Question(text, answer, topic=…, entity=…, prompt="Ann was born in",
stop=".")`; with `prompt` the model reads that text alone, and `entity` must stand in it. A tiny model that can only
complete sentences: `ask(lm, qs, look=("states", "control"))`. `doubts(answers)` gives the scores of all detectors that
the answers allow, `table(wrong, doubts(answers))` their table.
"""

from .answers import POSITIONS, Answers
from .asking import ask
from .calibration import Calibration, calibration, confidence, fit_temperature, reliability, scaled
from .clusters import by_embedding, by_words, embed, entropy, probabilities
from .detectors import DETECTORS, Detector, detectors, doubts
from .grading import Verdict, grade, normalise
from .probes import Probe, probe
from .questions import Question, prompt_of, questions, topics
from .scoring import Measure, Scores, compare, risk_curves, score, table

__all__ = [
    "Answers", "Calibration", "DETECTORS", "Detector", "Measure", "POSITIONS", "Probe", "Question", "Scores", "Verdict",
    "ask", "by_embedding", "by_words", "calibration", "compare", "confidence", "detectors", "doubts", "embed",
    "entropy", "fit_temperature", "grade", "normalise", "probabilities", "probe", "prompt_of", "questions",
    "reliability", "risk_curves", "scaled", "score", "table", "topics",
]  # fmt: skip
