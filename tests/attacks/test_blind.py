import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall import attacks
from rollcall.attacks.blind import RIDGE_PER_RECORD, judge_blind, run_blind
from rollcall.stats import metrics
from rollcall.util.errors import InputError
from tests.oracles import attacks as plain
from tests.oracles import risk as naive


def cohort(rng, patients, number=3):
    """(features (N, D), patient_index (N,)).

    Patients with one to four records that are alike, out of order; and a hospital, 0 to 3, as the
    last four.
    """
    index = rng.permutation(np.repeat(np.arange(patients), rng.integers(1, 5, patients)))
    hospital = np.eye(4)[rng.integers(0, 4, patients)]
    middle = 2 * rng.standard_normal((patients, number)) + 5
    return np.hstack(
        [middle[index] + rng.standard_normal((len(index), number)), hospital[index]]
    ), index


@given(
    seed=st.integers(0, 2**32),
    patients=st.integers(4, 9),
    number=st.integers(1, 3),
    kind=st.sampled_from(["normal", "tied", "constant", "twins"]),
)
def test_blind_is_its_definition(seed, patients, number, kind):
    rng = np.random.default_rng(seed)
    features, index = cohort(rng, patients, number)
    if kind == "tied":
        features = np.round(features / 4)
    if kind == "constant":
        features[:, 0] = 0.1
    if kind == "twins":
        features = np.hstack([features, -3 * features])
    members = naive.paired(rng, 6, patients)[:, index]
    labels = 10 * index + 3  # any numbers for the patients will do
    spread = np.where(features.std(0) > 1e-9, features.std(0), 1)
    direction = np.random.default_rng([0, 3]).standard_normal(features.shape[1]) / spread
    value = np.bincount(index, (features - features.mean(0)) @ direction)
    first = {10 * p + 3 for p in np.argsort(value, kind="stable")[1::2]}
    got, expected = (
        run_blind(features, members, labels),
        plain.blind(features, members, labels, first, RIDGE_PER_RECORD),
    )
    assert got.dtype == np.float32
    assert (
        abs(got - expected) <= 1e-9 + 2**-24 * abs(expected)
    ).all()  # half a unit of float32's last place


def test_a_patients_own_membership_is_not_used():
    """Predictions of a patient's records stay when the patient changes sides.

    Those of the other half's patients do not.
    """
    rng = np.random.default_rng(0)
    features, index = cohort(rng, 40)
    members = naive.paired(rng, 8, 40)
    before = run_blind(features, members[:, index], index)
    for patient in range(10):
        moved = members.copy()
        moved[:, patient] = ~moved[:, patient]
        changed = (run_blind(features, moved[:, index], index) != before).any(0)
        assert not changed[index == patient].any()
        assert changed.mean() > 0.3


@pytest.mark.slow
@pytest.mark.parametrize(("patients", "repeats"), [(40, 400), (400, 120)])
def test_null_is_half(patients, repeats):
    """Within 4 Monte-Carlo errors of 0.5 (2 cases.

    Fails by chance in about 1 of 8,000 choices of seeds), and those under 0.004. Members are drawn
    as the library draws them, exactly half of the patients: chance in one half is mirrored in the
    other.
    """
    areas = []
    for seed in range(repeats):
        rng = np.random.default_rng([seed, patients])
        features, index = cohort(rng, patients)
        members = naive.paired(rng, 8, patients)[:, index]
        result = run_blind(features, members, index)
        areas.append(
            np.mean([metrics.auc(result[t], members[t]) for t in range(0, 8, 2)])
        )  # the other of a pair mirrors it
    error = np.std(areas, ddof=1) / np.sqrt(len(areas))
    assert error < 0.004
    assert abs(np.mean(areas) - 0.5) < 4 * error


def test_members_of_one_hospital_are_found():
    """Members from hospitals 0 and 1 but for 3 of 100 patients.

    And members told by an input, with noise.
    """
    rng = np.random.default_rng(1)
    features, index = cohort(rng, 1000)
    of_one = features[:, 3:5].sum(1) > 0
    members = np.stack(
        [
            of_one ^ (rng.random(1000) < 0.03)[index],
            features[:, 0] + 0.5 * rng.standard_normal(len(index)) > 5,
        ]
    )
    result = run_blind(features, members, index)
    assert min(metrics.auc(result[t], members[t]) for t in range(2)) > 0.9


def test_what_does_not_fit_is_refused():
    rng = np.random.default_rng(2)
    features, index = cohort(rng, 10)
    members = naive.paired(rng, 8, 10)[:, index]
    with pytest.raises(
        InputError, match=r"expected \(records, features\), \(targets, records\) and \(records,\)"
    ):
        run_blind(features[1:], members, index)
    with pytest.raises(InputError, match="members is int64"):
        run_blind(features, members.astype(int), index)
    with pytest.raises(InputError, match="features are <U1; expected numbers"):
        run_blind(np.full(features.shape, "a"), members, index)
    with pytest.raises(InputError, match="3 patients; expected at least 4"):
        run_blind(features, members, index % 3)
    features[4, 2] = np.nan
    with pytest.raises(InputError, match="record 4, feature 2 is NaN or infinite"):
        run_blind(features, members, index)


def judged(features, members, index):
    pooled = attacks.evaluate(
        {attacks.BLIND: lambda: run_blind(features, members[:, index], index)}, members, index
    ).pooled
    return judge_blind(pooled)


def test_the_verdict_on_a_control():
    rng = np.random.default_rng(20)
    members, index = naive.paired(rng, 16, 600), np.arange(600)
    noise = rng.standard_normal((600, 3))
    passed = judged(noise, members, index)
    assert passed.word == "passed"
    assert passed.low < 0.5 < passed.high
    assert judged(np.ones((600, 3)), members, index).word == "nothing to predict from"
    assert judge_blind(pd.DataFrame({"attack": ["LiRA"]})).word == "nothing to predict from"
    sorted_members = members.copy()  # the same half trains every even target: it can be read off
    sorted_members[0::2], sorted_members[1::2] = members[0], ~members[0]
    leaking = noise + members[0][:, None]
    failed = judged(leaking, sorted_members, index)
    assert failed.word == "failed"
    assert failed.low > 0.5


@pytest.mark.slow
def test_a_control_that_is_fine_seldom_fails():
    """200 audits of 300 patients and 16 targets: 2.5% fail; 7% would be four errors more."""
    words = []
    for seed in range(200):
        rng = np.random.default_rng([seed, 21])
        members = naive.paired(rng, 16, 300)
        words.append(judged(rng.standard_normal((300, 4)), members, np.arange(300)).word)
    assert words.count("failed") / 200 < 0.07
