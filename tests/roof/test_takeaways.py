"""The end of a lesson: sentences that its claims support, and a card of all that was measured."""

import pytest

import labkit as lab
from labkit.core.errors import OptionError
from labkit.suite import claims


@pytest.fixture(autouse=True)
def own_claims(monkeypatch):
    monkeypatch.setattr(claims, "_MEASURED", {})


def test_what_is_taken_along_is_rendered_from_claims(capsys):
    lab.claim("t/a", 0.25, at_least=0.1, says="a share")
    lab.claims("t", judged=False)("b", 3, "a number")
    lab.takeaways("It is {t/a:.0%}.", "It is {t/a:.2f}.", "It is {t/b}.", surprise="Not {t/b}.")
    shown = capsys.readouterr().out
    for text in (
        "1. It is 25%.",
        "3. It is 3.",
        "What surprised:* Not 3.",
        "all 1 hold, 1 measured",
        "a share",
        "≥ 0.1",
    ):
        assert text in shown, text


def test_a_sentence_without_a_claim_is_refused():
    lab.claim("t/a", 0.25, at_least=0.1)
    with pytest.raises(OptionError, match="quotes no claim"):
        lab.takeaways("{t/a}", "{t/a}", "It just is.", surprise="{t/a}")
    with pytest.raises(OptionError, match="quotes no claim"):
        lab.takeaways("{t/a}", "{t/a}", "{t/a}", surprise="{t/none}")
    with pytest.raises(OptionError, match="1 sentences were given"):
        lab.takeaways("{t/a}", surprise="{t/a}")
