import json
from dataclasses import replace

import numpy as np
import pytest

from rollcall.attacks.scores import score_run
from rollcall.report.explorer import patient
from rollcall.report.explorer.widgets import clean
from rollcall.risk import assess_risk
from rollcall.util.errors import InputError


def test_ranks_go_from_the_highest_risk_down(opened):
    risks = opened.auc[opened.ranked]
    assert (np.diff(risks) <= 0).all()
    with pytest.raises(InputError, match="rank is 0; expected 1 to 120"):
        patient.pick_patient(opened, 0)
    with pytest.raises(InputError, match="rank is 121"):
        patient.pick_patient(opened, 121)


def test_scores_are_those_of_the_run(opened):
    someone = patient.pick_patient(opened, 3)
    number = int(opened.ranked[2])
    rows = np.flatnonzero(opened.cohort.patient_index == number)
    scores = score_run(opened.run, opened.cohort)[:, rows]
    assert someone.records == len(rows) == someone.scores.shape[1] - 1
    assert {tuple(column) for column in scores.T} == {
        tuple(column) for column in someone.scores[:, 1:].T
    }
    assert (someone.scores[:, 0] == opened.statistic[:, number]).all()


@pytest.mark.parametrize("rank", [1, 40, 120])
def test_all_models_give_what_the_run_has_stored(opened, rank):
    """The same function as for fewer models, beside the numbers of the attack."""
    someone = patient.pick_patient(opened, rank)
    stored = opened.patients.iloc[int(opened.ranked[rank - 1])]
    summed = patient._sum_up(opened, someone, opened.run.targets)
    for name, columns in (
        ("joint", ["auc_joint", "auc_joint_low", "auc_joint_high"]),
        ("mean", ["auc_mean", "auc_mean_low", "auc_mean_high"]),
        ("max", ["auc_max"]),
    ):
        values = np.array(summed[name][: len(columns)])
        assert values == pytest.approx(stored[columns].to_numpy(float), abs=2e-3), name


def test_fewer_models_are_an_audit_of_fewer_models(opened):
    """The joint AUC with the first 8 models; mean and maximum as assess_risk has them of 8."""
    scores, members = score_run(opened.run, opened.cohort)[:8], opened.run.members()[:8]
    risk = assess_risk(scores, members, opened.cohort.patient_index, draws=1000)
    for rank in (1, 60):
        someone = patient.pick_patient(opened, rank)
        measured = patient.measure_patient(opened, someone, 8).set_index("definition")
        stored = risk.patients.iloc[int(opened.ranked[rank - 1])]
        for name in ("mean", "max"):
            assert measured.loc[name, "auc"] == pytest.approx(stored[f"auc_{name}"], abs=2e-3)
        assert measured.loc["mean", "low"] == pytest.approx(stored["auc_mean_low"], abs=0.01)


def test_gaussians_are_means_and_deviations(opened):
    someone = patient.pick_patient(opened, 1)
    scores = patient.standardise(someone)
    assert scores.mean(0) == pytest.approx(0, abs=1e-9)
    for row, fit in patient.fit_gaussians(opened, someone, 8).iterrows():
        inside = scores[:8][someone.members[:8], row]
        assert fit["mean_in"] == pytest.approx(inside.mean(), abs=1e-5)
        assert fit["sd_in"] == pytest.approx(inside.std(ddof=1), abs=1e-5)


def test_records_have_the_intervals_of_the_run(opened):
    """With all models the stored ones; with 8 nearly those of an audit of 8, wider than of all."""
    scores, members = score_run(opened.run, opened.cohort)[:8], opened.run.members()[:8]
    risk = assess_risk(scores, members, opened.cohort.patient_index, draws=1000)
    wider = []
    for rank in (1, 30, 60):
        someone = patient.pick_patient(opened, rank)
        rows = np.flatnonzero(opened.cohort.patient_index == opened.ranked[rank - 1])
        for number, table in ((opened.run.targets, opened.records), (8, risk.records)):
            fits = patient.fit_gaussians(opened, someone, number)
            assert fits.loc[0, ["low", "high"]].isna().all()
            columns = ["auc", "low", "high"]
            stored = table[["auc", "auc_low", "auc_high"]].to_numpy()[rows]
            near = 1e-9 if number > 8 else 0.06
            fitted = np.sort(fits.loc[1:, columns].to_numpy(), axis=0)
            assert fitted == pytest.approx(np.sort(stored, axis=0), abs=near)
            wider.append((fits["high"] - fits["low"]).mean())
    assert np.mean(wider[1::2]) > np.mean(wider[::2])


def test_restricted_runs_show_no_patient(opened):
    restricted = replace(opened)
    vars(restricted)["cohort"] = replace(opened.cohort, restricted=True)
    with pytest.raises(InputError, match="restricted"):
        patient.show_patient(restricted, 1)


def test_no_id_is_sent(opened):
    sent = clean(patient.show_patient(opened, 2))
    assert json.dumps(sent, allow_nan=False)
    identifier = opened.ids[int(opened.ranked[1])]
    assert str(identifier) not in {
        str(value) for value in (*sent["names"], *sent["sentences"], *sent["short"])
    }
    assert "patient_id" not in json.dumps(sent)
    assert len(sent["gaussians"]) == len(sent["measured"]) == len(sent["numbers"]) == 2
