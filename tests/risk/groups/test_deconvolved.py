"""The ratio of deconvolved shares is the planted one, whatever the number of models."""

import numpy as np
import pytest

from rollcall.risk.groups.deconvolved import compare_deconvolved
from tests.oracles import groups as naive


def plant(seed, pairs, patients=6000):
    """A third of group a, a twelfth of the others with a true d of 1, the rest with 0."""
    rng = np.random.default_rng([seed, pairs])
    group = rng.random(patients) < 0.3
    at_risk = rng.random(patients) < np.where(group, 1 / 3, 1 / 12)
    statistic, members = naive.draw_audit(rng, patients, pairs, shift=1.0 * at_risk)
    return statistic, members, group[:, None], np.ones((patients, 1), bool), at_risk


@pytest.mark.parametrize("pairs", [8, 16, 32])
def test_the_ratio_does_not_depend_on_the_number_of_models(pairs):
    """The planted ratio is about 4; raw counts give 2.0 from 8 pairs."""
    statistic, members, group, known, at_risk = plant(0, pairs)
    result = compare_deconvolved(statistic, members, group, known)
    truth = at_risk[group[:, 0]].mean() / at_risk[~group[:, 0]].mean()
    assert result.ratio[0] == pytest.approx(truth, rel=0.25)
    assert result.low[0] / 1.15 < truth < result.high[0] * 1.15
    assert result.share[0] == pytest.approx(at_risk[group[:, 0]].mean(), rel=0.2)


def test_rows_pairs_and_sides_may_be_shuffled():
    statistic, members, group, known, _ = plant(1, 8, 2000)
    result = compare_deconvolved(statistic, members, group, known)
    rng = np.random.default_rng(2)
    order, targets = rng.permutation(2000), np.repeat(2 * rng.permutation(8), 2)
    targets[0::2] += 1  # the two targets of a pair change places
    shuffled = compare_deconvolved(
        statistic[targets][:, order], members[targets][:, order], group[order], known
    )
    for name in ("share", "others", "ratio", "low", "high"):
        assert getattr(shuffled, name) == pytest.approx(getattr(result, name), rel=2e-3)
    inverse = compare_deconvolved(statistic, members, ~group, known)
    assert inverse.ratio == pytest.approx(1 / result.ratio)
    assert inverse.low == pytest.approx(1 / result.high, rel=1e-3)


def test_fewer_than_ten_patients_at_risk_tell_nothing():
    statistic, members = naive.draw_audit(np.random.default_rng(3), 400, 16)
    group = (np.arange(400) < 100)[:, None]
    result = compare_deconvolved(statistic, members, group, group | True)
    assert np.isnan([result.ratio[0], result.low[0], result.high[0]]).all()
    constant = compare_deconvolved(np.full_like(statistic, 3), members, group, group | True)
    assert np.isnan(constant.ratio[0])
