"""What a model reads of a question: the examples of its topic, then the question.

Reads   a Question.
Gives   a text.
Ignores models.
"""

from .facts import shots
from .question import Question


def prompt_of(question: Question) -> str:
    """What the model reads: the topic's two examples with their answers, then the question; or its own prompt.

    Source: Brown et al. 2020 (examples in the prompt).
    """
    return question.prompt or prefix_of(question) + f"Question: {question.text}\nAnswer:"


def prefix_of(question: Question) -> str:
    """The examples that questions of one topic share."""
    if question.prompt:
        return question.shared
    pairs = shots().get(question.topic, ())
    return "".join(f"Question: {asked}\nAnswer: {answer}\n\n" for asked, answer in pairs)
