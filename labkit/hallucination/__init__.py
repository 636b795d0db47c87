"""Hallucination: which answers of a model are wrong, and what could have told us so.

    qs      = questions("capitals", n=60)           # Question: text, answer, aliases, topic, entity, kind, frequency, group
    answers = ask(lm, qs, samples=10)               # Answers: texts, samples, logprobs, hidden … one row for each question
    wrong   = answers.wrong                         # (question,) bool, by grade(text, question)
    doubt   = DETECTORS["semantic entropy"](answers)     # (question,) higher = more likely wrong
    result  = score(wrong, doubt)                   # .auroc .auprc .prr: value, low, high; .coverage .risk
    gain    = compare(wrong, doubt, other)          # paired difference of AUROC

Reads   a LanguageModel; facts of installed packages; `data/hallucination`.
Gives   Questions, Answers, scores of doubt, Scores, Tables.
Ignores how a model was trained and how results are drawn.

Questions of one's own (a closed world): `Question(text, answer, topic=…, entity=…, prompt="Ann was born in", stop=".")`;
with `prompt` the model reads that text alone. `entity` must stand in the prompt for the states at the entity's token.
A tiny model that can only complete sentences: `ask(lm, qs, look=("states",))`. `doubts(answers)` gives the scores of
all detectors that the answers allow, `table(wrong, doubts(answers))` their table.
"""

from .answers import POSITIONS, Answers
from .asking import ask
from .clusters import by_embedding, by_words, embed, entropy, probabilities
from .detectors import DETECTORS, Detector, detectors, doubts
from .grading import Verdict, grade, normalise
from .questions import Question, prompt_of, questions, topics
from .scoring import Measure, Scores, compare, risk_curves, score, table

__all__ = [
    "Answers", "DETECTORS", "Detector", "Measure", "POSITIONS", "Question", "Scores", "Verdict", "ask", "by_embedding",
    "by_words", "compare", "detectors", "doubts", "embed", "entropy", "grade", "normalise", "probabilities",
    "prompt_of", "questions", "risk_curves", "score", "table", "topics",
]  # fmt: skip
