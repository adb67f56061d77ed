import numpy as np
import pytest

from rollcall.risk.exposed.assess import assess_exposure
from rollcall.risk.record import binormal_auc, pool_shape
from rollcall.stats.moments import compute_moments
from tests.oracles import risk


def assess(targets, shift, stratum=None, draws=100_000, seed=0):
    patients = len(shift)
    rng = np.random.default_rng(seed)
    statistic, members, _ = risk.simulate(rng, targets, np.ones(patients, int), shift, tails=None)
    moments = compute_moments(statistic, members)
    auc = binormal_auc(moments, pool_shape(moments))[0]
    stratum = np.zeros(patients, int) if stratum is None else stratum
    return assess_exposure(
        statistic, members, moments, auc, np.zeros(patients), stratum, draws, seed
    )


def test_what_is_said_agrees_with_itself():
    shift = np.where(np.arange(1000) % 10 == 0, 2.0, 0.0)
    found = assess(32, shift, np.arange(1000) % 2)
    cohort, exposed = found.cohort, found.patients["exposed"]
    assert cohort["exposed"] == exposed.sum() > 90
    assert cohort["exposed_low"] <= exposed.sum() <= cohort["exposed_high"]
    assert 0 < cohort["by_chance"] < 10
    assert cohort["by_chance"] < cohort["at_most_false"] < 25
    assert cohort["told_low"] < cohort["told"]
    assert cohort["told"] == pytest.approx(0.1, abs=0.08)
    assert cohort["named_again"] == pytest.approx(found.patients["named_again"][exposed].mean())
    assert cohort["above_0.9_low"] < cohort["above_0.9"] < cohort["above_0.9_high"]
    assert 0.5 < cohort["named_by_both"] <= 1
    assert cohort["smallest_named"] > 0.75
    assert (found.patients["local_fdr"][~exposed] == 1).all()
    assert (found.patients["q_value"][exposed] <= 0.05).all()


@pytest.mark.parametrize("share", [0.01, 0.1, 0.4, 1.0])
@pytest.mark.parametrize("targets", [8, 16])
def test_few_models_and_wide_leakage_say_what_they_could_have_found(targets, share):
    """Patients 20 sd apart are all named or, with 8 models, power says that nobody could be.

    No p-value is below the share that leaks times 2^-K: with 8 models 2^-4 is above 0.05 times any
    share below 1, but for the estimated share of patients of whom nothing can be told.
    """
    leaks = np.arange(2000) < share * 2000
    found = assess(targets, 20.0 * leaks)
    exposed = found.patients["exposed"]
    assert not exposed[~leaks].sum() > 0.05 * exposed.sum() + 3 * np.sqrt(0.05 * exposed.sum())
    if exposed[leaks].any():
        assert exposed[leaks].mean() > 0.9
        assert found.cohort["power_99"] > 0
    else:
        assert np.isnan(found.cohort["smallest_named"])
        assert found.cohort["power_99"] < 0.8
    if targets == 16:
        assert exposed[leaks].all()
    assert found.cohort["told"] == pytest.approx(share, abs=0.06)
