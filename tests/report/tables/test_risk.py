"""Tables of risk: no count of 1 to 9 patients, nothing that is not known as if it were."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rollcall.report.tables import risk as tables_risk
from rollcall.risk import assess_risk
from tests.oracles import risk as naive
from tests.report.words.test_sentences import NOBODY, RISK

ERRORS = {
    "pair_correlation": -0.3,
    "not_normal": 0.05,
    "not_normal_patients": 0.06,
    "skew_in": 0.1,
    "skew_out": 0.1,
    "kurt": 0.2,
}


@pytest.fixture(scope="module")
def risk():
    """400 patients, 40 of whom leak; 32 targets."""
    sizes = np.arange(400) % 2 + 1
    shift = np.where(np.arange(400) < 40, 3.0, 0.0)
    return assess_risk(*naive.simulate(np.random.default_rng(0), 32, sizes, shift), draws=20_000)


def make_risk(**cohort):
    patients = pd.DataFrame({"auc_joint": np.linspace(0.4, 0.6, 2000)})
    return SimpleNamespace(cohort=RISK | ERRORS | cohort, patients=patients)


def test_true_risks_are_listed(risk):
    table = tables_risk.risk_table(risk, "lesion")
    assert list(table.rows["true risk at least"]) == ["0.6", "0.7", "0.8", "0.9", "0.95"]
    count = float(table.rows["lesions, estimated"][3])
    assert 30 <= count <= 50
    assert table.rows["share"][3].endswith("%")


def test_fewer_than_ten_are_not_counted(risk):
    few = SimpleNamespace(
        survival=risk.survival.assign(patients=risk.survival["patients"] / 10),
        patients=risk.patients,
    )
    rows = tables_risk.risk_table(few).rows
    assert list(rows["patients, estimated"][2:]) == ["–"] * 3
    assert list(rows["share"][2:]) == ["–"] * 3


def test_units_of_a_person(risk):
    rows = tables_risk.units_table(risk).rows.set_index("risk")
    row = rows.loc["AUC 0.9"]
    assert row["mu"] == "1.81"
    assert row["memberships told, false alarms 1.0%"] == "30.4%"
    assert row["alarms right, 1% are members"] == "23%"
    assert "(at least " in rows.iloc[-1]["memberships told, false alarms 1.0%"]
    highest = risk.patients["auc_joint"].max()
    assert f"{highest:.3f}" not in rows.to_string()


def test_statistics_are_compared(risk):
    rows = tables_risk.statistic_table(risk).rows
    assert [int(count) for count in rows["exposed"]] == pytest.approx([40, 40, 40], abs=8)


@pytest.mark.parametrize("exposed", [1, 5, 9])
def test_few_exposed_are_not_counted(exposed):
    rows = tables_risk.trust_table(make_risk(exposed=exposed)).rows.set_index("what")["value"]
    assert rows.iloc[0] == "fewer than 10"
    assert rows.iloc[1] == rows.iloc[3] == "–"


def test_what_is_not_known_is_not_written_as_a_number():
    cohort = NOBODY | {"named_by_both": np.nan, "smallest_named": np.nan, "power_99": 0.25}
    values = tables_risk.trust_table(make_risk(**cohort)).rows["value"]
    assert not any(re.search("nan", value) for value in values)
    assert "none up to 0.99" in set(values)


@pytest.mark.parametrize(("share", "is_shown"), [(0.0, True), (0.003, False), (0.5, True)])
def test_shares_of_few_patients_or_of_all_but_few_are_not_written(share, is_shown):
    for value in (share, 1 - share):
        made = make_risk(not_normal_patients=value)
        assert 0 < 0.003 * len(made.patients) < 10
        rows = tables_risk.trust_table(made).rows.set_index("what")["value"]
        value_said = rows["patients whose statistic is not normal (5% level)"]
        assert (value_said == f"{value:.1%}") == is_shown
