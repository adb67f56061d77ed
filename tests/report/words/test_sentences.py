"""The sentences of a report, case by case."""

import re

import numpy as np
import pandas as pd
import pytest

from rollcall.report.words.sentences import Findings, write_sentences

RISK = {
    "exposed": 89,
    "exposed_low": 77.2,
    "exposed_high": 101.8,
    "by_chance": 3.4,
    "at_most_false": 14,
    "named_again": 0.73,
    "named_by_both": 0.8,
    "told": 0.2,
    "told_low": 0.145,
    "smallest_named": 0.81,
    "power_99": 1.0,
    "above_0.9": 70.4,
    "above_0.9_low": 68.1,
    "above_0.9_high": 72.8,
}
NOBODY = {
    "exposed": 0,
    "exposed_low": 0,
    "exposed_high": 3.7,
    "by_chance": 0,
    "at_most_false": 0,
    "named_again": np.nan,
    "above_0.9": 0.1,
    "above_0.9_low": 0.0,
    "above_0.9_high": 3.7,
    "told_low": 0.0,
}


def find(risk=None, **others):
    values = {"unit": "patient", "patients": 2000, "targets": 64, "lira": 0.539, "rmia": 0.546}
    return Findings(risk=RISK | (risk or {}), **(values | others))


def groups(*rows):
    columns = {
        "attribute": "race",
        "group": "B",
        "intersection": False,
        "is_outcome": False,
        "exposed_share": 0.12,
        "risk_ratio": 6.0,
        "ratio_within": 5.5,
        "within_low": 3.0,
        "within_high": 9.0,
        "p_adjusted": 0.001,
    }
    return pd.DataFrame([columns | row for row in rows])


CASES = {
    "some in the tail": (
        find(),
        [
            r"^89 of 2,000 patients are exposed \(95% interval 77 to 102, for as many new models\)",
            r"about 3 of them are there by chance, with 95% confidence at most 14; as many new "
            r"models would name 73% again",
            r"about 70 patients \(68 to 73\) have a true AUC of 0.9 or more, and of at least 14%",
            r"64 models name a patient with an AUC of 0.81 with a chance of 80%; more models would",
            r"^The average hides it: .* LiRA has an AUC of 0.539 and RMIA of 0.546",
        ],
    ),
    "many": (
        find({"exposed": 900, "exposed_low": 880, "exposed_high": 930}, lira=0.71),
        [r"^900 of 2,000 patients, 45% of all, are exposed", r"^The average shows it:"],
    ),
    "one by chance": (find({"by_chance": 1.2}), [r"about 1 of them is there by chance"]),
    "hardly any by chance": (find({"by_chance": 0.3}), [r"hardly any of them is there by chance"]),
    "few": (
        find({"exposed": 3, "exposed_low": 0.8, "exposed_high": 9, "above_0.9": 2.0}),
        [
            r"^Fewer than 10 of 2,000 patients are exposed",
            r"fewer than 10 patients have a true AUC of 0.9 or more",
        ],
    ),
    "nobody, though they would have been named": (
        find(NOBODY, lira=0.501, rmia=0.502),
        [
            r"^None of 2,000 patients is exposed with 64 models\.$",
            r"64 models name a patient with an AUC of 0.81 with a chance of 80%",
            r"^The average agrees: ",
        ],
    ),
    "nobody stands out": (find(NOBODY, lira=0.57), [r"some leakage, of which no single patient"]),
    "not enough models": (
        find(NOBODY | {"power_99": 0.25, "smallest_named": np.nan}, targets=16, lira=0.817),
        [
            r"^Not enough models to tell: none of 2,000 patients is named, but with 16 models even "
            r"a patient with an AUC of 0.99 would be named with a chance of only 25%",
            r"^The average shows some leakage: .*0.817",
        ],
    ),
    "a trial": (find(targets=8), [r"^8 target models are a trial of the machinery"]),
    "no skill": (
        find(skill=0.508),
        [r"hardly learnt their task \(AUROC 0.51 on patients not seen"],
    ),
    "control failed": (
        find(control="failed", control_auc=(0.63, 0.61, 0.65)),
        [r"^The control failed: .*AUC 0.630, 95% interval 0.610 to 0.650.* says anything about"],
    ),
    "lesions": (find(unit="lesion"), [r"^89 of 2,000 lesions are exposed"]),
    "a group": (
        find(groups=groups({})),
        [
            r"At the same label and number of records, patients with race 'B' are exposed "
            r"5.5 times \(95% "
            r"interval 3.0 to 9.0\) as often as all others"
        ],
    ),
    "the outcome": (
        find(groups=groups({"is_outcome": True, "attribute": "label", "group": "yes"})),
        [
            r"Of patients with label 'yes' 12% are exposed, of all others 2%; that is the outcome",
            r"^No other group, of 1 compared, is exposed more often",
        ],
    ),
    "no group": (
        find(groups=groups({"p_adjusted": 0.3})),
        [r"^No group, of 1 compared, is exposed more often"],
    ),
    "hidden": (
        find(groups=groups({"ratio_within": np.nan})),
        [r"^No group can be compared: too few patients are exposed inside or outside"],
    ),
    "some hidden": (
        find(groups=groups({"p_adjusted": 0.3}, {"ratio_within": np.nan, "group": "C"})),
        [r"^No group, of 1 compared, is exposed more often", r"^Nothing is said of 1 more: "],
    ),
    "too few for groups": (
        find({"exposed": 4}, groups=groups({})),
        [r"^Too few patients are exposed to compare groups"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_sentences_by_cases(case):
    findings, patterns = CASES[case]
    sentences = write_sentences(findings)
    for pattern in patterns:
        assert any(re.search(pattern, each) for each in sentences), sentences
    for sentence in sentences:
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert sentence.endswith(".")
        assert "nan" not in sentence
        assert "  " not in sentence


@pytest.mark.parametrize("exposed", range(1, 10))
def test_no_count_of_one_to_nine_patients_is_said(exposed):
    """Nor is what follows from it: the share by chance, or who is named again."""
    sentences = write_sentences(find({"exposed": exposed, "above_0.9": exposed * 0.9}))
    said = " ".join(sentences)
    assert not re.search(r"\b[1-9] (of|patients)", said)
    assert "by chance" not in said


@pytest.mark.parametrize(("low", "high"), [(-3.0, 2500.0), (0.0, 2000.4)])
def test_limits_lie_within_the_cohort(low, high):
    sentence = write_sentences(find({"exposed_low": low, "exposed_high": high}))[0]
    assert "interval 0 to 2,000," in sentence


def test_groups_rest_on_hidden_numbers_nowhere():
    table = groups({"exposed_share": np.nan, "risk_ratio": np.nan, "ratio_within": np.nan}, {})
    said = " ".join(write_sentences(find(groups=table)))
    assert "nan" not in said
    assert "5.5 times" in said


@pytest.mark.parametrize("exposed", [1991, 1999])
def test_nor_is_a_count_of_one_to_nine_who_are_not_exposed(exposed):
    sentence = write_sentences(find({"exposed": exposed, "exposed_high": 2000}))[0]
    assert sentence.startswith("All but fewer than 10 of 2,000 patients are exposed: ")
    assert str(exposed) not in sentence.replace(",", "")


def test_limits_under_ten_are_not_said():
    sentences = write_sentences(find({"exposed": 12, "exposed_low": 5.4, "above_0.9_low": 3.2}))
    assert "95% interval fewer than 10 to 102" in sentences[0]
    assert "about 70 patients (fewer than 10 to 73) have" in " ".join(sentences)


def test_of_nobody_surely_is_not_said():
    sentences = write_sentences(find({"told_low": 0.0, "exposed": 12, "at_most_false": 12}))
    assert "something can be told" not in " ".join(sentences)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("patient", "a patient"), ("image", "an image"), ("eye", "an eye"), ("ECG", "an ECG")],
)
def test_articles_fit_the_unit(unit, expected):
    cases = [{}, {"smallest_named": np.nan}, NOBODY | {"power_99": 0.1}]
    text = " ".join(" ".join(write_sentences(find(case, unit=unit))) for case in cases)
    assert text.count(f"{expected} with an AUC") >= 3
    assert not re.search(r"\b[Aa] [aeioAEIO]", text)
    assert not re.search(r"\b[Aa]n [^aeioAEIO]", text)
