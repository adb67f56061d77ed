"""The whole verdict: decided, described for programs, shown in the report and the card."""

import json
import re

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from rollcall.report.appetite import describe_verdict, judge, list_lines, parse_appetite
from rollcall.report.appetite.criteria import CRITERIA
from rollcall.report.appetite.section import make_section, show_verdict
from rollcall.report.appetite.verdict import decide
from rollcall.report.card import write_card
from tests.report.appetite.examples import make_evidence, write_file
from tests.report.words.test_sentences import NOBODY, groups

OUTCOMES = ("pass", "fail", "not evaluable", "not applicable")


@given(st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=9))
def test_the_verdict_is_the_worst_that_was_seen(outcomes):
    counts = {name: outcomes.count(name) for name in OUTCOMES}
    if counts["fail"]:
        expected = "fail"
    elif counts["not evaluable"]:
        expected = "not evaluable"
    else:
        expected = "pass" if counts["pass"] else "not evaluable"
    assert decide(outcomes) == expected


def make_verdict(thresholds, *args, earlier=0, **changes):
    appetite = parse_appetite(write_file(thresholds=thresholds))
    return judge(make_evidence(*args, **changes), appetite, earlier)


@pytest.mark.parametrize(
    ("thresholds", "risk", "expected", "status"),
    [
        ({"exposed_patients": 200, "lira_auc": 0.6}, {}, "pass", 0),
        ({"exposed_patients": 50, "models": 1000}, {}, "fail", 3),
        ({"exposed_patients": 200, "models": 1000}, {}, "not evaluable", 4),
        ({"chance_share": 0.1}, NOBODY, "not evaluable", 4),
    ],
)
def test_each_verdict_has_an_exit_status(thresholds, risk, expected, status):
    verdict = make_verdict(thresholds, risk)
    assert (verdict.outcome, verdict.exit_status) == (expected, status)
    assert {each.criterion for each in verdict.stated} == set(thresholds)


KEYS = {
    "outcome": str,
    "exit_status": int,
    "criteria": list,
    "appetite": dict,
    "judged_before": int,
}
OF_CRITERION = ("criterion", "outcome", "threshold", "reason", "value", "limit", "end", "models")
OF_APPETITE = (
    *("set_by", "role", "date", "system", "purpose", "channel"),
    *("thresholds", "smallest_cell", "text", "sha256"),
)


@pytest.mark.parametrize("risk", [{}, NOBODY, {"exposed": 5}, NOBODY | {"power_99": 0.1}])
@pytest.mark.parametrize("thresholds", [{"exposed_share": 0.1}, {"worst_auc": 0.9, "models": 8}])
def test_what_programs_read_has_the_same_keys_always_and_no_nan(risk, thresholds):
    described = describe_verdict(make_verdict(thresholds, risk))
    again = json.loads(json.dumps(described, allow_nan=False))
    assert again == described
    assert {key: type(value) for key, value in described.items()} == KEYS
    assert [each["criterion"] for each in described["criteria"]] == list(CRITERIA)
    assert all(tuple(each) == OF_CRITERION for each in described["criteria"])
    assert tuple(described["appetite"]) == OF_APPETITE


def test_a_section_says_who_what_and_why():
    verdict = make_verdict({"exposed_patients": 50, "models": 32}, earlier=2)
    html = BeautifulSoup(make_section(verdict), "html.parser")
    assert html.section["id"] == "decision"
    assert html.strong.get_text() == "FAIL"
    text = html.get_text(" ")
    for words in ("A. Example, data protection officer, on 2024-03-01", "to two partner hospitals"):
        assert words in text
    assert "89 of 2,000 exposed, at most 102; accepted: 50." in text
    assert "by 2 other files of thresholds" in text
    assert "No threshold was stated for: share exposed, at most" in text
    assert verdict.appetite.sha256 in text
    assert show_verdict(None) is None


def test_no_word_of_the_file_is_markup():
    hostile = "<script>alert(1)</script>"
    text = write_file(("set_by", f"'{hostile}'"), ("system", f"'{hostile}'"))
    verdict = judge(make_evidence(groups=groups({"group": hostile})), parse_appetite(text))
    assert "<script" not in make_section(verdict)
    assert "<script" not in write_card(verdict_findings(), title="a", verdict=list_lines(verdict))


def verdict_findings():
    return make_evidence().findings


def test_lines_hold_the_whole_first_and_no_hidden_count():
    lines = list_lines(make_verdict({"exposed_patients": 50, "exposed_share": 0.2}, {"exposed": 6}))
    assert lines[0].startswith("NOT EVALUABLE against the thresholds of 2024-03-01 (A. Example")
    assert len(lines) == 3
    assert not re.search(r"\b6\b", " ".join(lines[1:]))
