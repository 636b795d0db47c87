"""Claims: bounds at their limits, records that survive a notebook, text that stays text."""

import math
from dataclasses import replace

import nbformat
import numpy as np
import papermill
import pytest

import labkit as lab
from labkit.core.errors import OptionError
from labkit.suite import claims
from labkit.suite.baselines import check_claims
from labkit.suite.outcomes import Outcome


def made(value, **bound):
    lab.claim("test/one", value, **bound)
    return claims.measured()["test/one"]


@pytest.mark.parametrize(
    "value, bound, holds",
    [
        (1, {"at_least": 1}, True),
        (0.999, {"at_least": 1}, False),
        (1, {"at_most": 1}, True),
        (1.001, {"at_most": 1}, False),
        (0, {"at_least": 0}, True),
        (0.7, {"within": (0.7, 0.85)}, True),
        (0.85, {"within": [0.7, 0.85]}, True),
        (0.86, {"within": (0.7, 0.85)}, False),
        (" Paris", {"equals": " Paris"}, True),
        (" paris", {"equals": " Paris"}, False),
        (False, {"equals": False}, True),
        (np.int64(3), {"equals": 3}, True),
        (np.float32(0.5), {"at_least": np.float64(0.5)}, True),
        (np.array(2.0), {"at_most": 2}, True),
        (math.nan, {"at_least": 0}, False),
        (math.inf, {"at_least": 0}, False),
        (math.nan, {"equals": 0}, False),
    ],
)
def test_a_bound_holds_up_to_its_end_and_not_beyond(value, bound, holds):
    assert made(value, **bound).holds is holds


def test_what_is_not_judged_is_shown_and_recorded_and_neither_holds_nor_fails(capsys):
    finding = lab.claims("test", judged=False)
    for name, value in (("low", 0.1), ("high", 0.9), ("none", math.nan)):
        finding(name, value, "so much", at_least=0.5)
    assert [claims.measured()[f"test/{name}"].holds for name in ("low", "high", "none")] == [None] * 3
    assert claims.measured()["test/low"].bound == 0.5
    assert capsys.readouterr().out.splitlines()[0] == "○ so much: 0.1 (measured, not judged)"
    lab.claims("test")("judged", 0.9, "so much", at_least=0.5)
    assert claims.measured()["test/judged"].holds is True


def test_a_torch_scalar_is_a_number():
    import torch

    assert made(torch.tensor(0.25), at_most=0.25).value == 0.25


def test_a_value_that_is_not_finite_is_recorded_as_none_because_json_has_no_nan():
    assert made(math.nan, at_most=1).value is None


@pytest.mark.parametrize(
    "value, bound, message",
    [
        (1, {}, "exactly one"),
        (1, {"at_least": 0, "at_most": 2}, "exactly one"),
        (1, {"within": (2, 1)}, "holds for nothing"),
        (1, {"within": 3}, "two numbers"),
        (1, {"within": (1, 2, 3)}, "two numbers"),
        (1, {"at_least": "a"}, "one number"),
        (1, {"at_least": math.nan}, "one number"),
        ("a", {"at_least": 0}, "compares numbers"),
        (True, {"at_least": 0}, "compares numbers"),
        ([1, 2], {"at_least": 0}, "reduce it first"),
        (np.ones(3), {"at_least": 0}, "reduce it first"),
        (None, {"equals": 0}, "reduce it first"),
        (1, {"at_least": 0, "tolerance": -1}, "tolerance"),
    ],
)
def test_a_claim_that_makes_no_sense_says_what_to_do(value, bound, message):
    with pytest.raises(OptionError, match=message):
        lab.claim("test/bad", value, **bound)


def test_a_value_without_a_bound_is_a_measurement_that_no_run_complains_of(capsys):
    measure = lab.claims("test", judged=False)
    measure("free", 0.1, "so much")
    measure("odd", math.nan, "nothing")
    assert capsys.readouterr().out.splitlines()[0] == "○ so much: 0.1 (measured)"
    free, odd = (claims.measured()[name] for name in ("test/free", "test/odd"))
    assert (free.holds, free.relation, free.bound, odd.value, odd.bound) == (None, "measured", 0.1, None, None)
    outcome = Outcome("x.ipynb", claims=(free,))
    assert check_claims(outcome, own=True).problems == ()
    assert check_claims(replace(outcome, claims=(replace(free, relation="at_most"),)), own=True).problems


def test_a_claim_without_a_name_is_refused():
    with pytest.raises(OptionError, match="name"):
        lab.claim(" ", 1, at_least=0)


def test_in_plain_python_a_claim_prints_its_verdict(capsys):
    lab.claim("test/plain", 0.25, at_most=0.2, says="small")
    assert capsys.readouterr().out == "✘ small: 0.25 (≤ 0.2)\n"


def test_a_yes_needs_no_bound_and_a_no_says_what_it_must_be(capsys):
    lab.claim("test/yes", True, equals=True)
    lab.claim("test/no", False, equals=True)
    assert capsys.readouterr().out == "✔ test/yes: yes\n✘ test/no: no (must be yes)\n"


def test_prose_takes_its_figures_from_claims(capsys):
    lab.claim("test/1.5x/rate", 0.12345, at_most=1)
    lab.claim("test/count", 1234, equals=1234)
    capsys.readouterr()
    lab.says("rate {test/1.5x/rate:.1%} of {test/count}, braces {{}}")
    assert capsys.readouterr().out == "rate 12.3% of 1,234, braces {}\n"


def test_prose_about_a_claim_that_was_not_made_is_refused_with_the_closest():
    lab.claim("test/known_name", 1, equals=1)
    with pytest.raises(OptionError, match="did you mean 'test/known_name'"):
        lab.says("{test/known_nam}")
    with pytest.raises(OptionError, match="format"):
        lab.says("{test/known_name:zz}")


NASTY = "<script>alert(1)</script>"


def test_a_notebook_keeps_the_records_and_shows_nasty_text_as_text(tmp_path):
    code = f"""
import labkit as lab
lab.claim("test/{NASTY}", "{NASTY}", equals="no", says="{NASTY}")
lab.claim("test/nan", float("nan"), at_most=1)
lab.says("value {{test/{NASTY}}}")
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# a"), nbformat.v4.new_code_cell(code)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "a.ipynb")
    done = papermill.execute_notebook(tmp_path / "a.ipynb", tmp_path / "b.ipynb", progress_bar=False)

    first, second = claims.collect(nbformat.read(tmp_path / "b.ipynb", as_version=4).cells)
    assert (first.name, first.value, first.holds, first.cell) == (f"test/{NASTY}", NASTY, False, 1)
    assert (second.value, second.holds) == (None, False)
    shown = [output for output in done.cells[1].outputs if output.output_type == "display_data"]
    assert len(shown) == 3
    for output in shown:
        rich = output.data.get("text/html") or output.data.get("text/markdown")
        assert "<script" not in rich
    assert "&lt;script&gt;" in shown[0].data["text/html"]
    assert shown[2].metadata.labkit.says == [f"test/{NASTY}"]
