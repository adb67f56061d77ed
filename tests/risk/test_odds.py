import numpy as np
import pytest
import statsmodels.api as sm

from rollcall.risk.odds import estimate_odds_ratio
from tests.oracles.risk import confounded


def test_odds_are_statsmodels_on_every_patient():
    group, top, records, diagnosis = confounded(np.random.default_rng(0), 1500, 0.5)
    columns = [np.ones(1500), group, np.log(records), diagnosis == 2]
    fit = sm.Logit(top.astype(float), np.column_stack(columns).astype(float)).fit(disp=0)
    odds = estimate_odds_ratio(group, top, records, [diagnosis])
    assert odds["odds_method"] == "logit"
    assert odds["odds_ratio"] == pytest.approx(np.exp(fit.params[1]), rel=1e-5)
    limits = tuple(np.exp(fit.conf_int()[1]))
    assert (odds["odds_low"], odds["odds_high"]) == pytest.approx(limits, rel=1e-4)
    assert odds["odds_p"] == pytest.approx(fit.pvalues[1], rel=1e-3)
    rare = diagnosis.copy()
    # A diagnosis of nobody at the top tells nothing, and does not break the fit.
    rare[np.flatnonzero(~top)[:7]] = 9
    assert estimate_odds_ratio(group, top, records, [rare])["odds_method"] == "logit"


def test_a_separated_group_gets_firths_estimate():
    """Without covariates Firth's estimate is known: half a patient in each cell."""
    group, ones = np.arange(200) < 40, np.ones(200, int)
    for top in (np.isin(np.arange(200), [50, 60, 70]), np.isin(np.arange(200), [0, 1])):
        a, b, c, d = (
            float((x & y).sum()) + 0.5
            for x, y in ((group, top), (group, ~top), (~group, top), (~group, ~top))
        )
        odds = estimate_odds_ratio(group, top, ones)
        assert odds["odds_method"] == "Firth"
        assert odds["odds_ratio"] == pytest.approx(a * d / (b * c), rel=1e-6)
        assert odds["odds_low"] < odds["odds_ratio"] < odds["odds_high"]
        assert odds["odds_low"] < 1.2
        assert odds["odds_high"] > 0.8


def test_what_says_the_same_as_the_group_leaves_it_unidentified():
    group, ones = np.arange(200) < 40, np.ones(200, int)
    top = np.arange(200) % 20 == 0
    for arguments in (
        (group, top, ones, [group.astype(int)]),
        (group, np.zeros(200, bool), ones),
        (group | True, top, ones),
    ):
        odds = estimate_odds_ratio(*arguments)
        assert odds["odds_method"] == "not identified"
        assert np.isnan(odds["odds_ratio"])
