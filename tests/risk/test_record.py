import numpy as np
import pytest

from rollcall.risk import record
from rollcall.risk.record import PooledShape, binormal_auc, pool_shape, share_not_normal
from rollcall.stats.moments import compute_moments
from rollcall.stats.rank import rank_auc
from tests.oracles import risk as naive


@naive.given_records
def test_auc_error_and_interval_of_each_record(seed, patients, pairs, tied, level):
    scores, members, index = naive.random_records(seed, patients, pairs, tied, level)
    moments = compute_moments(scores, members, index)
    areas = np.array(binormal_auc(moments, PooledShape(-0.2, 0.1, -0.3, 0.5)))
    assert areas[0, 0] == 0.5  # constant scores
    assert np.isfinite(areas).all()
    for n, patient in enumerate(index):
        if moments.var_in[n] + moments.var_out[n] > 0.5:
            expected = naive.binormal(scores[:, n], members[:, patient], -0.2, 0.1, -0.3, 0.5)
            assert areas[:, n] == pytest.approx(expected, abs=2e-4)


def test_more_records_than_a_block(monkeypatch):
    scores, members, index = naive.simulate(np.random.default_rng(0), 10, np.full(30, 2))
    moments = compute_moments(scores, members, index)
    pooled = pool_shape(moments)
    whole = binormal_auc(moments, pooled)
    monkeypatch.setattr(record, "NUMBERS_PER_BLOCK", 7)
    np.testing.assert_array_equal(binormal_auc(moments, pooled), whole)


def test_constant_and_separated_columns_stay_finite():
    members = np.tile([[True], [False]], (4, 1))
    for scores, expected in (
        (np.full((8, 1), 1.1), 0.5),
        (members.astype(float), 1.0),
        (~members * 1.0, 0.0),
        (members * 1e6 - 5e5, 1.0),
    ):
        moments = compute_moments(scores, members)
        area, error, low, high = (value[0] for value in binormal_auc(moments, pool_shape(moments)))
        assert area == pytest.approx(expected, abs=1e-6)
        assert np.isfinite([error, low, high]).all()
        assert low <= area <= high
        assert rank_auc(scores, members)[0] == expected


def test_the_pooled_shape_is_the_records_mean_where_scores_vary():
    scores, members, index = naive.simulate(np.random.default_rng(1), 32, np.full(300, 2))
    constant = np.concatenate([scores, np.full((32, 300), 1.1, np.float32)], axis=1)
    twice = np.concatenate([index, np.arange(300)])
    pooled = pool_shape(compute_moments(constant, members, twice))
    assert pooled == pool_shape(compute_moments(scores, members, index))
    correlation, skew_in = [], []
    for n, patient in enumerate(index):
        inside, outside = naive.split_in_out(scores[:, n], members[:, patient])
        total = naive.moments(inside)[1] + naive.moments(outside)[1]
        covariance = naive.pair_covariance(scores[:, n], members[:, patient])
        correlation.append(2 * covariance / total)
        skew_in.append(naive.shape(inside)[2])
    assert pooled.correlation == pytest.approx(np.mean(correlation), abs=1e-5)
    assert pooled.skew_in == pytest.approx(np.mean(skew_in), abs=1e-4)
    nothing = compute_moments(np.full((8, 3), 1.1), np.tile([[True], [False]], (4, 3)))
    assert pool_shape(nothing) == PooledShape(0.0, 0.0, 0.0, 0.0)
    assert share_not_normal(nothing) == 0.0
