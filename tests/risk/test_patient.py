import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.risk import patient
from rollcall.risk.canonical import split_in_halves
from rollcall.risk.patient import (
    group_records,
    joint_statistic,
    joint_weights,
    normal_scores,
    summarise_records,
)
from rollcall.risk.record import binormal_auc, pool_shape
from rollcall.stats.moments import compute_moments
from tests.oracles import risk as naive


@given(
    seed=st.integers(0, 2**32),
    targets=st.sampled_from([8, 10, 14]),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6),
)
def test_joint_is_the_weighted_sum_of_standardised_scores(seed, targets, sizes):
    rng = np.random.default_rng(seed)
    index = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    scores = (5 * rng.standard_normal((targets, len(index))) + 2).astype(np.float32)
    scores[:, 0] = 3.3  # a constant record
    weight = rng.random(len(index))
    moments = compute_moments(scores, naive.paired(rng, targets, len(sizes)), index)
    statistic = joint_statistic(scores, moments, index, weight)
    assert statistic.dtype == np.float32
    alone = index != index[0]  # the constant record is rounding over rounding
    keep = np.isin(np.arange(len(sizes)), index[alone])
    np.testing.assert_allclose(
        statistic[:, keep], naive.joint(scores, index, weight)[:, keep], rtol=1e-4, atol=1e-4
    )


def test_more_patients_than_a_block(monkeypatch):
    rng = np.random.default_rng(0)
    scores, members, index = naive.simulate(rng, 10, [1, 3, 2, 1, 4, 2, 1, 2])
    moments = compute_moments(scores, members, index)
    weight = rng.random(len(index))
    monkeypatch.setattr(patient, "PATIENTS_PER_BLOCK", 3)
    np.testing.assert_allclose(
        joint_statistic(scores, moments, index, weight),
        naive.joint(scores, index, weight),
        rtol=1e-4,
        atol=1e-4,
    )


@pytest.mark.parametrize("records_per_block", [1, 5, 256])
def test_mean_and_maximum_of_the_records_with_their_jackknife(monkeypatch, records_per_block):
    monkeypatch.setattr(patient, "RECORDS_PER_BLOCK", records_per_block)
    rng = np.random.default_rng(3)
    scores, members, index = naive.simulate(rng, 10, [1, 3, 2, 1, 4, 2, 1, 2], shift=0.5)
    order = rng.permutation(len(index))
    scores, index = scores[:, order], index[order]
    moments = compute_moments(scores, members, index)
    auc = binormal_auc(moments, pool_shape(moments))[0]
    summaries = summarise_records(scores, members, index, auc, rounds=20)
    expected = naive.patient_summaries(scores, members, index)
    names = ("auc_mean", "auc_mean_se", "auc_max", "auc_max_se")
    for name, values in zip(names, expected, strict=True):
        np.testing.assert_allclose(summaries[name], values, atol=2e-5)
    assert (summaries["auc_mean_low"] < summaries["auc_mean"]).all()
    assert (summaries["auc_mean"] < summaries["auc_mean_high"]).all()
    for name in ("floor_auc_mean", "floor_auc_max"):
        assert summaries[name].shape == (20, 8)
        assert summaries[name].dtype == np.float32
    single = np.bincount(index) == 1
    np.testing.assert_array_equal(
        summaries["floor_auc_mean"][:, single], summaries["floor_auc_max"][:, single]
    )
    assert (summaries["floor_auc_max"] >= summaries["floor_auc_mean"]).all()


def test_records_are_grouped_by_patient():
    index = np.array([2, 0, 1, 0, 2, 2])
    order, first, count = group_records(index)
    assert index[order].tolist() == [0, 0, 1, 2, 2, 2]
    assert order.tolist() == [1, 3, 2, 0, 4, 5]
    assert first.tolist() == [0, 2, 3]
    assert count.tolist() == [2, 1, 3]
    assert group_records(np.sort(index))[0].tolist() == list(range(6))


def test_normal_scores_are_quantiles_of_ranks():
    scores = normal_scores(np.array([5.0, -1, 2, 2]))
    assert scores[0] == -scores[1] == pytest.approx(1.150349, abs=1e-6)  # quantile of 7/8
    assert scores[2] == scores[3] == 0


# --- weights ---


def test_no_membership_of_a_patient_enters_its_weights():
    """Redrawing one half's membership leaves its weights as they are and moves the others'."""
    rng = np.random.default_rng(1)
    scores, members, index = naive.simulate(rng, 16, np.arange(200) % 4 + 1, 1.0)
    half = split_in_halves(scores, index)
    before = joint_weights(scores, compute_moments(scores, members, index), index)
    redrawn = members.copy()
    patients = np.unique(index[half])
    redrawn[:, patients] = naive.paired(rng, 16, len(patients))
    after = joint_weights(scores, compute_moments(scores, redrawn, index), index)
    np.testing.assert_allclose(after[half], before[half], rtol=1e-3)  # rounding of float32 sums
    assert abs(after[~half] / before[~half] - 1).max() > 0.01


def test_weights_follow_the_shift_where_it_can_be_predicted():
    """Only hard records (low level) shift: they weigh more.

    Where nothing shifts, weights are within a factor of each other.
    """
    rng = np.random.default_rng(2)
    index = np.repeat(np.arange(600), 3)
    members = naive.paired(rng, 32, 600)
    level = rng.standard_normal(1800)
    noise = rng.standard_normal((32, 1800))
    hard = level < -0.8
    scores = (3 * level + noise + 1.5 * hard * members[:, index]).astype(np.float32)
    weight = joint_weights(scores, compute_moments(scores, members, index), index)
    assert weight[hard].mean() > 4 * weight[~hard].mean()
    assert (weight > 0).all()
    flat = joint_weights(noise.astype(np.float32), compute_moments(noise, members, index), index)
    assert np.quantile(flat, 0.99) < 4 * np.quantile(flat, 0.01)
