import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from rollcall.stats import rank
from rollcall.stats.rank import ascending_order, average_ranks, rank_auc, rank_interval
from tests.oracles import risk as naive


@given(st.integers(0, 2**32), st.integers(1, 30), st.sampled_from([1, 3, 1000]))
def test_ties_share_their_mean_rank(seed, n, distinct):
    rng = np.random.default_rng(seed)
    for dtype in (np.float32, np.float64, np.int64):
        values = rng.integers(-distinct, distinct, (2, 3, n)).astype(dtype)
        ranks = average_ranks(values)
        assert ranks.dtype == np.float64
        assert (ranks == rankdata(values, axis=-1)).all()
        assert (average_ranks(values[0, 0]) == ranks[0, 0]).all()
        below, equal = (
            (op(values[1, 2], values[1, 2, :, None])).sum(1) for op in (np.less, np.equal)
        )
        assert (ranks[1, 2] == below + (equal + 1) / 2).all()


def test_ranks_of_a_row_with_a_nan_are_nan():
    ranks = average_ranks(np.array([[2.0, np.nan, 1.0], [-0.0, 0.0, -np.inf]]))
    np.testing.assert_array_equal(ranks, [[np.nan] * 3, [2.5, 2.5, 1.0]])


@naive.given_records
def test_rank_auc_is_the_share_of_pairs_in_order(seed, patients, pairs, tied, level):
    scores, members, index = naive.random_records(seed, patients, pairs, tied, level)
    area = rank_auc(scores, members, index)
    assert area.dtype == np.float64
    assert area[0] == 0.5  # constant scores
    for n, patient in enumerate(index):
        assert area[n] == pytest.approx(naive.auc(scores[:, n], members[:, patient]), abs=1e-9)
    assert (rank_auc(scores, members[:, index]) == area).all()


def test_zeros_of_either_sign_are_tied():
    members = np.tile([[True], [False]], (4, 1))
    scores = np.array([[0.0], [-0.0]] * 4, np.float32)
    assert rank_auc(scores, members)[0] == 0.5


def test_more_columns_than_a_block_and_other_layouts(monkeypatch):
    rng = np.random.default_rng(0)
    scores, members, index = naive.simulate(rng, 10, rng.integers(1, 4, 30))
    whole = rank_auc(scores, members, index)
    monkeypatch.setattr(rank, "RECORDS_PER_BLOCK", 2)
    assert (rank_auc(np.asfortranarray(scores), members, index) == whole).all()


def test_interval_at_0_half_and_1():
    se, low, high = rank_interval(np.array([0.0, 0.5, 1.0]), 4, 0.0)
    assert (se > 0).all()
    assert high[0] > 0.3
    assert low[2] < 0.7
    assert high[2] == pytest.approx(1)
    assert low[1] + high[1] == pytest.approx(1, abs=1e-3)


@given(st.integers(0, 2**32), st.integers(0, 400), st.sampled_from([1, 3, 1000]))
def test_the_order_is_that_of_a_stable_sort(seed, n, distinct):
    rng = np.random.default_rng(seed)
    extremes = [0.0, -0.0, np.inf, -np.inf, 5e-324, -5e-324, 1e-45, 3e38, -3e38, 1.0, -1.0]
    for dtype in (np.float32, np.float64):
        values = rng.integers(-distinct, distinct, n) * rng.choice([1.0, 1e-3, 1e30], n)
        values[rng.random(n) < 0.2] = rng.choice(extremes)
        values = values.astype(dtype)
        assert (ascending_order(values) == np.argsort(values, kind="stable")).all()
    whole = rng.integers(-distinct, distinct, n)
    assert (ascending_order(whole) == np.argsort(whole, kind="stable")).all()
