import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import norm

from rollcall.risk.groups import odds as odds_module
from rollcall.risk.groups.odds import Z_975, estimate_odds_ratio, stratify_patients
from tests.oracles import risk as naive
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


def design(seed):
    """(group, top, records, covariates) of one of six kinds."""
    rng, kind = np.random.default_rng([seed, 3]), seed % 6
    patients = int(rng.integers(60, 700))
    group = rng.random(patients) < rng.uniform(0.05, 0.6)
    records = rng.poisson(2, patients) + 1 if kind else np.ones(patients, int)
    covariates = [rng.integers(0, rng.integers(2, 6), patients) for _ in range(rng.integers(1, 4))]
    top = rng.random(patients) < rng.uniform(0.02, 0.4)
    if kind == 1:  # nobody at the top has the one finding without the other
        one = rng.random(patients) < 0.06
        both = one & (rng.random(patients) < 0.6)
        covariates, top = [one.astype(int), both.astype(int), *covariates], top & (both | ~one)
    if kind == 2:  # separated
        top &= group if seed % 4 else ~group
    if kind == 3:  # one group is a level of a covariate, or two
        group = covariates[0] <= seed % 4 // 2
    if kind == 4:  # one covariate is two others
        covariates.append(covariates[0] * 6 + covariates[-1])
    if kind == 5:  # all but a few patients of the group share a level
        covariates.append((group & (rng.random(patients) < 0.95)).astype(int))
    return group, top, records, covariates


def test_odds_are_those_of_statsmodels_and_firth():
    """Also of covariates that separate, which both leave to diverge until the deviance stands."""
    methods = []
    for seed in range(60):
        odds = estimate_odds_ratio(*design(seed))
        method, beta, error = naive.odds_ratio(*design(seed))
        assert odds["odds_method"] == method
        methods.append((seed % 6, method))
        got = [odds[name] for name in ("odds_ratio", "odds_low", "odds_high")]
        expected = np.exp([beta, beta - Z_975 * error, beta + Z_975 * error])
        digits = 1e-7 if method == "logit" else 2e-4  # to which the oracle climbs
        np.testing.assert_allclose(got, expected, rtol=digits)
        p = 2 * norm.sf(abs(beta) / error)
        np.testing.assert_allclose(odds["odds_p"], p, rtol=10 * digits)
    for case in [(1, "logit"), (1, "Firth"), (2, "Firth"), (3, "not identified"), (5, "logit")]:
        assert methods.count(case) > 1
    assert {method for kind, method in methods if kind == 4} == {"not identified"}


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
        x = np.column_stack([np.ones(rows), logs, *levels]).astype(float)
        identified = np.linalg.matrix_rank(np.column_stack([group, x])) == x.shape[1] + 1
        assert odds_module._is_identified(x, np.stack([~group, group])) == identified
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


def test_firths_estimate_is_the_highest_where_newtons_steps_swing():
    """A group of one, two at the top: steps that are not halved end at 9.47."""
    converged = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        patients = int(rng.integers(15, 40))
        group, top = (np.isin(np.arange(patients), rng.choice(patients, k)) for k in (1, 2))
        case = group, top, rng.integers(1, 4, patients), [rng.integers(0, 3, patients)]
        odds = estimate_odds_ratio(*case)
        if odds["odds_method"] != "Firth":
            continue
        _, beta, _ = naive.odds_ratio(*case)
        assert np.log(odds["odds_ratio"]) == pytest.approx(beta, abs=2e-3)
        converged += 1
    assert converged > 30
