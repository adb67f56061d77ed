"""A patient's race from several admissions."""

import pandas as pd
import pytest

from rollcall.datasets.release_tables.mimic_iv import patient_races


@pytest.mark.parametrize(
    ("strings", "default", "paper"),
    [
        (["WHITE"], "White", "White"),
        (["WHITE", "WHITE - RUSSIAN"], "White", None),
        (["WHITE", "UNKNOWN"], "White", None),
        (["WHITE", "BLACK/AFRICAN AMERICAN"], None, None),
        (["OTHER"], "Other", None),
        (["HISPANIC/LATINO - CUBAN"], "Hispanic", None),
        (["UNABLE TO OBTAIN", "PATIENT DECLINED TO ANSWER"], None, None),
        (["BLACK/AFRICAN AMERICAN", "BLACK/AFRICAN AMERICAN"], "Black", "Black"),
    ],
)
def test_several_races_of_one_patient(strings, default, paper):
    subject, race = pd.Series(["7"] * len(strings)), pd.Series(strings)
    for rule, expected in ((False, default), (True, paper)):
        group = patient_races(subject, race, rule)[0].get("7")
        assert (None if pd.isna(group) else group) == expected


def test_patients_with_several_races_are_counted():
    subject = pd.Series(["1", "1", "2", "2", "3"])
    race = pd.Series(["WHITE", "ASIAN", "WHITE", "WHITE - RUSSIAN", "UNKNOWN"])
    groups, several = patient_races(subject, race, paper=False)
    assert groups.to_dict() == {"2": "White"}
    assert several == 1
    groups, several = patient_races(subject, race, paper=True)
    assert groups.dropna().empty
    assert several == 2
