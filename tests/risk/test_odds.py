import numpy as np
import pytest
import statsmodels.api as sm

from rollcall.risk import odds as odds_module
from rollcall.risk.odds import estimate_odds_ratio, stratify_patients
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


def test_fits_are_statsmodels_over_many_designs():
    """Coefficient to 1e-6, error to 1e-5; where one converges to something finite, both do."""
    rng, fitted = np.random.default_rng(3), 0
    for _ in range(150):
        patients, covariates = int(rng.integers(80, 1500)), int(rng.integers(0, 4))
        group = rng.random(patients) < rng.uniform(0.05, 0.6)
        records = rng.poisson(2, patients) + 1
        columns = [rng.integers(0, rng.integers(2, 6), patients) for _ in range(covariates)]
        odds_of_top = np.exp(-2.5 + 0.8 * group + 0.3 * np.log(records))
        top = rng.random(patients) < odds_of_top / (1 + odds_of_top)
        levels = [codes == level for codes in columns for level in np.unique(codes)[1:]]
        x = np.column_stack([np.ones(patients), group, np.log(records), *levels]).astype(float)
        kept = np.ones(patients, bool)
        for codes in columns:
            count, top_count = np.bincount(codes), np.bincount(codes, top)
            kept &= ((top_count > 0) & (top_count < count))[codes]
        odds = estimate_odds_ratio(group, top, records, columns)
        if not kept.all() or odds["odds_method"] != "logit":
            continue  # other levels left out; or a separating group
        fit = sm.Logit(top.astype(float), x).fit(disp=0, maxiter=100)
        fitted += 1
        assert np.log(odds["odds_ratio"]) == pytest.approx(fit.params[1], abs=1e-6)
        error = (np.log(odds["odds_high"]) - np.log(odds["odds_low"])) / 2 / 1.959964
        assert error == pytest.approx(fit.bse[1], rel=1e-5)
    assert fitted > 80


def test_a_design_is_identified_as_by_its_singular_values():
    """Random and collinear designs: sums and copies of indicators, a group that is a level."""
    rng, seen = np.random.default_rng(4), set()
    for number in range(400):
        rows, covariates = int(rng.integers(20, 300)), int(rng.integers(1, 5))
        columns = [rng.integers(0, 4, rows) for _ in range(covariates)]
        group = rng.random(rows) < 0.3
        if number % 4 == 1:
            group = columns[0] == 1
        if number % 4 == 2:
            group = (columns[0] == 1) | (columns[0] == 2)
        if number % 4 == 3:
            columns.append(columns[0] * 4 + columns[-1])
        levels = [codes == level for codes in columns for level in np.unique(codes)[1:]]
        logs = np.log(rng.integers(1, 30, rows))
        x = np.column_stack([np.ones(rows), group, logs, *levels]).astype(float)
        if not group.any() or group.all():
            continue
        identified = np.linalg.matrix_rank(x) == x.shape[1]
        assert odds_module._has_full_rank(x) == identified
        seen.add(identified)
    assert seen == {True, False}


def test_strata_are_patients_who_are_alike(monkeypatch):
    """As a dictionary of patients says; also where the key of all covariates would overflow."""
    rng = np.random.default_rng(5)
    top, records = rng.random(500) < 0.3, rng.integers(1, 4, 500)
    covariates = [rng.integers(0, 3, 500) for _ in range(4)]
    expected: dict = {}
    for patient in range(500):
        key = (records[patient], *(int(codes[patient]) for codes in covariates))
        size, at_top = expected.get(key, (0, 0))
        expected[key] = size + 1, at_top + int(top[patient])
    keys = sorted(expected)
    for most in (odds_module.MAX_KEY, 10):
        monkeypatch.setattr(odds_module, "MAX_KEY", most)
        strata = stratify_patients(top, records, covariates)
        assert [*zip(strata.size, strata.top, strict=True)] == [expected[key] for key in keys]
