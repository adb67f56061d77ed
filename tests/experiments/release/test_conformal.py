"""p-values, q-values and numbers of outsiders against loops that say the same plainly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.experiments.release import conformal
from rollcall.risk.exposed.q_values import estimate_null_share

VALUES = st.lists(st.floats(-5, 5, width=16), min_size=1, max_size=12)


@given(VALUES, VALUES, st.integers(0, 5))
def test_p_values_lie_between_those_with_all_and_with_no_ties_above(tested, outsiders, seed):
    p, p_outside = conformal.compute_p_values(np.array(tested), np.array(outsiders), seed)
    n = len(outsiders)
    for value, got in zip(tested, p, strict=True):
        above = sum(other > value for other in outsiders)
        equal = sum(other == value for other in outsiders)
        assert (1 + above) / (n + 1) - 1e-12 <= got <= (1 + above + equal) / (n + 1) + 1e-12
    assert sorted(np.rint(p_outside * n)) == list(range(1, n + 1))  # each one place, ties drawn


@pytest.mark.parametrize("levels", [10_000, 3, 1])
def test_a_null_patient_is_below_every_level_as_often_as_it_says(levels):
    """With ties as well: one more draw from the outsiders' law has each rank alike."""
    rng, hits = np.random.default_rng(1), np.zeros(20)
    for seed in range(1000):
        values = rng.integers(0, levels, 21)
        p, _ = conformal.compute_p_values(values[:1], values[1:-1], seed)
        hits[round(p[0] * 20) - 1] += 1
    assert hits.sum() == 1000
    assert abs(hits - 50).max() < 5 * np.sqrt(50)


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=30), st.floats(0.2, 1))
def test_q_values_name_whom_the_step_up_rule_names(p, share):
    p = np.array(p)
    q = conformal.adjust_for_discoveries(p, share)
    for fdr in (0.02, 0.05, 0.3):
        ordered, limit = np.sort(p), 0.0
        for rank, value in enumerate(ordered, 1):
            if share * len(p) * value / rank <= fdr:
                limit = value
        assert ((q <= fdr) == (p <= limit)).all()


def test_the_share_of_nulls_is_not_underestimated_but_for_the_cap_at_1():
    rng = np.random.default_rng(2)
    for nulls in (1.0, 0.8, 0.5):
        shares = []
        for seed in range(200):
            kinds = rng.random(200) < nulls
            tested = rng.standard_normal(200) + 4 * ~kinds
            p, _ = conformal.compute_p_values(tested, rng.standard_normal(200), seed)
            shares.append(estimate_null_share(p))
        assert nulls - 0.05 <= np.mean(shares) <= nulls + 0.05


@pytest.mark.parametrize(("fdr", "least"), [(0.05, 19), (0.1, 9), (0.01, 99), (0.5, 1), (0.3, 3)])
def test_least_outsiders_is_the_smallest_number_that_can_name(fdr, least):
    assert conformal.count_least_outsiders(fdr) == least

    def names(outsiders: int) -> bool:
        tested = np.full(50, 10.0) + np.arange(50)
        p, _ = conformal.compute_p_values(tested, np.arange(outsiders) * 1.0 - 500)
        return (conformal.adjust_for_discoveries(p) <= fdr).any()

    assert names(least)
    assert not names(least - 1)


@pytest.mark.parametrize(("tested", "outsiders"), [(1000, 1000), (500, 99), (40, 19), (300, 5000)])
def test_fewest_named_is_the_smallest_number_above_all_outsiders_that_is_named(tested, outsiders):
    fewest = conformal.count_fewest_named(tested, outsiders)

    def names(above: int) -> bool:
        values = np.where(np.arange(tested) < above, 10.0, -10.0)
        p, _ = conformal.compute_p_values(values, np.random.default_rng(0).normal(size=outsiders))
        return (conformal.adjust_for_discoveries(p) <= 0.05).any()

    assert names(fewest)
    assert fewest == 1 or not names(fewest - 1)
