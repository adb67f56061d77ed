"""Tables as people read them: small groups left out, what is not defined is a dash."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from rollcall.report import tables


def make_cohort_with(tiny, nobody_knows):
    """Nine patients of another race, and so many without one."""
    race = pd.Series(["A"] * len(tiny), dtype=object)
    patients = np.arange(len(tiny.patients))
    race[np.isin(tiny.patient_index, patients[:9])] = "nine patients"
    race[np.isin(tiny.patient_index, patients[9 : 9 + nobody_knows])] = None
    return race, SimpleNamespace(
        unit="patient",
        patients=tiny.patients,
        patient_index=tiny.patient_index,
        attributes=("race",),
        records=pd.DataFrame({"race": race.astype("category")}),
    )


def test_groups_under_ten_are_left_out_of_the_cohort_table_and_what_gives_them_away(tiny):
    race, cohort = make_cohort_with(tiny, nobody_knows=10)
    rows = tables.cohort_table(cohort).rows
    assert rows["group"].tolist() == ["A"]  # 10 without a race would leave the nine
    assert rows["patients"].tolist() == [len(tiny.patients) - 19]
    assert rows["records"].tolist() == [int((race == "A").sum())]


def test_smaller_groups_are_in_the_cohort_table_if_that_is_set(tiny):
    race, cohort = make_cohort_with(tiny, nobody_knows=10)
    rows = tables.cohort_table(cohort, smallest=5).rows
    assert rows["group"].tolist() == ["A", "nine patients", "(missing)"]
    assert rows["records"].tolist() == [
        int((race == "A").sum()),
        int((race == "nine patients").sum()),
        int(race.isna().sum()),
    ]
    assert rows["share of patients"].sum() == 1


def test_a_cohort_table_of_hidden_groups_says_so(tiny):
    _, cohort = make_cohort_with(tiny, nobody_knows=0)
    cohort.records = cohort.records.assign(race=cohort.records["race"].cat.add_categories(["B"]))
    table = tables.cohort_table(cohort)
    assert table.rows is None
    assert table.empty == "No attribute has groups of at least 10 patients that may be shown."


def make_groups():
    return pd.DataFrame(
        {
            "attribute": ["sex", "sex"],
            "group": ["female", "male"],
            "patients": [60, 40],
            "share": [0.6, 0.4],
            "share_top": [0.5, 0.5],
            "exposed": [1, 0],
            "risk_ratio": [1.5, np.inf],
            "ci_low": [1.0, 2.0],
            "ci_high": [2.0, np.inf],
            "difference": [-0.1, 0.1],
            "difference_low": [-0.2, 0.0],
            "difference_high": [0.0, 0.2],
            "odds_ratio": [1.25, np.nan],
            "odds_low": [0.5, np.nan],
            "odds_high": [3.0, np.nan],
            "odds_method": ["Firth", ""],
            "p_adjusted": [0.04, 1.0],
        }
    )


def test_group_table():
    first, second = tables.group_table(make_groups()).rows.to_dict("records")
    assert first["risk ratio"] == "1.50 (1.00\u00a0to\u00a02.00)"
    assert first["difference, in points"] == "-10.00 (-20.00\u00a0to\u00a0+0.00)"
    assert first["adjusted odds ratio"] == "1.25 (0.50\u00a0to\u00a03.00)*"
    assert first["p (Holm)"] == "0.04"
    assert second["adjusted odds ratio"] == "–"
    assert second["risk ratio"] == "inf (2.00\u00a0to\u00a0inf)"


def test_a_panel_without_large_groups_says_so():
    table = tables.panel_table(None)
    assert table.rows is None
    assert table.empty == "No attribute has a group of at least 10 records."
