"""The first page: a case for each finding, no count that is hidden, and words that people read."""

import re
from dataclasses import replace

import pytest

from rollcall.report.words import opening as words
from rollcall.report.words.one_model import OneModel, write_opening_of_one
from rollcall.report.words.opening import find_case, write_opening
from tests.report.words.readability import count_syllables, grade
from tests.report.words.test_sentences import NOBODY, find, groups

CASES = {
    words.FOUND: find(groups=groups({})),
    words.FEW: find({"exposed": 4}, groups=groups({})),
    words.NONE: find(NOBODY, groups=groups({})),
    words.UNDECIDED: find(NOBODY | {"power_99": 0.5}, groups=groups({})),
    words.TRIAL: find(NOBODY | {"power_99": 0.1}, targets=8),
    words.CONTROL: find(control="failed", control_auc=(0.6, 0.55, 0.65), groups=groups({})),
}
ONE = OneModel("patient", 1_000, "members", 500, 16, 50, 0.7, 0.65, 0.75, groups="B, 3 times.")
ONES = {
    words.FOUND: ONE,
    words.FEW: replace(ONE, named=4),
    words.NONE: replace(ONE, named=0),
    words.UNDECIDED: replace(ONE, named=0, reason="With 9 outsiders nobody can be named."),
    words.CONTROL: replace(ONE, named=0, reason="No.", control_failed=True),
}
SPOKEN = {
    "a": 1,
    "table": 2,
    "is": 1,
    "able": 2,
    "noises": 2,
    "people": 2,
    "released": 2,
    "trained": 1,
}
SPOKEN |= {"2,000": 2, "data-protection": 5, "differential": 4, "interval": 3, "guesses": 2}


def texts_of(page):
    return [
        *(text for _, text in page.sentences),
        *(" ".join(part) for part in (page.meaning, page.advice)),
        page.people,
    ]


def all_pages():
    for outcome in ("", "pass", "fail", "not evaluable"):
        yield from ((case, write_opening(each, 32, outcome)) for case, each in CASES.items())
        yield from ((case, write_opening_of_one(each, outcome)) for case, each in ONES.items())


@pytest.mark.parametrize("case", CASES)
def test_each_finding_has_its_case(case):
    page = write_opening(CASES[case], 32)
    assert find_case(CASES[case]) == page.case == case
    assert [lead for lead, _ in page.sentences] == ["Who", "How sure", "Which groups"]
    assert page.headline.startswith(
        "Found" if case in (words.FOUND, words.FEW) else ("No ", "A trial")
    )


def test_what_is_said_of_the_found():
    page = dict(write_opening(CASES[words.FOUND], 32).sentences)
    assert page["Who"].startswith("89 of 2,000 patients can be picked out. Whoever holds")
    assert "name 77 to 102 (95% interval). At most 14 of those named" in page["How sure"]
    assert "The average hides this:" in page["How sure"]
    assert page["Which groups"].startswith("Patients with race 'B' are picked out 5.5 times as")
    outcome = {"attribute": "died", "group": "yes", "is_outcome": True, "exposed_share": 0.5}
    page = write_opening(find(groups=groups({}, outcome)), 32).sentences[2][1]
    assert "with died 'yes', which the models learn to predict, 50 in 100 can be" in page


def test_what_cannot_be_said_is_no_finding():
    page = write_opening(CASES[words.UNDECIDED], 48)
    assert "64 models are too few" in page.sentences[0][1]
    assert page.advice[:2] == (
        "Do not read this as safe.",
        "Train about 48 models and audit again (--targets 48).",
    )
    assert (
        write_opening(CASES[words.CONTROL], 48).advice[0] == "Do not use any number of this report."
    )
    assert "too few to be compared" not in page.sentences[2][1]
    nothing = find(groups=None)
    assert write_opening(nothing, 0).sentences[2][1].startswith("No groups were given")


@pytest.mark.parametrize("exposed", range(1, 10))
def test_a_few_are_one_page(exposed):
    """Whatever there is from 1 to 9, the page is the same, of many models and of one."""
    risk = {"exposed": exposed, "exposed_low": exposed / 2, "by_chance": exposed / 3}
    assert write_opening(find(risk), 0) == write_opening(find({"exposed": 1}), 0)
    few = replace(ONE, named=exposed)
    assert write_opening_of_one(few) == write_opening_of_one(replace(ONE, named=1))
    left = find({"exposed": 2000 - exposed, "exposed_high": 2000.0})
    assert write_opening(left, 0).sentences[0][1].startswith("Nearly all of 2,000 patients")
    left = replace(ONE, named=1_000 - exposed)
    assert write_opening_of_one(left).sentences[0][1].startswith("Nearly all of 1,000 members")


def test_the_page_can_be_read_after_ten_years_of_school():
    for case, page in all_pages():
        parts = texts_of(page)
        assert grade(" ".join(parts)) <= 10, case
        for part in parts:
            assert grade(part) <= 12.5, (case, part)


def test_the_page_has_no_word_of_the_trade():
    trade = re.compile(r"\b(AUC|AUROC|TPR|FPR|LiRA|RMIA|FDR|Holm|q-value|black box|logit)s?\b")
    for case, page in all_pages():
        assert not trade.search(" ".join([page.headline, *texts_of(page)])), case


def test_a_verdict_comes_first():
    page = write_opening(CASES[words.NONE], 32, "pass")
    assert page.advice[0].startswith("The stated thresholds are met.")
    page = write_opening(CASES[words.FOUND], 32, "fail")
    assert page.advice[0].endswith("Do not release such a model as it is.")


def test_syllables_are_counted_as_they_are_spoken():
    assert {word: count_syllables(word) for word in SPOKEN} == SPOKEN
    assert grade("The cat sat on the mat.") < 2
    assert grade("Notwithstanding considerable methodological heterogeneity, quantification.") > 20
