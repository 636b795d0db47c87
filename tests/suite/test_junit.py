from dataclasses import replace
from xml.etree import ElementTree as Xml

from labkit.suite.junit import junit
from labkit.suite.outcomes import FAILED, STOPPED, Outcome, Problem, SuiteResult
from labkit.suite.records import ClaimRecord

GOOD = ClaimRecord("attention/rows", 1e-8, "at_most", 1e-3, True)
BAD = ClaimRecord("attention/head", 0.5, "at_least", 0.9, False)
COUNTS = ("tests", "failures", "errors", "skipped")

# The schema that CI systems share (Jenkins' junit-10.xsd): element → its attributes and children.
SCHEMA = {
    "testsuites": ({"name", "time", "tests", "failures", "disabled", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id",
                   "package"}, {"properties", "testcase", "system-out", "system-err"}),
    "properties": (set(), {"property"}), "property": ({"name", "value"}, set()),
    "testcase": ({"name", "assertions", "time", "classname", "status"},
                 {"skipped", "error", "failure", "system-out", "system-err"}),
    "failure": ({"type", "message"}, set()), "error": ({"type", "message"}, set()), "skipped": ({"message"}, set()),
}  # fmt: skip


def breaches(element) -> list[str]:
    """Where a document breaks the schema."""
    attributes, children = SCHEMA[element.tag]
    found = [f"{element.tag}: attribute {name}" for name in set(element.keys()) - attributes]
    found += [f"{element.tag}: no name" for _ in [0] if "name" in attributes and not element.get("name")]
    for child in element:
        found += breaches(child) if child.tag in children else [f"{element.tag}: element {child.tag}"]
    return found


def run_of(*outcomes, **more):
    return SuiteResult(outcomes, started="2026-11-22T02:10:11+00:00", **more)


def parsed(*outcomes):
    return Xml.fromstring(junit(run_of(*outcomes)).encode())


FAILING = Outcome(
    "notebooks/02_attention.ipynb", verdict=FAILED, seconds=2.5, claims=(GOOD, BAD),
    problems=(Problem("claim", "attention/head: 0.5 is not ≥ 0.9", 3, "Heads"),
              Problem("error", "ZeroDivisionError: 1/0", 5, "Try it", ("line 1", "\x1b[31mred\x00"))),
)  # fmt: skip
PASSING = Outcome("notebooks/01_tokenization.ipynb", seconds=1.0, claims=(GOOD,))


def test_the_document_keeps_the_schema():
    assert breaches(parsed(FAILING, PASSING, replace(PASSING, verdict=STOPPED), Outcome("a.ipynb"))) == []


def test_what_was_measured_and_not_judged_is_skipped_with_its_value_not_passed():
    root = parsed(replace(PASSING, claims=(GOOD, replace(BAD, holds=None))))
    assert breaches(root) == [] and root[0].get("skipped") == "1" and root[0].get("failures") == "0"
    assert root[0].find("testcase/skipped").get("message") == "measured, not judged: 0.5"


def test_the_schema_check_sees_a_breach():
    root = parsed(PASSING)
    root[0].set("colour", "red")
    Xml.SubElement(root, "testcase", name="x")
    assert breaches(root) == ["testsuite: attribute colour", "testsuites: element testcase"]


def test_counts_and_seconds_add_up():
    root = parsed(FAILING, PASSING)
    for suite in root:
        cases = suite.findall("testcase")
        assert suite.get("tests") == str(len(cases))
        for count, tag in zip(COUNTS[1:], ("failure", "error", "skipped"), strict=True):
            assert suite.get(count) == str(sum(case.find(tag) is not None for case in cases))
    for count in COUNTS[:3]:
        assert root.get(count) == str(sum(int(suite.get(count)) for suite in root))
    assert float(root.get("time")) == 3.5


def test_a_claim_whose_name_begins_like_another_keeps_its_own_failure():
    near = [replace(BAD, name=name) for name in ("start/sum", "start/sum-2", "start/sum 3")]
    outcome = replace(
        FAILING, claims=tuple(near), problems=(Problem("claim", "start/sum-2 is 0.5, must be ≥ 0.9", 3),
                                               Problem("drift", "start/sum 3 moved by 0.1: 0.4 → 0.5", 3)),
    )  # fmt: skip
    failed = {
        case.get("name"): case.find("failure").get("type") for case in parsed(outcome)[0] if case.get("name") != "runs"
    }
    texts = {case.get("name"): case.find("failure").text for case in parsed(outcome)[0] if case.get("name") != "runs"}
    assert failed == {"start/sum": "claim", "start/sum-2": "claim", "start/sum 3": "drift"}
    assert "start/sum-2" not in texts["start/sum"] and "start/sum-2 is 0.5" in texts["start/sum-2"]


def test_each_problem_stands_at_its_own_case():
    cases = {case.get("name"): case for case in parsed(FAILING)[0]}
    assert set(cases) == {"runs", "attention/rows", "attention/head"}
    assert cases["attention/rows"].find("failure") is None
    assert "0.5 is not" in cases["attention/head"].find("failure").get("message")
    error = cases["runs"].find("error")
    assert error.get("type") == "error" and 'cell 5, "Try it"' in error.text and "line 1" in error.text
    assert "attention/head" not in error.text


def test_a_vanished_claim_fails_the_run_itself():
    problem = Problem("missing", "attention/gone was not measured")
    cases = {case.get("name"): case for case in parsed(replace(PASSING, verdict=FAILED, problems=(problem,)))[0]}
    assert "attention/gone" in cases["runs"].find("failure").text


def test_a_claim_of_a_longer_name_is_not_blamed():
    longer = replace(GOOD, name="attention/head_two")
    outcome = replace(FAILING, claims=(BAD, longer))
    cases = {case.get("name"): case for case in parsed(outcome)[0]}
    assert cases["attention/head_two"].find("failure") is None


def test_an_interrupted_notebook_is_skipped_not_passed():
    root = parsed(replace(PASSING, verdict=STOPPED, claims=()))
    assert root[0][0].find("skipped") is not None


def test_the_kind_of_machine_is_named():
    kind = {"processor": "AVX2", "device": "cpu", "threads": 1, "torch": "2.13.0"}
    root = parsed(replace(PASSING, kind=kind))
    assert breaches(root) == [] and root[0].get("tests") == "2"
    assert root.find("testsuite/properties/property").get("value") == "AVX2, cpu, 1 thread, torch 2.13.0"


def test_any_text_survives():
    text = "<b>&\"'\x00\x1b[0m\ud800 ☃"
    outcome = replace(FAILING, claims=(), problems=(Problem("error", text, 1, text, (text,)),))
    assert "<b>&" in parsed(outcome)[0][0].find("error").get("message")


def test_an_empty_run_is_a_document():
    root = Xml.fromstring(junit(SuiteResult()))
    assert root.tag == "testsuites" and root.get("tests") == "0"
