import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from rollcall.risk.exposed import name_exposed
from rollcall.risk.exposed.true_risk import AUCS, estimate_true_risk, share_told
from rollcall.risk.leave_out import leave_out_pairs
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.risk.record import binormal_auc, pool_shape
from rollcall.stats.moments import compute_moments
from tests.oracles import exposed as naive
from tests.oracles import risk


def estimate(statistic, members, strata=1, seed=0):
    moments, patients = compute_moments(statistic, members), statistic.shape[1]
    auc = binormal_auc(moments, pool_shape(moments))[0]
    floor = draw_noise_floor(statistic, 20, seed)
    naming = name_exposed(auc, floor, np.zeros(patients), np.arange(patients) % strata)
    return naming, estimate_true_risk(statistic, members, moments, naming)


def leak(seed, targets, shift, tails=None):
    rng = np.random.default_rng(seed)
    return risk.simulate(rng, targets, np.ones(len(shift), int), shift, tails=tails)[:2]


@given(
    st.lists(st.sampled_from([0.1, 0.4, 0.5, 0.6, 0.9]), min_size=1, max_size=40),
    st.integers(1, 3),
)
def test_the_share_told_is_what_does_not_lie_below_as_often_as_above(auc, strata):
    stratum = np.arange(len(auc)) % min(strata, len(auc))
    told = share_told(np.array(auc), stratum)
    assert told == pytest.approx(naive.share_told(auc, list(stratum)))
    assert 0 <= told[1] <= told[0] <= 1


def test_the_jackknife_leaves_out_what_it_says():
    """d without a fold is that of an audit that never had those pairs."""
    statistic, members = leak(0, 24, np.full(50, 1.0))
    folds = np.arange(12) % 10
    d, without = leave_out_pairs(statistic, members, folds)
    for fold in (None, *range(10)):
        rows = np.repeat(folds != fold, 2)
        moments = compute_moments(statistic[rows], members[rows])
        expected = (moments.mean_in - moments.mean_out) / np.sqrt(moments.var_in + moments.var_out)
        found = d if fold is None else without[fold]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("strata", [1, 2])
def test_counts_of_two_kinds_of_patients(strata):
    """A fifth of 4,000 patients have a true AUC of 0.86 or more, four fifths 0.5."""
    shift = np.where(np.arange(4000) % 5 == 0, 1.8, 0.0)
    statistic, members = leak(1, 32, shift)
    naming, behind = estimate(statistic, members, strata)
    table = behind.survival.set_index("auc")
    assert list(table.index) == list(AUCS)
    assert table.patients[0.7] == pytest.approx(800, rel=0.1)
    assert table.patients[0.97] < 40
    assert (table.low <= table.patients).all()
    assert (table.patients <= table.high).all()
    assert (table.high <= 4000).all()
    assert (table.patients.diff().dropna() <= 1e-6).all()
    assert np.isnan(behind.named_again).tolist() == (~naming.exposed).tolist()
    again = behind.named_again[naming.exposed]
    assert (again > 0).all()
    assert (again <= 1).all()


def test_power_rises_with_the_risk_and_with_the_models():
    shift, smallest = np.where(np.arange(2000) % 10 == 0, 1.5, 0.0), []
    for targets in (16, 32, 64):
        _, behind = estimate(*leak(2, targets, shift))
        assert (np.diff(behind.power) >= -1e-9).all()
        smallest.append(behind.smallest_named())
    assert smallest[0] > smallest[1] > smallest[2] > 0.7
    _, nothing = estimate(*leak(3, 8, np.zeros(2000)))
    assert np.isnan(nothing.smallest_named())


def test_counts_do_not_fall_short_of_the_estimates_where_noise_is_small():
    """With 200 models, of true AUCs spread evenly, the deconvolved count is the true one."""
    d = np.random.default_rng(4).exponential(0.6, 4000)
    statistic, members = leak(4, 200, d * np.sqrt(2 * 1.04))
    _, behind = estimate(statistic, members)
    for auc in (0.6, 0.7, 0.8, 0.9):
        count = behind.survival.patients[np.flatnonzero(auc == AUCS)[0]]
        assert count == pytest.approx((ndtr(d) >= auc).sum(), rel=0.06)
