"""Tables as people read them: small groups left out, what is not defined is a dash."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from rollcall.report.tables.cohort import cohort_table
from rollcall.report.tables.groups import panel_table


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
    _, cohort = make_cohort_with(tiny, nobody_knows=10)
    rows = cohort_table(cohort).rows
    assert rows["group"].tolist() == ["A"]  # 10 without a race would leave the nine
    assert rows["patients"].tolist() == [len(tiny.patients) - 19]
    assert "records" not in rows


def test_smaller_groups_are_in_the_cohort_table_if_that_is_set(tiny):
    _, cohort = make_cohort_with(tiny, nobody_knows=10)
    rows = cohort_table(cohort, smallest=5).rows
    assert rows["group"].tolist() == ["A", "nine patients", "(missing)"]
    assert rows["share of patients"].tolist() == ["68.3%", "15.0%", "16.7%"]


def test_a_cohort_table_of_hidden_groups_says_so(tiny):
    _, cohort = make_cohort_with(tiny, nobody_knows=0)
    cohort.records = cohort.records.assign(race=cohort.records["race"].cat.add_categories(["B"]))
    table = cohort_table(cohort)
    assert table.rows is None
    assert table.empty == "No attribute has groups of at least 10 patients that may be shown."


def test_a_panel_without_large_groups_says_so():
    table = panel_table(None)
    assert table.rows is None
    assert table.empty.startswith("No attribute has a group of at least 10 patients that may be")
