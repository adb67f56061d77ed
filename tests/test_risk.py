import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from lib import risk
from lib.errors import InputError
from lib.members import draw
from tests import naive
from tests.naive import FIXED

DRAWS = 40_000  # null patients of a floor: enough to tell p = 0.05 / 300


# --- the same numbers as the naive versions -----------------------------------------------------------------------------------

@FIXED
@given(seed=st.integers(0, 2**32), columns=st.integers(1, 5), inside=st.integers(2, 9), outside=st.integers(2, 9), tied=st.booleans())
def test_binormal_and_rank_auc_of_each_column(seed, columns, inside, outside, tied):
    rng = np.random.default_rng(seed)
    members = np.array([rng.permutation(inside + outside) < inside for _ in range(columns)]).T
    scores = 3 * rng.standard_normal(members.shape) + 4
    scores = (np.round(scores / 3) if tied else scores).astype(np.float32)
    area, error = risk.binormal(scores, members)
    ranked = risk.rank_auc(scores, members)
    assert area.dtype == error.dtype == ranked.dtype == np.float64
    for n in range(columns):
        if np.ptp(scores[members[:, n], n]) or np.ptp(scores[~members[:, n], n]):  # else d is 0/0 or infinite: below
            assert (area[n], error[n]) == pytest.approx(naive.binormal(scores[:, n], members[:, n]), abs=1e-9)
        assert ranked[n] == pytest.approx(naive.auc(scores[:, n], members[:, n]), abs=1e-9)


def test_constant_and_separated_columns_stay_finite():
    members = np.tile([[True], [False]], (4, 1))
    for scores, expected in ((np.full((8, 1), 1.1), 0.5), (members.astype(float), 1.0), (~members * 1.0, 0.0)):
        area, error = risk.binormal(scores, members)
        assert area[0] == pytest.approx(expected, abs=1e-6) and np.isfinite(error[0])
        assert risk.rank_auc(scores, members)[0] == expected


@FIXED
@given(seed=st.integers(0, 2**32), targets=st.integers(8, 14), sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_joint_is_the_mean_of_standardised_scores(seed, targets, sizes):
    rng = np.random.default_rng(seed)
    index = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    scores = (5 * rng.standard_normal((targets, len(index))) + 2).astype(np.float32)
    scores[:, 0] = 3.3  # a constant record
    got = risk.joint(scores, index)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, naive.joint(scores, index), rtol=1e-5, atol=1e-5)


@FIXED
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=15), st.lists(st.integers(-5, 5), min_size=1, max_size=40))
def test_q_values_are_benjamini_hochbergs(values, floor):
    got = risk.q_values(np.array(values, float), np.array(floor, float))
    np.testing.assert_allclose(got, naive.q_values(values, floor), atol=1e-9)


def test_survival_counts_values_at_or_above():
    np.testing.assert_allclose(risk.survival(np.array([3.0, 1, 1, 2]), np.array([0, 1, 1.5, 3, 4])), [1, 1, 0.5, 0.25, 0])


def test_assess_is_made_of_the_parts(monkeypatch):
    rng = np.random.default_rng(0)
    scores, members, index = naive.simulate(rng, 10, [1, 3, 2, 1, 4, 2, 1, 2], shift=0.5)
    order = rng.permutation(len(index))
    scores, index = scores[:, order], index[order]
    monkeypatch.setattr(risk, "CHUNK", 5)
    got = risk.assess(scores, members, index, np.array(list("abcdefgh")), seed=3, draws=1000)
    assert list(got.records.patient_id) == [list("abcdefgh")[patient] for patient in index]
    assert (got.records.n_in == 5).all() and (got.records.n_out == 5).all()
    for n, patient in enumerate(index):
        inside, outside = scores[members[:, patient], n], scores[~members[:, patient], n]
        row = got.records.iloc[n]
        assert (row.auc, row.auc_se) == pytest.approx(naive.binormal(scores[:, n], members[:, patient]), abs=1e-9)
        assert row.auc_rank == pytest.approx(naive.auc(scores[:, n], members[:, patient]), abs=1e-9)
        assert (row.mean_in, row.mean_out) == pytest.approx((naive.moments(inside)[0], naive.moments(outside)[0]), abs=1e-9)
    statistic = naive.joint(scores, index)
    mean, mean_se, highest, max_se = naive.patient_summaries(scores, members, index)
    patients = got.patients
    assert list(patients.records) == [1, 3, 2, 1, 4, 2, 1, 2]
    for p in range(8):
        assert (patients.auc_joint[p], patients.auc_joint_se[p]) == pytest.approx(naive.binormal(statistic[:, p], members[:, p]), abs=1e-5)
        assert patients.auc_joint_rank[p] == pytest.approx(naive.auc(statistic[:, p], members[:, p]), abs=1e-9)
    for column, expected in (("auc_mean", mean), ("auc_mean_se", mean_se), ("auc_max", highest), ("auc_max_se", max_se)):
        np.testing.assert_allclose(patients[column], expected, atol=1e-9)
    assert len(got.floor) == 1000  # 125 rounds of 8 patients
    np.testing.assert_allclose(patients.q_value, naive.q_values(list(patients.auc_joint), list(got.floor)), atol=1e-9)
    assert (patients.exposed == (patients.q_value <= 0.05)).all()
    again = risk.assess(scores, members, index, np.array(list("abcdefgh")), seed=3, draws=1000)
    assert again.patients.equals(patients) and again.records.equals(got.records) and (again.floor == got.floor).all()


def test_bad_scores_are_refused():
    scores, members, index = naive.simulate(np.random.default_rng(0), 8, np.full(6, 2))
    with pytest.raises(InputError, match=r"scores \(8, 11\), expected \(8, 12\)"):
        risk.assess(scores[:, 1:], members, index, draws=10)
    scores[3, 7] = np.nan
    with pytest.raises(InputError, match="target 3, record 7 is NaN or infinite"):
        risk.assess(scores, members, index, draws=10)
    with pytest.raises(InputError, match="complementary"):
        risk.assess(np.zeros((8, 12), np.float32), np.roll(members, 1, axis=0), index, draws=10)


# --- what they mean -----------------------------------------------------------------------------------------------------------

def test_members_shifted_up_raise_every_risk():
    sizes = np.arange(150) % 3 + 1
    means = []
    for shift in (0.0, 0.8, 2.0):
        scores, members, index = naive.simulate(np.random.default_rng(1), 32, sizes, shift)
        got = risk.assess(scores, members, index, draws=1000)
        means.append([got.records.auc.mean(), got.records.auc_rank.mean(),
                      *got.patients[["auc_joint", "auc_joint_rank", "auc_mean", "auc_max"]].mean()])
        if shift == 2:
            assert (got.patients.auc_joint > 0.5).all() and got.patients.exposed.all()
    means = np.array(means)
    assert (means[1:] > 0.5).all() and (np.diff(means, axis=0) > 0).all()


@pytest.mark.parametrize("targets, repeats", [(8, 12), (16, 12), (64, 6)])
@pytest.mark.parametrize("records", [1, 3, 10])
def test_no_leakage_gives_a_joint_auc_of_half(records, targets, repeats):
    """Correlated records, uneven within a patient. Within 4 Monte-Carlo errors of 0.5, and those under 0.003 (9 cases: fails by
    chance in about 1 of 200 choices of seeds); so has the noise floor, and their spreads agree within 5%."""
    means, spread, floor_spread = [], [], []
    for seed in range(repeats):
        scores, members, index = naive.simulate(np.random.default_rng([seed, records, targets]), targets, np.full(800, records))
        statistic = risk.joint(scores, index)
        area = risk.binormal(statistic, members)[0]
        floor = risk.noise_floor(statistic, members, 8000, seed)
        means.append((area.mean(), risk.rank_auc(statistic, members).mean(), floor.mean()))
        spread.append(area.std())
        floor_spread.append(floor.std())
    error = np.std(means, axis=0, ddof=1) / np.sqrt(repeats)
    assert (error < 0.003).all()
    assert (abs(np.mean(means, axis=0) - 0.5) < 4 * error).all()
    assert np.mean(spread) == pytest.approx(np.mean(floor_spread), rel=0.05)


def test_no_leakage_names_nobody():
    """200 audits without leakage, 300 patients with 1 to 3 records, 16 targets: at most 5% of them may name any exposed patient.
    The bound is the 99.9% quantile of 200 draws at 5%; the test fails by chance in at most 1 of 1,000 choices of seeds."""
    naming = 0
    for seed in range(200):
        scores, members, index = naive.simulate(np.random.default_rng([seed, 7]), 16, np.arange(300) % 3 + 1)
        statistic = risk.joint(scores, index)  # the same three steps as assess, without its jackknife
        floor = risk.noise_floor(statistic, members, DRAWS, seed)
        naming += (risk.q_values(risk.binormal(statistic, members)[0], floor) <= risk.FDR).any()
    assert naming <= binom.ppf(0.999, 200, 0.05)


def test_planted_patients_are_found_and_few_others():
    """20 audits, 64 targets, 400 patients of whom 40 have their members' scores raised by 3 sd: more than 90% are found, and the mean
    share of false names is at most 5% plus 3 Monte-Carlo errors (fails by chance in less than 1 of 700)."""
    power, false = [], []
    planted = np.arange(400) % 10 == 0
    for seed in range(20):
        scores, members, index = naive.simulate(np.random.default_rng([seed, 8]), 64, np.arange(400) % 3 + 1, 3.0 * planted)
        exposed = risk.assess(scores, members, index, seed=seed, draws=DRAWS).patients.exposed.to_numpy()
        power.append(exposed[planted].mean())
        false.append((exposed & ~planted).sum() / max(exposed.sum(), 1))
    assert np.mean(power) > 0.9
    assert np.mean(false) <= 0.05 + 3 * np.std(false, ddof=1) / np.sqrt(20)


@pytest.mark.parametrize("targets, area, low", [(64, 0.5, 0.93), (64, 0.64, 0.93), (64, 0.76, 0.93), (200, 0.5, 0.93), (200, 0.76, 0.93),
                                                (200, 0.95, 0.93), (64, 0.95, 0.90), (16, 0.5, 0.89), (16, 0.76, 0.88)])
def test_binormal_interval_covers_the_true_auc(targets, area, low):
    """auc +- 1.96 se over 10,000 pairs of normal samples (Monte-Carlo error 0.2-0.3%). Measured: 64 targets 94.2% at 0.5, 93.5% at 0.76,
    91.3% at 0.95; 200 targets 94.7, 94.3, 93.6%; 16 targets 90.7, 89.7%: with few targets, or a risk near 1, it is too short."""
    rng = np.random.default_rng([targets, int(100 * area)])
    members = np.tile([[True], [False]], (targets // 2, 10_000))
    scores = rng.standard_normal(members.shape) + np.sqrt(2) * norm.ppf(area) * members
    got, error = risk.binormal(scores, members)
    assert low <= (abs(got - area) <= 1.96 * error).mean() <= 0.97


@pytest.mark.parametrize("index", [[0, 0, 2, 2], [0, 0, 1, 1], [0, 1, 2, 3]])
def test_a_patient_without_records_is_refused(index):
    members = draw(8, 3, 0)
    with pytest.raises(InputError, match="has no record or is not in members"):
        risk.assess(np.random.default_rng(0).normal(size=(8, 4)), members, np.array(index), draws=10)
