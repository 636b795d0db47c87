"""Lesson 10 with a model of one's own that knows nothing: it says so, goes on with the lesson's, and claims hold."""

from pathlib import Path

import pytest

from tests.tiny import byte_tokenizer, make_llama

LESSON = Path(__file__).resolve().parents[2] / "notebooks" / "10_hallucination.ipynb"

pytestmark = [pytest.mark.notebooks, pytest.mark.weights, pytest.mark.long, pytest.mark.timeout(1200)]


def test_a_model_that_is_right_about_nothing_hands_over(tmp_path):
    import papermill

    from labkit.suite.claims import collect

    make_llama(context=1024).save_pretrained(tmp_path / "own")
    byte_tokenizer().save_pretrained(tmp_path / "own")
    parameters = {"MODEL": str(tmp_path / "own"), "FAST": True}
    book = papermill.execute_notebook(LESSON, tmp_path / "out.ipynb", parameters, progress_bar=False, cwd=tmp_path)
    said = "".join(output.get("text", "") for cell in book.cells for output in cell.get("outputs", ()))
    assert "0 of 56 answers are right, but to tell the two apart takes 2 or more of each kind" in said
    assert "From here on smollm2-135m answers." in said
    claims = {claim.name: claim for claim in collect(book.cells)}
    assert {name for name, claim in claims.items() if claim.holds is False} == set()
    assert claims["hallucination/capitals"].value == 0 and claims["hallucination/logprob"].value > 0.5
