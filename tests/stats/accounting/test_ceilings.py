import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from rollcall.stats.accounting import (
    compute_auc_ceiling,
    compute_epsilon,
    compute_tpr_ceiling,
    trace_ceiling,
)

# (noise, rate, steps) of training on half of PTB-XL, epsilon 1, 5 and 10, and their AUCs. EMBED's
# (1.2, 0.00292, 6860) and noise 0.6262 and 0.518 take 20 s: 0.568, 0.713, 0.819 on 30 Nov 2026.
PTB_XL = [((14.93, 0.1045, 1800), 0.583), ((3.75, 0.1045, 1800), 0.802)]


@pytest.mark.parametrize(("mechanism", "auc"), [*PTB_XL, ((2.2, 0.1045, 1800), 0.930)])
def test_published_ceilings(mechanism, auc):
    assert compute_auc_ceiling(*mechanism) == pytest.approx(auc, abs=0.002)


def test_a_gaussian_without_sampling_is_the_closed_form():
    """Whoever sees one sum tells N(0, s) from N(1, s)."""
    curve = trace_ceiling(2.0, 1.0, 1)
    mu = 1 / 2.0
    assert curve.auc == pytest.approx(ndtr(mu / math.sqrt(2)), abs=1e-3)
    for fpr in (0.001, 0.05, 0.5):
        exact = ndtr(ndtri(fpr) + mu)
        assert exact <= curve.find_tpr(fpr) <= 1.01 * exact
        assert curve.find_fpr(curve.find_tpr(fpr)) == pytest.approx(fpr, rel=0.01)


def test_no_attack_on_simulated_sums_is_above():
    """Members are drawn at the rate in every step; the attack is the likelihood ratio itself."""
    noise, rate, steps, people = 1.0, 0.3, 8, 20_000
    rng = np.random.default_rng(5)
    members = np.arange(people) < people // 2
    sums = noise * rng.standard_normal((steps, people))
    sums += members & (rng.random((steps, people)) < rate)
    scores = np.log1p(rate * np.expm1((2 * sums - 1) / (2 * noise**2))).sum(0)
    curve = trace_ceiling(noise, rate, steps)
    ranks = scores.argsort().argsort()
    auc = (ranks[members].mean() - (people / 2 - 1) / 2) / (people / 2)
    assert curve.auc - 0.03 < auc < curve.auc  # which holds for who is added and who is removed
    threshold = np.quantile(scores[~members], 0.99)
    assert (scores[members] > threshold).mean() == pytest.approx(curve.find_tpr(0.01), rel=0.15)


def test_a_patient_with_more_records_is_told_more_easily():
    aucs = [compute_auc_ceiling(1.5, 0.05, 20, records) for records in (1, 3, 12)]
    assert aucs == sorted(aucs)
    epsilons = [compute_epsilon(1.5, 1e-5, 0.05, 20, records) for records in (1, 3, 12)]
    assert epsilons[0] < epsilons[1] / 2 < epsilons[2] / 4


def test_all_records_in_every_step_are_one_unit_that_is_as_much_larger():
    assert compute_epsilon(3.0, 1e-5, 1.0, 4, records=3) == pytest.approx(
        compute_epsilon(1.0, 1e-5, 1.0, 4), rel=0.01
    )


def test_ends():
    assert compute_auc_ceiling(0, 0.1, 10) == 1
    assert compute_auc_ceiling(math.inf, 0.1, 10) == pytest.approx(0.5)
    assert compute_auc_ceiling(1.0, 0.1, 0) == pytest.approx(0.5)
    assert compute_tpr_ceiling(0.25, math.inf, 0.1, 10) == pytest.approx(0.25)
    assert compute_epsilon(1.0, 1e-5, 1.0, 5, records=10_000) == math.inf
