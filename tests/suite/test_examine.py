"""An examination: how far a model's numbers are from the accepted ones, in ranges of their seeds, on one page."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labkit.core.errors import NotebookError
from labkit.core.results import Table
from labkit.suite.examine import Measured, examined, lessons_of_models, most_different, write_examination
from labkit.suite.outcomes import FAILED, Outcome, Problem, SuiteResult
from labkit.suite.records import ClaimRecord

CARD = Table(("fact", "value"), (("parameters", "1,000"), ("name", "<i>own</i>")), title="own <b>model</b>")


def one(name: str, value: float, **facts) -> ClaimRecord:
    return ClaimRecord(f"a/{name}", value, "at_least", 0.1, None, f"{name} <b>says</b>", **facts)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A lesson that measured three numbers with a baseline for two, one that refused, and one without MODEL."""
    monkeypatch.chdir(tmp_path)
    for name, parameter in (
        ("01_good", "MODEL: str = 'x'"),
        ("02_bad", "MODEL: str = 'x'"),
        ("03_none", "SEED: int = 0"),
    ):
        cells = [new_markdown_cell(f"# {name}"), new_code_cell(parameter, metadata={"tags": ["parameters"]})]
        nbformat.write(new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    (tmp_path / "baselines").mkdir()
    kept = {"a/far": {"value": 2.0, "least": 1.9, "most": 2.1}, "a/near": {"value": 2.0, "least": 1.0, "most": 3.0}}
    profile = {"claims": kept, "seconds": 1, "peak_memory": 1}
    (tmp_path / "baselines/01_good.json").write_text(json.dumps({"profiles": {"fast": profile}}))
    claims = (one("near", 2.5), one("far", 3.0), one("new", 7.0))
    good = Outcome("01_good.ipynb", "fast", claims=claims, executed="01_good.ipynb", seconds=3)
    sentence = "ModelError: 'own' is <an encoder>; give MODEL a decoder-only one"
    bad = Outcome("02_bad.ipynb", "fast", FAILED, problems=(Problem("error", sentence, 3, "2 · heads"),))
    return SuiteResult((bad, good), profile="fast")


def test_distances_are_in_ranges_of_the_seeds_and_the_furthest_comes_first(run):
    good, bad = examined(run)
    assert [row.units for row in good.rows] == [None, pytest.approx(5.0), None], "near is inside, new has no range"
    assert [row.claim.name for row in most_different([bad, good])] == ["a/far"]


@pytest.mark.parametrize(
    "facts, units",
    [
        ({"accepted": 3.0, "least": 3.0, "most": 3.0}, None),
        ({"accepted": 2.0, "least": 2.0, "most": 2.0}, 50.0),
        ({"accepted": 2.0, "least": 1.9, "most": 2.1, "tolerance": 0.5}, 2.0),
        ({"accepted": 0.0, "least": 0.0, "most": 0.0}, None),
        ({"accepted": "L3H1"}, None),
        ({}, None),
    ],
)
def test_units_at_their_limits(facts, units):
    """Nothing moved; no scatter: a hundredth of the value; the tolerance; nothing to divide by; no number."""
    found = Measured("a", one("x", 3.0, **facts), None).units
    assert found == (None if units is None else pytest.approx(units))


def test_only_lessons_with_a_model_are_taken_and_none_is_an_error(run, tmp_path):
    paths = sorted(tmp_path.glob("*.ipynb"))
    assert [path.stem for path in lessons_of_models(paths)] == ["01_good", "02_bad"]
    with pytest.raises(NotebookError, match="none of 1 notebooks has a parameter MODEL"):
        lessons_of_models(paths[2:])


def test_the_page_has_card_refusal_numbers_of_all_three_and_links_and_escapes_everything(run, tmp_path):
    against = SuiteResult((Outcome("01_good.ipynb", "fast", claims=(one("far", 4.321),)),))
    page = write_examination(CARD, run, tmp_path / "out", other="<other>", against=against)
    text = page.read_text()
    assert (page.parent / "report.html").exists()
    for shown in ("own &lt;b&gt;model", "&lt;i&gt;own", "far &lt;b&gt;says", "&lt;an encoder&gt;", "<th>&lt;other&gt;"):
        assert shown in text
    for shown in ("<b>3</b>", ">4.321<", ">1.9 to 2.1<", ">5.0</td>", "cell 3, &#34;2 · heads&#34;: ModelError"):
        assert shown in text, shown
    assert text.index("does not pass") < text.index("What differs most") < text.index("a/new")
    alone = write_examination(CARD, run, tmp_path / "alone").read_text()
    assert "&lt;other&gt;" not in alone and "4.321" not in alone
