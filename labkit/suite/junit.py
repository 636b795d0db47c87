"""junit.xml: the run for CI systems, which count cases and show why one failed.

One suite for each notebook; its first case says whether the notebook ran to its end inside its budget, and each claim
is a case of its own; one that was measured and not judged counts as skipped. Keeps the schema that Jenkins, GitLab,
GitHub's reporters and pytest share.
"""

import re
from xml.etree import ElementTree as Xml

from .outcomes import STOPPED, Outcome, Problem, SuiteResult
from .records import ClaimRecord, show_value

ABOUT_CLAIMS = ("claim", "missing", "new", "drift", "twice")
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML 1.0 document may hold, such as the escapes of coloured terminal output."""


def junit(result: SuiteResult) -> str:
    """The run as XML.

    Law: counts and seconds of the suites add up to the whole's, and any text survives (tests/suite/test_junit.py).
    """
    root = Xml.Element("testsuites", name="LLM Lab")
    for outcome in result.outcomes:
        root.append(_suite(outcome, result.started))
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", f"{sum(outcome.seconds for outcome in result.outcomes):.3f}")
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(outcome: Outcome, started: str) -> Xml.Element:
    suite = Xml.Element("testsuite", name=_clean(outcome.label))
    if started:
        suite.set("timestamp", started[:19])  # the schema knows no time zone; this is UTC
    if outcome.kind:
        Xml.SubElement(Xml.SubElement(suite, "properties"), "property", name="machine", value=_clean(outcome.machine))
    runs = Xml.SubElement(
        suite, "testcase", classname=_clean(outcome.label), name="runs", time=f"{outcome.seconds:.3f}"
    )
    if outcome.verdict == STOPPED:
        Xml.SubElement(runs, "skipped", message="stopped before it finished")
    else:
        named = {claim.name for claim in outcome.claims}
        _complain(runs, [problem for problem in outcome.problems if not _claim_of(problem, named)])
    for claim in outcome.claims:
        _case_of_claim(suite, outcome, claim)
    cases = suite.findall("testcase")
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("tests", str(len(cases)))
    suite.set("time", f"{outcome.seconds:.3f}")
    return suite


def _case_of_claim(suite: Xml.Element, outcome: Outcome, claim: ClaimRecord) -> None:
    case = Xml.SubElement(suite, "testcase", classname=_clean(outcome.label), name=_clean(claim.name), time="0.000")
    named = {other.name for other in outcome.claims}
    problems = [problem for problem in outcome.problems if _claim_of(problem, named) == claim.name]
    if claim.holds is None and not problems:
        Xml.SubElement(case, "skipped", message=f"measured, not judged: {_clean(show_value(claim.value))}")
    if claim.holds is False and not problems:
        problems = [Problem("claim", f"{show_value(claim.value)} is not {claim.bound_text}", claim.cell)]
    _complain(case, problems)


def _claim_of(problem: Problem, names: set[str]) -> str:
    """The claim that a problem is about: its message begins with the name. Empty = about none of them."""
    begun = [name for name in names if problem.message.startswith((f"{name} ", f"{name}:"))]
    return max(begun, key=len, default="") if problem.kind in ABOUT_CLAIMS else ""


def _complain(case: Xml.Element, problems: list[Problem]) -> None:
    """One failure with all that was found; the schema allows one for each case."""
    if not problems:
        return
    tag = "error" if problems[0].kind in ("error", "kernel", "notebook") else "failure"
    lines = []
    for problem in problems:
        lines += [f"{problem.kind}: {problem.message}", problem.place, *problem.tail]
    complaint = Xml.SubElement(case, tag, type=problems[0].kind, message=_clean(problems[0].message)[:500])
    complaint.text = _clean("\n".join(line for line in lines if line))


def _clean(text: str) -> str:
    return NOT_XML.sub("�", text)
