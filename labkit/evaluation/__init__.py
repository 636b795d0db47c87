"""Evaluation: how answers are judged, and how sure the judgement is.

    qs     = questions("capitals", n=60)                 # Question: text, answer, topic, entity, frequency …
    right  = [grade(text, q).right for text, q in zip(texts, qs)]
    share  = bootstrap(np.mean, right, groups=topic)     # Measure: value, low, high; topics are drawn whole
    gain   = difference(after, before, groups=person)    # the same items twice
    stand  = discoveries([p_value(a, b) for a, b in pairs])      # Benjamini–Hochberg
    result = score(wrong, doubt)                         # .auroc .auprc .prr, each a Measure; .coverage .risk
    good   = calibration(wrong, confidence)              # .brier .ece, reliability; fit_temperature on other answers

Reads   answers, marks and scores as arrays; facts of installed packages; `data/hallucination`.
Gives   Questions, grades, Measures, Scores, Tables and Curves.
Ignores models, and what a study is about.

Questions of one's own: `Question(text, answer, topic=…, entity=…, prompt="Ann was born in", stop=".")`; with `prompt`
a model reads that text alone, and `entity` must stand in it.
"""

from .facts import prefix_of, prompt_of, questions, topics
from .grading import Grade, grade, normalise
from .intervals import Measure, bootstrap, difference, discoveries, interval, p_value, wilson
from .question import Question
from .reliability import Reliability, calibration, fit_temperature, reliability, scaled
from .scoring import Scores, auroc, checked, compare, risk_coverage, risk_curves, score, table
from .shares import share_bars, share_curve

__all__ = [
    "Grade", "Measure", "Question", "Reliability", "Scores", "auroc", "bootstrap", "calibration", "checked",
    "compare", "difference", "discoveries", "fit_temperature", "grade", "interval", "normalise", "p_value",
    "prefix_of", "prompt_of", "questions", "reliability", "risk_coverage", "risk_curves", "scaled",
    "score", "share_bars", "share_curve", "table", "topics", "wilson",
]  # fmt: skip
