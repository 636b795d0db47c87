"""The explorer of answers: the model is asked once for each question and draw, whatever is then made of its answer."""

import labkit.hallucination as room
from labkit.lessons.lesson_10 import hallucination

from .conftest import answers_of


def test_another_detector_or_risk_asks_nothing_anew(monkeypatch):
    asked = []

    def ask(model, questions, **options):
        asked.append((questions[0].text, options["samples"]))
        return answers_of(1, count=4)

    monkeypatch.setattr(room, "ask", ask)
    explorer = hallucination("a model", answers_of(40))
    assert len(list(explorer.parts())) == 2  # first the answer alone, then all
    for change in ({"risk": 0.8}, {"detector": "entropy"}, {"detector": "semantic entropy", "risk": 0.05}):
        assert len(list(explorer.set(**change).parts())) == 1
    assert len(asked) == 2
    explorer.set(question="What is the capital of Mali?").results()
    assert asked[2:] == [("What is the capital of Mali?", 0), ("What is the capital of Mali?", 10)]


def test_the_verdict_stands_in_numbers(monkeypatch):
    monkeypatch.setattr(room, "ask", lambda *_, **__: answers_of(1, count=4))
    verdict = hallucination("a model", answers_of(40)).set(risk=0.9).results()[2]
    doubt, accepted = verdict.rows[0][1:3]
    assert isinstance(doubt, float) and isinstance(accepted, float) and verdict.rows[0][3] == "answer"
