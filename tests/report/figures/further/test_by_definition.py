"""Record-level curves: a step stands for several patients, however many records one has."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rollcall.report.figures.further import bundle_of_records
from rollcall.report.figures.further.by_definition import definitions, safe_record_curve
from rollcall.report.gate import safe_curve


@pytest.mark.parametrize("seed", range(4))
def test_no_step_is_of_fewer_patients(seed):
    rng = np.random.default_rng(seed)
    patient = np.sort(rng.integers(0, 60, 400))
    auc = np.clip(rng.normal(0.6, 0.15, 400) + 0.3 * (patient < 2), 0.01, 1)
    risks, counts = safe_record_curve(auc, patient, 10)
    assert counts[0] == 400
    assert risks[0] == 0
    assert (np.diff(counts) < 0).all()
    for low, high in zip(risks, [*risks[1:], 2.0], strict=True):
        inside = (auc >= low - 1e-9) & (auc < high - 1e-9)
        assert len(set(patient[inside])) >= 10
    for risk, number in zip(risks, counts, strict=True):
        assert number == (auc >= risk - 1e-9).sum()


def test_one_patient_of_many_records_is_no_step():
    patient = np.r_[np.zeros(40, int), np.arange(1, 31)]
    auc = np.r_[np.full(40, 0.99), np.linspace(0.4, 0.6, 30)]
    risks, _ = safe_record_curve(auc, patient, 10)
    assert risks.max() < 0.7


@pytest.mark.parametrize("several", [0, 1, 9])
def test_where_few_have_several_records_patients_are_counted(several):
    rng = np.random.default_rng(several)
    patient = np.r_[np.arange(300), np.arange(several)]
    auc = rng.uniform(0.3, 0.99, len(patient))
    risks, counts = safe_record_curve(auc, patient, 10)
    largest = pd.Series(auc).groupby(patient).max().to_numpy()
    expected = safe_curve(largest, 10)
    assert (counts[0], list(risks), list(counts)) == (300, *map(list, expected))
    table = pd.DataFrame({"patient_id": patient, "auc": auc})
    figure = definitions(SimpleNamespace(records=table, patients=largest))
    assert figure.drawing is None
    assert str(len(patient)) not in figure.alt


def make_records(count=600):
    rng = np.random.default_rng(1)
    table = {"patient_id": np.arange(count) // 2, "auc": rng.uniform(0.3, 0.98765, count)}
    table |= {"mean_in": rng.normal(size=count), "std_in": 1 + rng.random(count)}
    table |= {"mean_out": rng.normal(size=count), "std_out": 1 + rng.random(count)}
    return pd.DataFrame(table)


def test_a_picked_record_is_the_one_of_its_rank():
    records = make_records()
    for rank in (1, 7):
        data = bundle_of_records.bundle(records, rank=rank).data
        picked = data[data["curve"] == "picked"].iloc[0]
        expected = records.sort_values("auc").iloc[-rank]
        assert picked["rank"] == rank
        assert picked["mean_in"] == expected["mean_in"]
        assert "patient_id" not in data


def test_no_record_of_a_restricted_cohort_is_drawn():
    """Every curve is of equal spread, at a risk that ten patients set apart, to two digits."""
    records = make_records()
    figure = bundle_of_records.bundle(records, restricted=True)
    drawn = figure.data[figure.data["curve"] != "average"]
    assert set(drawn["mean_out"].dropna()) == {0}
    assert set(drawn["std_in"].dropna()) == {1}
    assert (drawn["rank"].dropna() % 10 == 0).all()
    risks = drawn["auc"].unique()
    assert (np.abs(risks * 100 - np.round(risks * 100)) < 1e-9).all()
    tenth = records.groupby("patient_id")["auc"].max().nlargest(10).min()
    assert risks.max() <= np.round(tenth, 2) + 1e-9
    assert "made up" in figure.caption
