"""The release check: error rates over simulated releases, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from rollcall.experiments.release import check_release
from rollcall.util.errors import InputError

from .simulation import check, false_share, simulate


def rate(releases: int, **options) -> tuple[float, float, float]:
    """Mean and standard error of the share of the named who are false; how many were named."""
    cases = [simulate(seed, **options) for seed in range(releases)]
    results = [check(case, seed=seed) for seed, case in enumerate(cases)]
    shares = [false_share(case, result) for case, result in zip(cases, results, strict=True)]
    error = np.std(shares) / np.sqrt(releases)
    return np.mean(shares), error, np.mean([result.named for result in results])


def test_at_most_a_twentieth_of_the_named_is_false():
    """15 releases; by chance alone this fails once in 40 runs of a rate that is just 5%."""
    share, error, named = rate(15, leak=6.0)
    assert named > 30
    assert share <= 0.05 + 2 * error


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"leak": 6.0}, {"heavy": False, "leak": 4.0}, {"suspects": 0.6, "leak": 6.0}]
)
def test_at_most_a_twentieth_of_the_named_is_false_over_200_releases(options):
    share, error, named = rate(200, **options)
    assert named > 10
    assert share <= 0.05 + 2 * error


@pytest.mark.parametrize("options", [{}, {"suspects": 0.0}])
def test_nobody_is_named_where_nothing_leaks(options):
    """Any name is false: 5% of releases may have one; of 20, 4 or more come once in 60."""
    results = [check(simulate(seed, leak=0.0, **options), seed=seed) for seed in range(20)]
    assert sum(result.named > 0 for result in results) <= 3
    assert np.mean([result.traced for result in results]) < 0.08


@pytest.mark.parametrize("releases", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_outsiders_of_another_hospital_are_always_flagged_and_nobody_is_named(releases):
    """Their features lie 0.3 standard deviations off."""
    for seed in range(releases):
        result = check(simulate(seed, shifted=0.3, leak=6.0), seed=seed)
        assert result.control.flagged
        assert result.named == 0
        assert not result.patients["named"].any()
        assert result.patients["q"].isna().all()
        assert "same source" in result.reason


def test_another_hospital_is_flagged_by_how_hard_its_patients_are_where_no_features_are_given():
    for seed in range(10):
        case = simulate(seed)
        harder = ~case.members[case.index] * np.float32(1.5)
        assert check_release(
            case.released - harder, case.references - harder, *case[2:5], seed=seed
        ).control.flagged


def test_a_sound_release_is_seldom_flagged():
    """1% of them; of 40, 4 or more come once in 1,000."""
    results = [check(simulate(seed, patients=200), seed=seed) for seed in range(40)]
    assert sum(result.control.flagged for result in results) <= 3


def test_no_more_is_said_to_be_kept_than_is():
    """Outsiders whom a model would remember must not make members without a trace look unlike."""
    cases = [simulate(seed, patients=600, leak=8.0, suspects=0.0) for seed in range(10)]
    results = [check(case) for case in cases]
    truth = np.array([case.traced[case.members].mean() for case in cases])
    assert np.mean([result.traced for result in results] - truth) < 0.02
    assert np.mean([result.traced_low for result in results] <= truth) >= 0.9


def test_what_is_reported_adds_up():
    case = simulate(1, leak=6.0)
    result = check(case, attributes=pd.DataFrame({"sex": np.where(case.members, "f", "m")}))
    patients = result.patients
    assert result.named == patients["named"].sum() > 30
    assert (patients["member"] == case.members).all()
    assert not (patients["named"] & ~patients["member"]).any()
    assert not (patients["above"] & patients["member"]).any()
    least = patients.loc[patients["named"], "statistic"].min()
    assert result.outsiders_above == ((patients["statistic"] >= least) & ~case.members).sum()
    assert (patients.loc[case.members, "named"] == (patients.loc[case.members, "q"] <= 0.05)).all()
    assert result.auc_low < result.auc < result.auc_high
    assert result.traced_low <= result.traced
    assert result.traced_low < 0.2  # the truth: a tenth of the tested
    assert result.references == 16


def test_the_same_seed_gives_the_same_release():
    case = simulate(2)
    pd.testing.assert_frame_equal(check(case).patients, check(case).patients)


def test_what_cannot_be_is_refused_with_the_reason():
    case = simulate(3)
    everybody = np.ones_like(case.members)
    few = everybody.copy()
    few[:18] = False
    partner = case.reference_members.copy()
    partner[3] = ~case.members
    for other, words in (
        ({"members": everybody}, "0 known outsiders; expected at least 19"),
        ({"members": few}, "18 known outsiders; expected at least 19"),
        ({"members": ~few & False}, "0 members"),
        ({"members": case.members * 1}, "expected bool"),
        ({"members": case.members[:-1]}, "expected a record of each patient"),
        ({"fdr": 0.0}, "expected a share"),
        ({"index": case.index.astype(float)}, "expected whole numbers from 0"),
        ({"index": case.index - 1}, "expected whole numbers from 0"),
        ({"label": case.label[1:]}, "label: .* one for each record"),
        ({"features": case.features[1:]}, "features: .* one for each record"),
        ({"attributes": pd.DataFrame({"a": ["b"]})}, "attributes: 1 rows; .* for each patient"),
        ({"reference_members": partner}, "reference model 3 had 0% of the members and 100%"),
    ):
        names = ("released", "references", "reference_members", "index", "members")
        with pytest.raises(InputError, match=words):
            check_release(**{name: getattr(case, name) for name in names} | other)
