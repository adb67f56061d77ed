"""Audits of models that come one by one: errors where nothing leaks, coverage, power.

`python -m benchmarks.designs` makes more and larger audits; docs/statistics.md has its numbers.
"""

import numpy as np
import pytest

from benchmarks.designs import audit, simulate
from rollcall.risk import assess_risk

TARGETS, AUDITS = 32, 20


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
def test_errors_and_coverage_at_each_rate(rate):
    """20 audits of 300 patients where nothing leaks: at most 4 name anybody (5% do; by chance 5 or
    more in 0.3%); 20 where a fifth leak: 8% false names at most (three Monte-Carlo errors of 1%).
    Coverage of the intervals 93 to 97% (Monte-Carlo error 0.3%)."""
    false, held, _ = audit((rate,), 0, AUDITS, patients=300)
    assert (false > 0).sum() <= 4
    assert 0.93 <= held.mean() <= 0.97
    false, held, _ = audit((rate,), 0.2, AUDITS, patients=300)
    assert false.mean() <= 0.08
    assert 0.93 <= held.mean() <= 0.97


def test_power_is_that_of_pairs():
    """Of a fifth that leak by 1 to 3 standard deviations, as many are named at a rate of 0.5."""
    pairs, one_by_one = (audit(rates, 0.2, 6, patients=300)[2].mean() for rates in (None, (0.5,)))
    assert one_by_one > 0.95 * pairs > 0.7


def test_no_number_depends_on_the_order_of_models_and_patients():
    scores, members, _ = simulate(0, (0.3, 0.5, 0.7), 0.2, patients=120)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(TARGETS), rng.permutation(len(scores[0]))
    index = np.arange(len(columns))
    first = assess_risk(scores, members, index, draws=6_000)
    other = assess_risk(scores[rows][:, columns], members[rows][:, columns], index, draws=6_000)
    for name in ("auc_joint", "p_value", "q_value", "exposed", "auc_mean", "chance"):
        moved = other.patients[name].to_numpy().astype(float)
        assert np.allclose(first.patients[name].to_numpy().astype(float)[columns], moved, atol=1e-5)
    for name, value in first.cohort.items():
        assert other.cohort[name] == pytest.approx(value, rel=1e-4, abs=1e-6, nan_ok=True), name
