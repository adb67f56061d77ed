"""The pair score's null law is everybody's; ties share; places go with patients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.risk.groups.ranking import draw_places, pair_score, share_top
from tests.oracles import groups as naive


def test_the_score_is_the_naive_one():
    statistic, members = naive.draw_audit(np.random.default_rng(0), 50, 8, shift=0.5)
    statistic[:, 3] = 7.0
    scores = pair_score(statistic, members)
    np.testing.assert_allclose(scores, naive.pair_scores(statistic, members), atol=1e-6)
    assert scores[3] == 0


def test_the_null_spread_is_the_same_for_every_correlation():
    """1 / K within 4 Monte-Carlo errors (fails by chance in 1 of 5,000 choices of seeds)."""
    for correlation in (0.5, -0.4, -0.9):
        rng = np.random.default_rng(1)
        scores = pair_score(*naive.draw_audit(rng, 20_000, 16, correlation=correlation))
        assert scores.var() == pytest.approx(1 / 16, rel=4 * np.sqrt(2 / 20_000))


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=60), st.integers(0, 70))
def test_a_top_has_its_size_and_equals_share_alike(score, count):
    score = np.array(score, float)
    parts = share_top(score, count)
    assert parts.sum() == pytest.approx(min(count, len(score)))
    assert ((parts >= 0) & (parts <= 1)).all()
    for value in np.unique(score):
        assert np.ptp(parts[score == value]) == 0
    order = np.argsort(score)
    assert (np.diff(parts[order]) >= 0).all()


def test_places_go_with_the_things():
    key, shuffle = np.random.default_rng(0).random(50), np.random.default_rng(1).permutation(50)
    places = draw_places(key, 3)
    assert sorted(places) == list(range(50))
    np.testing.assert_array_equal(draw_places(key[shuffle], 3), places[shuffle])
