"""Ratios and shifts within strata against loops over patients; intervals of a sum over pairs."""

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import StratifiedTable

from rollcall.risk.groups.ratios import compare_within, make_strata, shift_within
from rollcall.risk.groups.two_way import Moves, make_moves, naming_slope, share_interval
from tests.oracles import groups as naive


def invent(seed, patients=300):
    rng = np.random.default_rng(seed)
    strata = rng.integers(0, 4, patients)
    group = rng.random(patients) < 0.2 + 0.1 * strata
    known = rng.random(patients) < 0.9
    outcome = rng.random(patients) < 0.1 + 0.1 * strata
    return outcome, (group & known)[:, None], known[:, None], strata


def no_moves(patients):
    return Moves(np.zeros((8, patients), np.float32), np.zeros(patients))


def test_ratio_is_mantel_and_haenszels():
    outcome, group, known, strata = invent(0)
    top = bottom = 0.0
    for s in range(4):
        inside, others = group[:, 0] & (strata == s), known[:, 0] & ~group[:, 0] & (strata == s)
        n1, n0 = inside.sum(), others.sum()
        top += outcome[inside].sum() * n0 / (n1 + n0)
        bottom += outcome[others].sum() * n1 / (n1 + n0)
    contrast = compare_within(outcome.astype(float), group, known, strata)
    assert np.exp(contrast.estimate[0]) == pytest.approx(top / bottom)
    tables = []
    for s in range(4):
        of = strata == s
        sides = (group[:, 0] & of, known[:, 0] & ~group[:, 0] & of)
        tables.append([[outcome[x].sum(), (~outcome[x]).sum()] for x in sides])
    pooled = StratifiedTable([np.array(table) for table in tables]).riskratio_pooled
    assert np.exp(contrast.estimate[0]) == pytest.approx(pooled)


def test_the_interval_of_a_crude_ratio_by_hand():
    """Half a patient more on either side: variance 1/5.5 + 1/10.5 less 1/size of each."""
    group = np.arange(100) < 40
    outcome = np.isin(np.arange(100), [*range(5), *range(50, 60)]).astype(float)
    contrast = compare_within(outcome, group[:, None], np.ones((100, 1), bool), np.zeros(100, int))
    low, high = contrast.interval(no_moves(100))
    assert np.exp(contrast.estimate[0]) == pytest.approx((5 / 40) / (10 / 60))
    middle = np.log((5.5 / 40) / (10.5 / 60))
    spread = (16 * 24 / 100 - 5 * 10 / 100) / (5.5 * 60 / 100 * (10.5 * 40 / 100))
    assert (low[0] + high[0]) / 2 == pytest.approx(middle)
    assert (high[0] - low[0]) / 2 == pytest.approx(1.96 * np.sqrt(spread), rel=1e-3)


def test_nobody_tells_nothing_and_none_of_a_group_is_a_ratio_of_0():
    group, everybody = (np.arange(100) < 40)[:, None], np.ones((100, 1), bool)
    nobody = compare_within(np.zeros(100), group, everybody, np.zeros(100, int))
    assert np.isnan([*nobody.estimate, *np.ravel(nobody.interval(no_moves(100)))]).all()
    alone = compare_within(np.ones(100), group, everybody, group[:, 0].astype(int))
    assert np.isnan(alone.estimate).all()
    others = (np.arange(100) >= 90).astype(float)
    none = compare_within(others, group, everybody, np.zeros(100, int))
    low, high = np.exp(none.interval(no_moves(100)))
    assert np.exp(none.estimate[0]) == 0
    assert 0 < low[0] < 0.2 < high[0] < 2


def test_shift_is_a_mean_of_differences():
    rng = np.random.default_rng(1)
    outcome, group, known, strata = invent(1)
    values = rng.standard_normal(300) + outcome
    differences, weights = [], []
    for s in range(4):
        inside, others = group[:, 0] & (strata == s), known[:, 0] & ~group[:, 0] & (strata == s)
        differences.append(values[inside].mean() - values[others].mean())
        weights.append(inside.sum() * others.sum() / (inside.sum() + others.sum()))
    shift = shift_within(values, group, known, strata)
    assert shift.estimate[0] == pytest.approx(np.average(differences, weights=weights))
    assert shift.coefficients[:, 0] @ values == pytest.approx(shift.estimate[0])


def test_moves_are_a_jackknife():
    """How d moves when a pair counts a little more, by numerical differentiation."""
    statistic, members = naive.draw_audit(np.random.default_rng(2), 20, 6, shift=0.5)
    d, move, error = make_moves(statistic, members)
    np.testing.assert_allclose(d, naive.estimate_d(statistic, members), rtol=1e-5)
    assert np.abs(move.mean(0)).max() < 1e-5
    inside = np.where(members[0::2], statistic[0::2], statistic[1::2]).astype(float)
    outside = np.where(members[0::2], statistic[1::2], statistic[0::2]).astype(float)

    def weighted(w):
        spread = 0.0
        for side in (inside, outside):
            spread = spread + w @ (side - w @ side) ** 2 * 6 / 5
        return (w @ inside - w @ outside) / np.sqrt(spread)

    even = np.full(6, 1 / 6)
    for pair in range(6):
        ahead = even + 1e-6 * (np.eye(6)[pair] - even)
        slope = (weighted(ahead) - weighted(even)) / 1e-6
        np.testing.assert_allclose(move[pair], slope, atol=2e-4)
    assert (error > 0).all()


def test_a_shared_move_widens_an_interval_and_a_move_of_each_alone_does_not():
    rng, ones = np.random.default_rng(3), np.full((500, 1), 1 / 500)
    alone = rng.standard_normal((16, 500)).astype(np.float32)
    shared = alone + rng.standard_normal((16, 1)).astype(np.float32)
    variances = [Moves(m, (m * m).sum(0)).variance(ones)[0] for m in (alone, shared)]
    expected = (shared.mean(1) ** 2).sum() / (16 * 15) - (shared**2).sum() / 500**2 / (16 * 15)
    assert variances[0] < 1e-3
    assert variances[1] == pytest.approx(expected, rel=1e-3)


def test_slope_is_the_kernel_at_one_threshold():
    d = np.sort(np.random.default_rng(4).standard_normal(4000))
    slope = naming_slope(d, d > 1, np.zeros(4000, int), np.full(4000, 0.4))
    near = np.exp(-(((d - 1) / 0.2) ** 2) / 2) / (0.2 * np.sqrt(2 * np.pi))
    assert np.trapezoid(slope, d) == pytest.approx(1, abs=0.05)
    assert np.abs(slope - near)[np.abs(d) < 2].max() < 0.6
    assert not naming_slope(d, d > 9, np.zeros(4000, int), np.full(4000, 0.4)).any()


def test_a_share_without_shared_moves_has_wilsons_interval():
    low, high = share_interval(np.array([0.0, 5.0]), np.array([40.0, 40.0]), np.zeros(2), 16)
    np.testing.assert_allclose(low, [0, 0.0546], atol=1e-3)
    np.testing.assert_allclose(high, [0.0876, 0.2611], atol=1e-3)


def test_strata_are_label_and_class_of_records():
    strata = make_strata(np.array([0, 0, 0, 1, 0, 0]), np.array([1, 2, 3, 3, 4, 7]))
    assert len(set(strata)) == 4
    assert strata[1] == strata[2] != strata[3]
    assert strata[4] == strata[5]
