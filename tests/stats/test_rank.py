import numpy as np
import pytest

from rollcall.stats import rank
from rollcall.stats.rank import rank_auc, rank_interval
from tests.oracles import risk as naive
from tests.oracles.risk import FIXED


@FIXED
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
