"""Redrawn membership of targets that come one by one, against all sets written out."""

from itertools import combinations

import numpy as np
import pytest

from rollcall.risk.record import binormal_auc, pool_shape
from rollcall.risk.singly.redrawing import (
    draw_floor,
    draw_sets,
    make_sets,
    name_auc,
    redraw_scores,
    score_members,
)
from rollcall.stats.moments import compute_moments

RATES = np.array([0.2, 0.5, 0.8, 0.6, 0.3, 0.9])


def all_sets(rates, count):
    """Every set of so many targets, bool (sets, M), and its chance."""
    chosen = list(combinations(range(len(rates)), count))
    sets = np.array([[target in each for target in range(len(rates))] for each in chosen])
    weight = np.where(sets, rates / (1 - rates), 1).prod(1)
    return sets, weight / weight.sum()


@pytest.mark.parametrize("count", range(7))
def test_sets_have_their_chance(count):
    sets, chance = all_sets(RATES, count)
    drawing = make_sets(RATES, np.full(4, count))
    assert np.allclose(drawing.prior[count], chance @ sets, atol=1e-6)
    rounds = 10_000
    drawn = np.stack(list(draw_sets(drawing, rounds, np.random.default_rng(count))), axis=-1)
    assert (drawn.sum(-1) == count).all()
    for each, of_set in zip(sets, chance, strict=True):
        share = (drawn == each).all(-1).mean()
        assert abs(share - of_set) < 4 * np.sqrt(of_set * (1 - of_set) / (4 * rounds)) + 1e-9


def test_the_score_has_mean_0_and_variance_1_over_m_under_all_sets():
    rng = np.random.default_rng(0)
    statistic = rng.standard_normal((6, 5)) + 3 * RATES[:, None]
    for count in (2, 3, 4):
        sets, chance = all_sets(RATES, count)
        drawing = make_sets(RATES, np.full(5, count))
        z = np.array(
            [score_members(drawing, statistic, np.tile(each[:, None], 5)) for each in sets]
        )
        assert np.allclose(chance @ z, 0, atol=1e-6)
        assert ((chance @ z**2 * 6 > 0.8) & (chance @ z**2 * 6 < 1.7)).all()
        drawn = redraw_scores(drawing, statistic, 20_000, 1)
        assert np.allclose(drawn.mean(0), 0, atol=0.02)
        assert np.allclose(drawn.var(0), chance @ z**2, rtol=0.05)


def test_of_equal_counts_the_auc_that_names_is_the_binormal_one():
    rng = np.random.default_rng(1)
    statistic = rng.standard_normal((20, 300)).astype(np.float32)
    members = rng.permuted(np.tile(np.arange(20)[:, None] < 10, 300), axis=0)
    moments = compute_moments(statistic, members)
    auc = binormal_auc(moments, pool_shape(moments))[0]
    drawing = make_sets(np.full(20, 0.5), members.sum(0))
    assert np.allclose(name_auc(drawing, statistic, members), auc, atol=1e-6)


@pytest.mark.parametrize("rate", [0.2, 0.8])
def test_the_floor_is_the_law_of_patients_who_do_not_leak(rate):
    rng = np.random.default_rng(2)
    statistic = rng.standard_normal((32, 4000)).astype(np.float32)
    members = rng.random((32, 4000)) < rate
    kept = (members.sum(0) > 2) & (members.sum(0) < 30)
    statistic, members = statistic[:, kept], members[:, kept]
    drawing = make_sets(np.full(32, rate), members.sum(0))
    floor, auc = draw_floor(drawing, statistic, 50), name_auc(drawing, statistic, members)
    for level in (0.01, 0.05, 0.5):
        share = (auc > np.quantile(floor, 1 - level)).mean()
        assert abs(share - level) < 4 * np.sqrt(level * (1 - level) / len(auc))
