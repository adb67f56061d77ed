"""The exact test is every way of handing out labels within strata; Holm is Holm's."""

import itertools

import numpy as np
import pytest
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests

from rollcall.risk.groups.exact import LEAST_P, adjust_p_values, conditional_p_value


def naive_p(strata, group, top):
    """Of all ways to hand out the group's labels within strata, those no likelier in their sum."""
    ways = [
        list(itertools.combinations(np.flatnonzero(strata == s), (group & (strata == s)).sum()))
        for s in np.unique(strata)
    ]
    sums = np.array(
        [sum(top[list(part)].sum() for part in parts) for parts in itertools.product(*ways)]
    )
    law = np.bincount(sums, minlength=len(top) + 1) / len(sums)
    return law[law <= law[(group & top).sum()] * (1 + 1e-9)].sum()


def tables_of(strata, group, top):
    return [
        [(group & top & s).sum(), (group & s).sum(), (top & s).sum(), s.sum()]
        for s in (strata == code for code in np.unique(strata))
    ]


@pytest.mark.parametrize("seed", range(20))
def test_p_is_of_every_labelling_within_strata(seed):
    rng = np.random.default_rng(seed)
    strata = np.sort(rng.integers(0, 3, 12))
    group, top = rng.random(12) < 0.4, rng.random(12) < 0.4
    expected = naive_p(strata, group, top)
    assert conditional_p_value(tables_of(strata, group, top)) == pytest.approx(expected)
    assert conditional_p_value(tables_of(strata, ~group, top)) == pytest.approx(expected)


def test_one_stratum_is_fishers_test():
    rng = np.random.default_rng(0)
    for number in range(500):
        a, b, c, d = rng.integers(0, (3, 10, 50, 500)[number % 4], 4)
        p = conditional_p_value([[a, a + b, a + c, a + b + c + d]])
        expected = fisher_exact([[a, b], [c, d]])[1]
        assert p == pytest.approx(expected, rel=1e-6, abs=2 * LEAST_P)


def test_all_or_none_at_the_top_tell_nothing():
    assert conditional_p_value([[10, 10, 30, 30]]) == 1
    assert conditional_p_value([[0, 10, 0, 30]]) == 1
    assert conditional_p_value(np.empty((0, 4))) == 1
    assert conditional_p_value([[4000, 4000, 4000, 9000]]) == LEAST_P


def test_holm_is_statsmodels_and_leaves_nan_out():
    p = np.random.default_rng(1).random(30) ** 3
    expected = multipletests(p, method="holm")[1]
    np.testing.assert_allclose(adjust_p_values(p), expected)
    with_hole = np.insert(p, 7, np.nan)
    adjusted = adjust_p_values(with_hole)
    assert np.isnan(adjusted[7])
    np.testing.assert_allclose(np.delete(adjusted, 7), expected)
