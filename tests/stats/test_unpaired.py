"""Moments, rank AUCs, moves and levels of targets that come one by one, against naive ones."""

import numpy as np
import pytest
from scipy import stats as oracle

from rollcall.stats.design import check_design, count_units, find_few, find_units, is_paired
from rollcall.stats.levels import take_levels
from rollcall.stats.members import draw_members
from rollcall.stats.moments import compute_moments
from rollcall.stats.rank import rank_auc
from rollcall.stats.unpaired import estimate_moves
from rollcall.util.errors import InputError


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    members = rng.random((17, 60)) < 0.4
    members = members[:, ~find_few(members)]
    index = np.sort(rng.integers(0, members.shape[1], 90))
    return rng.standard_normal((17, 90)) + rng.normal(0, 5, 90), members, index


def test_designs_are_told_apart():
    pairs = draw_members(8, 30, 0)
    assert is_paired(pairs)
    assert count_units(pairs) == 4
    assert find_units(pairs).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    single = pairs[:7]
    assert not is_paired(single)
    assert count_units(single) == 7
    assert is_paired(np.append(pairs, pairs[:, :1] | True, axis=1), np.arange(30))
    with pytest.raises(InputError, match="2 of 7 targets had column 0"):
        check_design(np.arange(7)[:, None] < np.full(5, 2))


def test_moments_are_the_naive_ones(drawn):
    scores, members, index = drawn
    moments = compute_moments(scores, members, index)
    for record, patient in enumerate(index):
        had = members[:, patient]
        for name, values in (("in", scores[had, record]), ("out", scores[~had, record])):
            assert getattr(moments, f"n_{name}")[record] == len(values)
            of = {key: getattr(moments, f"{key}_{name}")[record] for key in ("mean", "var", "skew")}
            assert of["mean"] == pytest.approx(values.mean())
            assert of["var"] == pytest.approx(values.var(ddof=1))
            assert of["skew"] == pytest.approx(oracle.skew(values, bias=False))
            if len(values) > 3:
                kurt = getattr(moments, f"kurt_{name}")[record]
                assert kurt == pytest.approx(oracle.kurtosis(values, bias=False))
    assert np.allclose(moments.mean, scores.mean(0))
    assert np.allclose(moments.sd, scores.std(0))


def test_rank_auc_counts_pairs_of_scores(drawn):
    scores, members, index = drawn
    got = rank_auc(scores.round(0), members, index)
    for record, patient in enumerate(index):
        had = members[:, patient]
        values = scores.round(0)[:, record]
        difference = values[had][:, None] - values[~had]
        assert got[record] == pytest.approx(((difference > 0) + (difference == 0) / 2).mean())


@pytest.mark.parametrize("pooled", [False, True])
def test_moves_are_what_another_weight_of_a_target_does(pooled):
    """The jackknife's variance is that of d over as many new models, who is in them too: 6 to 10%
    less, since it holds how many had a patient."""
    rng = np.random.default_rng(1)
    members = rng.random((64, 4000)) < 0.3
    statistic = rng.standard_normal((64, 4000)) + 1.5 * members
    d, move = estimate_moves(statistic, members, pooled)
    variance = (move**2).sum(0).mean() / (64 * 63)
    assert 0.85 * d.var() < variance < 1.02 * d.var()


def test_levels_of_targets_go_and_leaks_stay():
    rng = np.random.default_rng(2)
    members = rng.random((24, 1500)) < np.resize([0.2, 0.5, 0.8], 24)[:, None]
    level = rng.standard_normal((24, 1)) + 2 * members.mean(1, keepdims=True)
    leak = (np.arange(1500) < 300) * 2.0
    noise = rng.standard_normal((24, 1500))
    got = take_levels(noise + level + leak * members, members, np.arange(1500))
    moments = compute_moments(got, members)
    shift = moments.mean_in - moments.mean_out
    assert abs(shift[leak == 0].mean()) < 0.05
    assert shift[leak > 0].mean() == pytest.approx(2, abs=0.1)
