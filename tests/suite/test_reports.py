import json
from dataclasses import replace
from xml.etree import ElementTree as Xml

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labkit.core.errors import NotebookError
from labkit.suite.offline import requests_of
from labkit.suite.outcomes import FAILED, STOPPED, Outcome, Problem, SuiteResult
from labkit.suite.pages import PLOTLY
from labkit.suite.records import ClaimRecord
from labkit.suite.reports import gigabytes, seconds, tally, when, write_gallery, write_reports

CLAIM = ClaimRecord(
    "a/one", 0.92, "at_least", 0.9, True, "one <b>says</b>", cell=1, accepted=0.90, least=0.9, most=0.95
)
CDN = "https://cdn.example.org/require.js"


@pytest.fixture
def run(tmp_path):
    """A run of three: one passed, one failed and planted a script from elsewhere, one was stopped."""
    figure = {"data": [{"y": [1, 2]}], "layout": {"height": 200}}
    outputs = [new_output("display_data", {PLOTLY: figure, "text/plain": "Curves: falls"})]
    planted = [new_output("display_data", {"text/html": f'<script src="{CDN}"></script>'})]
    for name, shown in (("01_good", outputs), ("02_bad", planted)):
        cells = [new_markdown_cell(f"# {name} <script>\nA promise.\n\nneeds: CPU"), new_code_cell("x", outputs=shown)]
        nbformat.write(new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    good = Outcome("notebooks/01_good.ipynb", seconds=3, peak_memory=10**9, claims=(CLAIM,), executed="01_good.ipynb",
                   budget_seconds=60, budget_memory=2 * 10**9)  # fmt: skip
    problem = Problem("error", "ZeroDivisionError <img src=x onerror=alert(1)>", 1, "Heads <i>", ("last <u>line",))
    bad = Outcome("notebooks/02_bad.ipynb", verdict=FAILED, seconds=90, problems=(problem,), executed="02_bad.ipynb",
                  budget_seconds=60, claims=(replace(CLAIM, value=0.1, holds=False),))  # fmt: skip
    stopped = Outcome("notebooks/03_late.ipynb", verdict=STOPPED)
    return SuiteResult((good, bad, stopped), started="2026-11-22T02:10:11+00:00", wall_seconds=60, jobs=2,
                       versions={"torch": "2.13.0"}, assets={"sotu": "f7ca"})  # fmt: skip


def test_the_report_shows_verdicts_claims_times_and_links(run, tmp_path):
    text = write_reports(run, tmp_path).read_text()
    assert "1 of 3 lessons passed" in text and "22 November 2026, 02:10 UTC" in text
    assert 'href="pages/01_good.html"' in text and 'href="pages/02_bad.html#cell-1"' in text
    assert "one &lt;b&gt;says&lt;/b&gt;" in text and "≥ 0.9" in text
    assert '<span class="">0.02</span> <span class="small">tolerance 0.05</span>' in text and "0.8<" in text
    assert "1 min 30 s" in text and "width:100.0%" in text and "1.0 GB" in text
    assert 'data-figures="pages/01_good.figures.js"' in text and "2.13.0" in text and "f7ca" in text
    assert "nothing of this notebook was executed" in text


def test_claims_with_a_problem_come_first_and_are_open(run, tmp_path):
    moved = replace(CLAIM, name="a/moved", says="it moved", accepted=0.5)
    lesson = replace(run.outcomes[0], verdict=FAILED, claims=(CLAIM, moved))
    text = write_reports(replace(run, outcomes=(lesson, run.outcomes[0])), tmp_path).read_text()
    assert text.index("a/moved") < text.index("a/one") and "1 of them with a problem" in text
    assert text.count('<details class="claims" open>') == 1


def test_a_changed_count_or_text_is_blamed_and_rounding_noise_is_not(run, tmp_path):
    count = ClaimRecord("a/count", 1001, "equals", 1001, True, accepted=1000)
    word = ClaimRecord("a/word", " Rome", "at_most", " Rome", True, accepted=" Paris")
    noise = ClaimRecord("a/noise", 5e-7, "at_most", 1e-3, True, accepted=3e-7)
    for claim, shown in ((count, "1"), (word, "changed")):
        lesson = replace(run.outcomes[0], claims=(noise, claim))
        text = write_reports(replace(run, outcomes=(lesson,)), tmp_path).read_text()
        assert "1 of them with a problem" in text and "must be equal" in text
        assert f'<span class="bad">{shown}</span>' in text and f'<td class="num bad">{shown}</td>' in text
    text = write_reports(replace(run, outcomes=(replace(run.outcomes[0], claims=(noise,)),)), tmp_path).read_text()
    assert "with a problem" not in text and "66" not in text.split("most moved claim")[2].split("</tr>")[0]


def test_what_moved_on_another_kind_is_listed_and_not_blamed(run, tmp_path):
    moved = replace(CLAIM, name="a/moved", says="it moved", accepted=0.5, least=0.49, most=0.5)
    kinds = [{"processor": name, "device": "cpu", "threads": 1, "torch": "2"} for name in ("AVX2", "AVX512")]
    lesson = replace(run.outcomes[0], claims=(CLAIM, moved), moved=("a/moved",), kind=kinds[0], accepted_kind=kinds[1])
    text = write_reports(replace(run, outcomes=(lesson,)), tmp_path).read_text()
    assert text.index("a/moved") < text.index("a/one") and "with a problem" not in text and "0.49 to 0.5" in text
    assert "1 claim moved" in text and "AVX2, cpu, 1 thread, torch 2" in text and "AVX512, cpu" in text


def test_what_was_only_measured_is_counted_apart_and_not_blamed(run, tmp_path):
    lesson = replace(run.outcomes[0], claims=(CLAIM, replace(CLAIM, name="a/measured", holds=None)))
    text = write_reports(replace(run, outcomes=(lesson,)), tmp_path).read_text()
    assert "all 1 hold, 1 measured" in text and '<td class="sign small">○</td>' in text
    assert "with a problem" not in text


def test_nothing_in_the_report_is_unescaped(run, tmp_path):
    text = write_reports(run, tmp_path).read_text()
    for bad in ("<script>\n", "01_good <script>", "<img src=x", "<u>line", "<i>"):
        assert bad not in text.split("<main")[1].split("</main>")[0]


def test_a_planted_cdn_link_is_named_in_the_report_and_the_report_itself_asks_nobody(run, tmp_path):
    text = write_reports(run, tmp_path).read_text()
    assert requests_of(text) == []
    assert f"asks another host for {CDN}: blocked in its page" in text
    assert requests_of((tmp_path / "pages/01_good.html").read_text()) == []


def test_every_link_of_the_report_leads_somewhere(run, tmp_path):
    from html.parser import HTMLParser
    from urllib.parse import unquote

    targets = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attrs):
            targets.extend(v for k, v in attrs if k in ("href", "src", "data-figures", "data-page"))

    run.write(tmp_path)
    Links().feed(write_reports(run, tmp_path).read_text())
    for target in targets:
        path, _, anchor = target.partition("#")
        page = tmp_path / unquote(path) if path else tmp_path / "report.html"
        assert page.exists(), target
        assert not anchor or f'id="{anchor}"' in page.read_text(), target
    assert len(targets) > 8


def test_junit_stands_beside_the_report(run, tmp_path):
    write_reports(run, tmp_path)
    root = Xml.parse(tmp_path / "junit.xml").getroot()
    assert [suite.get("name") for suite in root] == ["01_good", "02_bad", "03_late"]


def test_a_notebook_whose_page_cannot_be_made_does_not_cost_the_others_theirs(run, tmp_path):
    (tmp_path / "01_good.ipynb").write_text("{not json")
    text = write_reports(run, tmp_path).read_text()
    assert "is not JSON" in text and (tmp_path / "pages/02_bad.html").exists()


@pytest.mark.parametrize("make", [write_reports, lambda run, folder: write_gallery(run, folder, folder / "site")])
def test_a_folder_without_room_is_one_clear_line(run, tmp_path, monkeypatch, make):
    def full(path, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labkit.suite.pages.write", full)
    with pytest.raises(NotebookError, match="No space left on device; free some space"):
        make(run, tmp_path)


def test_runs_of_one_notebook_say_what_was_set(run, tmp_path):
    seeds = [replace(run.outcomes[0], parameters={"SEED": seed}) for seed in (0, 1)]
    text = write_reports(replace(run, outcomes=tuple(seeds)), tmp_path).read_text()
    assert "SEED = 0" in text and "SEED = 1" in text


def test_two_notebooks_of_one_name_have_two_pages(run, tmp_path):
    twice = replace(run, outcomes=(run.outcomes[0], run.outcomes[0]))
    write_reports(twice, tmp_path)
    assert (tmp_path / "pages/01_good-2.html").exists()


def test_lessons_stand_in_their_order_not_in_that_of_the_run(run, tmp_path):
    text = write_reports(replace(run, outcomes=run.outcomes[::-1]), tmp_path).read_text()
    assert text.index('id="01_good"') < text.index('id="02_bad"') < text.index('id="03_late"')


def test_a_report_can_be_written_again(run, tmp_path):
    first = write_reports(run, tmp_path).read_text()
    assert write_reports(run, tmp_path).read_text() == first


def test_the_gallery_is_a_site_of_its_own(run, tmp_path):
    site = tmp_path / "site"
    text = write_gallery(run, tmp_path, site).read_text()
    assert 'href="01_good.html"' in text and "A promise." in text and "needs: CPU" not in text
    assert "this run did not pass" in text and "03_late" not in text
    assert requests_of(text) == [] and "../" not in text
    assert 'href="index.html"' in (site / "01_good.html").read_text() and (site / "plotly.min.js").exists()


def test_an_empty_run_has_a_report(tmp_path):
    assert "nothing was run" in write_reports(SuiteResult(), tmp_path).read_text()


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0.0 s"),
        (4.23, "4.2 s"),
        (59.4, "59 s"),
        (59.9, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3725, "1 h 02 min"),
        (None, ""),
    ],
)
def test_seconds_read_well(value, text):
    assert seconds(value) == text


def test_other_amounts_read_well():
    assert [gigabytes(v) for v in (0, None, 3e8, 9.6e8, 2.31e9)] == ["", "", "300 MB", "1.0 GB", "2.3 GB"]
    assert when("soon") == "soon" and tally(SuiteResult((Outcome("a.ipynb"),))) == "the lesson passed"
    assert tally(SuiteResult((Outcome("a.ipynb"),) * 2, interrupted=True)).endswith("then the run was interrupted")


def test_results_json_reads_back_as_what_was_reported(run, tmp_path):
    run.write(tmp_path)
    assert SuiteResult.read(tmp_path).outcomes[1].problems == run.outcomes[1].problems
    assert json.loads((tmp_path / "results.json").read_text())["assets"] == {"sotu": "f7ca"}
