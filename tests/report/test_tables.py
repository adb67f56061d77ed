"""Tables as people read them: small groups left out, what is not defined is a dash."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from rollcall.report import tables


def test_groups_under_ten_are_left_out_of_the_cohort_table(tiny):
    race = pd.Series(["A"] * len(tiny), dtype=object)
    patients = np.arange(len(tiny.patients))
    race[np.isin(tiny.patient_index, patients[:9])] = "nine patients"
    race[np.isin(tiny.patient_index, patients[9:19])] = None
    cohort = SimpleNamespace(
        unit="patient",
        patients=tiny.patients,
        patient_index=tiny.patient_index,
        attributes=("race",),
        records=pd.DataFrame({"race": race.astype("category")}),
    )
    rows = tables.cohort_table(cohort).rows
    assert rows["group"].tolist() == ["A", "(missing)"]
    assert rows["patients"].tolist() == [len(patients) - 19, 10]
    assert rows["records"].tolist() == [int((race == "A").sum()), int(race.isna().sum())]


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
