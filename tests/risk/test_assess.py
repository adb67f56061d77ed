import subprocess
import sys

import numpy as np
import pytest

from rollcall.risk import patient
from rollcall.risk.assess import assess_risk
from rollcall.risk.patient import joint_weights
from rollcall.risk.record import binormal_auc, pool_shape
from rollcall.stats.members import draw_members
from rollcall.stats.moments import compute_moments
from rollcall.stats.rank import rank_auc, rank_interval
from rollcall.util.errors import InputError
from tests.oracles import exposed
from tests.oracles import risk as naive


def test_assess_is_made_of_the_parts(monkeypatch):
    rng = np.random.default_rng(0)
    sizes = [1, 3, 2, 1, 4, 2, 1, 2]
    scores, members, index = naive.simulate(rng, 10, sizes, shift=0.5)
    order = rng.permutation(len(index))
    scores, index = scores[:, order], index[order]
    monkeypatch.setattr(patient, "RECORDS_PER_BLOCK", 5)
    ids = np.array(list("abcdefgh"))
    risk = assess_risk(scores, members, index, ids, seed=3, draws=1000)
    moments = compute_moments(scores, members, index)
    pooled, ranked = pool_shape(moments), rank_auc(scores, members, index)
    assert list(risk.records.patient_id) == list(ids[index])
    assert (risk.records.n_in == 5).all()
    assert (risk.records.n_out == 5).all()
    expected = dict(
        zip(("auc", "auc_se", "auc_low", "auc_high"), binormal_auc(moments, pooled), strict=True)
    )
    intervals = rank_interval(ranked, 5, pooled.correlation)
    expected |= dict(zip(("auc_rank_se", "auc_rank_low", "auc_rank_high"), intervals, strict=True))
    for name, column in (expected | {"auc_rank": ranked}).items():
        np.testing.assert_array_equal(risk.records[name], column)
    np.testing.assert_allclose(risk.records.std_out, np.sqrt(moments.var_out))
    patients = risk.patients
    mean, mean_se, highest, max_se = naive.patient_summaries(scores, members, index)
    for column, values in (
        ("auc_mean", mean),
        ("auc_mean_se", mean_se),
        ("auc_max", highest),
        ("auc_max_se", max_se),
    ):
        np.testing.assert_allclose(patients[column], values, atol=2e-5)
    assert list(patients.patient_id) == list(ids)
    assert list(patients.records) == sizes
    statistic = naive.joint(scores, index, joint_weights(scores, moments, index))
    for p in range(8):
        assert patients.auc_joint[p] == pytest.approx(
            naive.area(statistic[:, p], members[:, p]), abs=1e-4
        )
        assert patients.auc_joint_rank[p] == pytest.approx(
            naive.auc(statistic[:, p], members[:, p]), abs=1e-9
        )
    assert (patients.auc_joint_low < patients.auc_joint).all()
    assert (patients.auc_joint < patients.auc_joint_high).all()
    assert list(risk.floors) == ["auc_joint", "auc_mean", "auc_max"]
    assert len(risk.floor) == 1000
    assert risk.floors.auc_max.mean() > risk.floors.auc_mean.mean() + 0.02
    # 8 patients are one stratum and one bin: q-values are Storey's, 1 where p is above 0.05.
    p = exposed.p_values(list(patients.auc_joint), list(risk.floor))
    q_values = exposed.weighted_q_values(p, [1] * 8, exposed.null_share(p))
    q_values = [q if p <= 0.05 else 1 for p, q in zip(p, q_values, strict=True)]
    np.testing.assert_allclose(patients.p_value, p, atol=1e-9)
    np.testing.assert_allclose(patients.q_value, q_values, atol=1e-9)
    assert (patients.exposed == (patients.q_value <= 0.05)).all()
    assert risk.cohort["exposed"] == patients.exposed.sum()
    assert risk.cohort["exposed_low"] <= risk.cohort["exposed"] <= risk.cohort["exposed_high"]
    again = assess_risk(scores, members, index, ids, seed=3, draws=1000)
    assert again.patients.equals(patients)
    assert again.records.equals(risk.records)
    assert again.floors.equals(risk.floors)
    np.testing.assert_equal(again.cohort, risk.cohort)
    assert again.survival.equals(risk.survival)


def test_members_shifted_up_raise_every_risk():
    sizes = np.arange(150) % 3 + 1
    columns = ["auc_joint", "auc_joint_rank", "auc_mean", "auc_max"]
    means = []
    for shift in (0.0, 0.8, 2.0):
        scores, members, index = naive.simulate(np.random.default_rng(1), 32, sizes, shift)
        risk = assess_risk(scores, members, index, draws=1000)
        records, patients = risk.records[["auc", "auc_rank"]], risk.patients
        means.append([*records.mean(), *patients[columns].mean()])
        if shift == 2:
            assert (patients.auc_joint > 0.5).all()
            assert patients.exposed.all()
    means = np.array(means)
    assert (means[1:] > 0.5).all()
    assert (np.diff(means, axis=0) > 0).all()


@pytest.mark.parametrize("labels", [1, 3])
def test_no_number_depends_on_the_order_of_rows(labels):
    """Patients, records, pairs, the two targets of a pair, ids and labels: shuffled, renamed."""
    rng = np.random.default_rng(4)
    shift = np.where(rng.random(1200) < 0.15, 2.0, 0.0)
    scores, members, index = naive.simulate(rng, 16, np.arange(1200) % 3 + 1, shift)
    if labels > 1:
        others = rng.standard_normal((16, len(index), labels - 1))
        scores = np.concatenate([scores[:, :, None], others], axis=2).astype(np.float32)
    label, patients = rng.integers(0, 2, 1200), rng.permutation(1200)
    records, pairs = rng.permutation(len(index)), rng.permutation(8)
    rows = np.column_stack([2 * pairs, 2 * pairs + 1])
    swapped = rng.random(8) < 0.5
    rows[swapped] = rows[swapped][:, ::-1]
    rows, place = rows.ravel(), np.argsort(patients)
    before = assess_risk(scores, members, index, labels=label, draws=60_000)
    after = assess_risk(
        scores[rows][:, records],
        members[rows][:, patients],
        place[index[records]],
        np.arange(1200) + 7,
        labels=np.array(["no", "yes"])[1 - label][patients],
        draws=60_000,
    )
    assert before.patients.exposed.any()
    moved = before.patients.iloc[patients].reset_index(drop=True)
    for name in moved.columns.drop(["patient_id", "label", "stratum"]):
        # An estimate at the edge of a bin may change bins by rounding.
        error = 1e-3 if name == "named_again" else 3e-5
        values = (table[name].to_numpy(float) for table in (after.patients, moved))
        np.testing.assert_allclose(*values, atol=error, err_msg=name)
    for name in ("auc", "auc_se", "auc_rank", "auc_rank_low"):
        np.testing.assert_allclose(after.records[name], before.records[name][records], atol=1e-5)
    for name, value in before.cohort.items():
        assert after.cohort[name] == pytest.approx(value, rel=1e-3, abs=1e-6, nan_ok=True), name
    np.testing.assert_allclose(after.survival, before.survival, rtol=1e-3, atol=0.01)
    drawn = [np.sort(risk.floor) for risk in (before, after)]
    np.testing.assert_allclose(*drawn, atol=1e-5)


def test_the_progress_bar_sees_the_work():
    scores, members, index = naive.simulate(np.random.default_rng(0), 8, np.full(600, 2))
    seen = []

    def progress(items):
        for item in list(items):
            seen.append(item)
            yield item

    assess_risk(scores, members, index, draws=10, progress=progress)
    assert seen


def test_bad_scores_are_refused():
    scores, members, index = naive.simulate(np.random.default_rng(0), 8, np.full(6, 2))
    with pytest.raises(InputError, match=r"scores \(8, 11\), expected \(8, 12\)"):
        assess_risk(scores[:, 1:], members, index, draws=10)
    with pytest.raises(InputError, match=r"scores \(8, 12, 1, 1\), expected \(8, 12\)"):
        assess_risk(scores[:, :, None, None], members, index, draws=10)
    for bad in (np.nan, np.inf, -np.inf):
        scores[3, 7] = bad
        with pytest.raises(InputError, match="target 3, record 7 is NaN or infinite"):
            assess_risk(scores, members, index, draws=10)
        with pytest.raises(InputError, match="target 3, record 7 is NaN or infinite"):
            assess_risk(np.stack([np.zeros_like(scores), scores], axis=2), members, index, draws=10)
    few = np.zeros_like(members)
    few[:3] = True
    few[:3, 0] = [True, False, True]
    with pytest.raises(InputError, match="2 of 8 targets had column 0"):
        assess_risk(np.zeros((8, 12), np.float32), few, index, draws=10)


@pytest.mark.parametrize("index", [[0, 0, 2, 2], [0, 0, 1, 1], [0, 1, 2, 3]])
def test_a_patient_without_records_is_refused(index):
    members = draw_members(8, 3, 0)
    scores = np.random.default_rng(0).normal(size=(8, 4))
    with pytest.raises(InputError, match="has no record or is not in members"):
        assess_risk(scores, members, np.array(index), draws=10)


def test_risk_is_imported_without_what_takes_long_to_import():
    code = "import sys; from rollcall.risk.groups import disparity; print(*sys.modules, sep='\\n')"
    imported = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "rollcall.risk.assess" in imported
    assert not {"torch", "matplotlib", "scipy.stats", "statsmodels"} & set(imported)
