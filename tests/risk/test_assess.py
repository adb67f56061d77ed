import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from rollcall.risk import assess as risk
from rollcall.risk import exposed, labels
from rollcall.risk import noise_floor as floor
from rollcall.risk import patient as patient_risk
from rollcall.risk import record as record_risk
from rollcall.risk.exposed import EXPOSED_FDR
from rollcall.stats import moments
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError
from tests.oracles import risk as naive
from tests.oracles.risk import FIXED

DRAWS = 40_000  # null patients of a floor: enough to tell p = 0.05 / 300


def pipeline(scores, members, index):
    """(moments, joint statistic, its AUCs): assess's steps without its errors."""
    found = moments.compute_moments(scores, members, index)
    statistic = patient_risk.joint_statistic(
        scores, found, index, patient_risk.joint_weights(scores, found, index)
    )
    return (
        found,
        statistic,
        record_risk.binormal_auc(
            moments.compute_moments(statistic, members), record_risk.PooledShape(0, 0, 0, 0)
        )[0],
    )


# --- the same numbers as the naive versions -----------------------------------------------------------------------------------


@FIXED
@given(
    seed=st.integers(0, 2**32),
    patients=st.integers(2, 5),
    pairs=st.integers(4, 9),
    tied=st.booleans(),
    level=st.sampled_from([0, 30, -7]),
)
def test_moments_and_aucs_of_each_record(seed, patients, pairs, tied, level):
    """float32 sums: relative errors of 1e-6, times 100 where a record's level is 10 times its spread."""
    rng = np.random.default_rng(seed)
    members = naive.paired(rng, 2 * pairs, patients)
    index = rng.integers(0, patients, 6)
    scores = 3 * rng.standard_normal((2 * pairs, 6)) + level + members[:, index]
    scores = (np.round(scores / 3) if tied else scores).astype(np.float32)
    scores[:, 0] = 1.1  # constant
    found = moments.compute_moments(scores, members, index)
    pooled = record_risk.PooledShape(-0.2, 0.1, -0.3, 0.5)
    areas = np.array(record_risk.binormal_auc(found, pooled))
    ranked = record_risk.rank_auc(scores, members, index)
    assert areas[0, 0] == ranked[0] == 0.5
    assert np.isfinite(areas).all()
    for n, patient in enumerate(index):
        inside, outside = naive.split_in_out(scores[:, n], members[:, patient])
        for kind, values in (("in", inside), ("out", outside)):
            mean, variance, skew, kurt = naive.shape(values)
            assert getattr(found, f"mean_{kind}")[n] == pytest.approx(mean, abs=2e-5)
            assert getattr(found, f"var_{kind}")[n] == pytest.approx(variance, abs=5e-5)
            if n and variance > 0.5:
                assert getattr(found, f"skew_{kind}")[n] == pytest.approx(skew, abs=2e-3)
                assert getattr(found, f"kurt_{kind}")[n] == pytest.approx(kurt, abs=1e-2)
        assert found.cov[n] == pytest.approx(
            naive.pair_covariance(scores[:, n], members[:, patient]), abs=1e-4
        )
        assert ranked[n] == pytest.approx(naive.auc(scores[:, n], members[:, patient]), abs=1e-9)
        if found.var_in[n] + found.var_out[n] > 0.5:
            assert areas[:, n] == pytest.approx(
                naive.binormal(scores[:, n], members[:, patient], -0.2, 0.1, -0.3, 0.5), abs=2e-4
            )
        assert found.sd[n] == pytest.approx(max(np.std(scores[:, n].astype(float)), 1e-6), abs=2e-5)


def test_more_columns_than_a_chunk_and_other_types(monkeypatch):
    rng = np.random.default_rng(0)
    scores, members, index = naive.simulate(rng, 10, rng.integers(1, 4, 30))
    whole = (
        moments.compute_moments(scores, members, index),
        record_risk.rank_auc(scores, members, index),
    )
    monkeypatch.setattr(moments, "CHUNK", 8)
    monkeypatch.setattr(record_risk, "CHUNK", 8)
    parts = (
        moments.compute_moments(scores.astype(np.float64), members, index),
        record_risk.rank_auc(np.asfortranarray(scores), members, index),
    )
    for name in ("mean_in", "var_out", "skew_in", "kurt_out", "cov"):
        np.testing.assert_allclose(
            getattr(parts[0], name), getattr(whole[0], name), rtol=1e-3, atol=1e-5
        )
    assert (parts[1] == whole[1]).all()


def test_constant_and_separated_columns_stay_finite():
    members = np.tile([[True], [False]], (4, 1))
    for scores, expected in (
        (np.full((8, 1), 1.1), 0.5),
        (members.astype(float), 1.0),
        (~members * 1.0, 0.0),
        (members * 1e6 - 5e5, 1.0),
    ):
        found = moments.compute_moments(scores, members)
        area, error, low, high = (
            value[0] for value in record_risk.binormal_auc(found, record_risk.pool_shape(found))
        )
        assert area == pytest.approx(expected, abs=1e-6)
        assert np.isfinite([error, low, high]).all()
        assert low <= area <= high
        assert record_risk.rank_auc(scores, members)[0] == expected
    se, low, high = record_risk.rank_interval(np.array([0.0, 0.5, 1.0]), 4, 0.0)
    assert (se > 0).all()
    assert high[0] > 0.3
    assert low[2] < 0.7
    assert high[2] == pytest.approx(1)
    assert low[1] + high[1] == pytest.approx(1, abs=1e-3)


@FIXED
@given(
    seed=st.integers(0, 2**32),
    targets=st.sampled_from([8, 10, 14]),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6),
)
def test_joint_is_the_weighted_sum_of_standardised_scores(seed, targets, sizes):
    rng = np.random.default_rng(seed)
    index = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    scores = (5 * rng.standard_normal((targets, len(index))) + 2).astype(np.float32)
    scores[:, 0] = 3.3  # a constant record
    weight = rng.random(len(index))
    found = moments.compute_moments(scores, naive.paired(rng, targets, len(sizes)), index)
    got = patient_risk.joint_statistic(scores, found, index, weight)
    assert got.dtype == np.float32
    alone = index != index[0]  # the constant record is rounding over rounding
    keep = np.isin(np.arange(len(sizes)), index[alone])
    np.testing.assert_allclose(
        got[:, keep], naive.joint(scores, index, weight)[:, keep], rtol=1e-4, atol=1e-4
    )


@FIXED
@given(seed=st.integers(0, 2**32), pairs=st.integers(4, 8))
def test_a_redraw_is_the_binormal_auc_of_the_redrawn_members(seed, pairs):
    rng = np.random.default_rng(seed)
    statistic = rng.standard_normal((2 * pairs, 3)).astype(np.float32)
    centred = statistic - statistic.mean(0)
    flips = floor.random_signs(5, pairs, seed)
    assert set(np.unique(flips)) <= {-1, 1}
    got = floor.permuted_auc(statistic[0::2] - statistic[1::2], (centred**2).sum(0), flips)
    for turn in range(5):
        member = np.array([[flip > 0, flip < 0] for flip in flips[turn]]).ravel()
        assert got[turn] == pytest.approx(
            [naive.area(statistic[:, n], member) for n in range(3)], abs=1e-5
        )


def test_redrawn_coins_are_fair_and_independent():
    """40,000 redraws of 8 pairs: a mean has SE 0.005, a correlation 0.005; five SE over 36 comparisons: fails by chance in 1 of 40,000."""
    many = floor.random_signs(40_000, 8, 0, 4, 0)
    assert set(np.unique(many)) == {-1, 1}
    assert abs(many.mean(0)).max() < 5 * 0.005
    assert abs(np.corrcoef(many.T)[np.triu_indices(8, 1)]).max() < 5 * 0.005
    assert (floor.random_signs(5, 8, 0, 4, 0) == floor.random_signs(5, 8, 0, 4, 0)).all()
    assert (floor.random_signs(50, 8, 0, 4, 32) != floor.random_signs(50, 8, 0, 4, 0)).any()


@FIXED
@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=15),
    st.lists(st.integers(-5, 5), min_size=1, max_size=40),
)
def test_q_values_are_benjamini_hochbergs(values, null):
    got = exposed.compute_q_values(np.array(values, float), np.array(null, float))
    np.testing.assert_allclose(got, naive.compute_q_values(values, null), atol=1e-9)


def test_survival_counts_values_at_or_above():
    np.testing.assert_allclose(
        exposed.share_at_least(np.array([3.0, 1, 1, 2]), np.array([0, 1, 1.5, 3, 4])),
        [1, 1, 0.5, 0.25, 0],
    )


def test_assess_is_made_of_the_parts(monkeypatch):
    rng = np.random.default_rng(0)
    scores, members, index = naive.simulate(rng, 10, [1, 3, 2, 1, 4, 2, 1, 2], shift=0.5)
    order = rng.permutation(len(index))
    scores, index = scores[:, order], index[order]
    monkeypatch.setattr(patient_risk, "CHUNK", 5)
    ids = np.array(list("abcdefgh"))
    got = risk.assess_risk(scores, members, index, ids, seed=3, draws=1000)
    found = moments.compute_moments(scores, members, index)
    pooled, ranked = record_risk.pool_shape(found), record_risk.rank_auc(scores, members, index)
    assert list(got.records.patient_id) == list(ids[index])
    assert (got.records.n_in == 5).all()
    assert (got.records.n_out == 5).all()
    for name, column in zip(
        ("auc", "auc_se", "auc_low", "auc_high"), record_risk.binormal_auc(found, pooled)
    ):
        np.testing.assert_array_equal(got.records[name], column)
    for name, column in zip(
        ("auc_rank_se", "auc_rank_low", "auc_rank_high"),
        record_risk.rank_interval(ranked, 5, pooled.correlation),
    ):
        np.testing.assert_array_equal(got.records[name], column)
    np.testing.assert_array_equal(got.records.auc_rank, ranked)
    np.testing.assert_allclose(got.records.std_out, np.sqrt(found.var_out))
    patients = got.patients
    mean, mean_se, highest, max_se = naive.patient_summaries(scores, members, index)
    for column, expected in (
        ("auc_mean", mean),
        ("auc_mean_se", mean_se),
        ("auc_max", highest),
        ("auc_max_se", max_se),
    ):
        np.testing.assert_allclose(patients[column], expected, atol=2e-5)
    assert list(patients.patient_id) == list(ids)
    assert list(patients.records) == [
        1,
        3,
        2,
        1,
        4,
        2,
        1,
        2,
    ]
    statistic = naive.joint(scores, index, patient_risk.joint_weights(scores, found, index))
    for p in range(8):
        assert patients.auc_joint[p] == pytest.approx(
            naive.area(statistic[:, p], members[:, p]), abs=1e-4
        )
        assert patients.auc_joint_rank[p] == pytest.approx(
            naive.auc(statistic[:, p], members[:, p]), abs=1e-9
        )
    assert (
        (patients.auc_joint_low < patients.auc_joint)
        & (patients.auc_joint < patients.auc_joint_high)
    ).all()
    assert list(got.floors) == ["auc_joint", "auc_mean", "auc_max"]
    assert len(got.floor) == 1000
    assert got.floors.auc_max.mean() > got.floors.auc_mean.mean() + 0.02
    np.testing.assert_allclose(
        patients.q_value,
        naive.compute_q_values(list(patients.auc_joint), list(got.floor)),
        atol=1e-9,
    )
    assert (patients.exposed == (patients.q_value <= 0.05)).all()
    assert got.cohort["exposed"] == patients.exposed.sum()
    assert got.cohort["exposed_low"] <= got.cohort["exposed"] <= got.cohort["exposed_high"]
    again = risk.assess_risk(scores, members, index, ids, seed=3, draws=1000)
    assert again.patients.equals(patients)
    assert again.records.equals(got.records)
    assert again.floors.equals(got.floors)
    assert again.cohort == got.cohort


def test_the_progress_bar_sees_the_work():
    scores, members, index = naive.simulate(np.random.default_rng(0), 8, np.full(600, 2))
    seen = []

    def progress(items):
        for item in list(items):
            seen.append(item)
            yield item

    risk.assess_risk(scores, members, index, draws=10, progress=progress)
    assert seen


def test_bad_scores_are_refused():
    scores, members, index = naive.simulate(np.random.default_rng(0), 8, np.full(6, 2))
    with pytest.raises(InputError, match=r"scores \(8, 11\), expected \(8, 12\)"):
        risk.assess_risk(scores[:, 1:], members, index, draws=10)
    with pytest.raises(InputError, match=r"scores \(8, 12, 1, 1\), expected \(8, 12\)"):
        risk.assess_risk(scores[:, :, None, None], members, index, draws=10)
    for bad in (np.nan, np.inf, -np.inf):
        scores[3, 7] = bad
        with pytest.raises(InputError, match="target 3, record 7 is NaN or infinite"):
            risk.assess_risk(scores, members, index, draws=10)
        with pytest.raises(InputError, match="target 3, record 7 is NaN or infinite"):
            risk.assess_risk(
                np.stack([np.zeros_like(scores), scores], axis=2), members, index, draws=10
            )
    with pytest.raises(InputError, match="complementary"):
        risk.assess_risk(
            np.zeros((8, 12), np.float32), np.roll(members, 1, axis=0), index, draws=10
        )


@pytest.mark.parametrize("index", [[0, 0, 2, 2], [0, 0, 1, 1], [0, 1, 2, 3]])
def test_a_patient_without_records_is_refused(index):
    members = draw_members(8, 3, 0)
    with pytest.raises(InputError, match="has no record or is not in members"):
        risk.assess_risk(
            np.random.default_rng(0).normal(size=(8, 4)), members, np.array(index), draws=10
        )


# --- weights ------------------------------------------------------------------------------------------------------------------


def test_no_membership_of_a_patient_enters_its_weights():
    """Membership of one half of the patients, redrawn, leaves the weights of that half as they were and moves the other half's."""
    rng = np.random.default_rng(1)
    scores, members, index = naive.simulate(rng, 16, np.arange(200) % 4 + 1, 1.0)
    half = patient_risk.in_first_half(index)
    before = patient_risk.joint_weights(
        scores, moments.compute_moments(scores, members, index), index
    )
    other = members.copy()
    own = np.unique(index[half])
    other[:, own] = naive.paired(rng, 16, len(own))
    after = patient_risk.joint_weights(scores, moments.compute_moments(scores, other, index), index)
    np.testing.assert_allclose(after[half], before[half], rtol=1e-3)  # rounding of float32 sums
    assert abs(after[~half] / before[~half] - 1).max() > 0.01


def test_weights_follow_the_shift_where_it_can_be_foreseen():
    """Only hard records (low level) shift: they weigh more. Where nothing shifts, weights are within a factor of each other."""
    rng = np.random.default_rng(2)
    index = np.repeat(np.arange(600), 3)
    members = naive.paired(rng, 32, 600)
    level = rng.standard_normal(1800)
    noise = rng.standard_normal((32, 1800))
    hard = level < -0.8
    scores = (3 * level + noise + 1.5 * hard * members[:, index]).astype(np.float32)
    weight = patient_risk.joint_weights(
        scores, moments.compute_moments(scores, members, index), index
    )
    assert weight[hard].mean() > 4 * weight[~hard].mean()
    assert (weight > 0).all()
    flat = patient_risk.joint_weights(
        noise.astype(np.float32), moments.compute_moments(noise, members, index), index
    )
    assert np.quantile(flat, 0.99) < 4 * np.quantile(flat, 0.01)


def test_labels_are_combined_towards_those_that_leak():
    """Of three labels one leaks: the combined score finds nearly as much as that label alone, and much more than the labels' sum."""
    rng = np.random.default_rng(3)
    _, members, index = naive.simulate(rng, 32, np.ones(800, int))
    scores = rng.standard_normal((32, 800, 3)) + np.array([0.0, 1.0, 0.0]) * members[:, :, None]
    scores = (scores * [5, 1, 0.2]).astype(np.float32)
    mean = [
        np.nanmean(
            record_risk.binormal_auc(
                moments.compute_moments(each, members, index), record_risk.PooledShape(0, 0, 0, 0)
            )[0]
        )
        for each in (labels.combine_labels(scores, members, index), scores[:, :, 1], scores.sum(2))
    ]
    assert mean[0] > mean[1] - 0.02
    assert mean[0] > mean[2] + 0.1
    got = risk.assess_risk(scores, members, index, draws=1000)
    assert len(got.records) == 800
    assert got.patients.auc_joint.mean() == pytest.approx(mean[0], abs=0.02)
    scores[:, :, 2] = 1.5  # a constant label changes nothing
    assert labels.combine_labels(scores, members, index).dtype == np.float32
    assert np.isfinite(labels.combine_labels(scores, members, index)).all()


@pytest.mark.parametrize("targets", [8, 32])
def test_combined_labels_have_a_null_auc_of_half(targets):
    """4,000 records of patients without leakage, correlated labels; within 4 Monte-Carlo errors of 0.5 (fails by chance in 1 of 10,000)."""
    rng = np.random.default_rng([targets, 5])
    members = naive.paired(rng, targets, 2000)
    index = np.repeat(np.arange(2000), 2)
    scores = (
        rng.standard_normal((targets, 4000, 4)) + rng.standard_normal((targets, 4000, 1))
    ).astype(np.float32)
    area = record_risk.rank_auc(labels.combine_labels(scores, members, index), members, index)
    assert abs(area.mean() - 0.5) < 4 * area.std() / np.sqrt(2000)


# --- what they mean -----------------------------------------------------------------------------------------------------------


def test_members_shifted_up_raise_every_risk():
    sizes = np.arange(150) % 3 + 1
    means = []
    for shift in (0.0, 0.8, 2.0):
        scores, members, index = naive.simulate(np.random.default_rng(1), 32, sizes, shift)
        got = risk.assess_risk(scores, members, index, draws=1000)
        means.append(
            [
                got.records.auc.mean(),
                got.records.auc_rank.mean(),
                *got.patients[["auc_joint", "auc_joint_rank", "auc_mean", "auc_max"]].mean(),
            ]
        )
        if shift == 2:
            assert (got.patients.auc_joint > 0.5).all()
            assert got.patients.exposed.all()
    means = np.array(means)
    assert (means[1:] > 0.5).all()
    assert (np.diff(means, axis=0) > 0).all()


@pytest.mark.parametrize("leaking", [False, True])
@pytest.mark.parametrize(("targets", "repeats"), [(8, 80), (16, 60), (64, 30)])
def test_patients_with_1_3_10_and_50_records_have_the_same_null_mean(targets, repeats, leaking):
    """One cohort of 600 patients with 1, 200 with 3, 60 with 10 and 20 with 50 records, correlated within a patient; with `leaking` the
    members' scores of half of the patients are raised by 1.5 sd, and only the others are looked at. Within 4 Monte-Carlo errors of 0.5 and
    those at most 0.008 (24 means: fails by chance in 1 of 650 choices of seeds). The noise floor has the same means and its spread is theirs within 8%."""
    sizes = np.random.default_rng(0).permutation(np.repeat([1, 3, 10, 50], [600, 200, 60, 20]))
    null = np.random.default_rng(1).random(len(sizes)) < (0.5 if leaking else 1)
    means, spread, floors = {}, {}, {}
    for seed in range(repeats):
        scores, members, index = naive.simulate(
            np.random.default_rng([seed, targets, leaking]), targets, sizes, 1.5 * ~null
        )
        _, statistic, area = pipeline(scores, members, index)
        redrawn = floor.draw_noise_floor(statistic, 4, seed)
        for records in (1, 3, 10, 50):
            own = null & (sizes == records)
            means.setdefault(records, []).append(area[own].mean())
            spread.setdefault(records, []).append(area[own].std())
            floors.setdefault(records, []).append((redrawn[:, own].mean(), redrawn[:, own].std()))
    for records, values in means.items():
        error = np.std(values, ddof=1) / np.sqrt(repeats)
        assert abs(np.mean(values) - 0.5) < 4 * error and error < 0.008, records
        centre, width = np.mean(floors[records], axis=0)
        assert abs(centre - 0.5) < 0.008
        assert width == pytest.approx(
            np.mean(floors[1], axis=0)[1], rel=0.06
        )  # the floor is as wide with many records as with one
        if records < 50:
            assert width == pytest.approx(np.mean(spread[records]), rel=0.08)


def test_no_leakage_names_nobody():
    """200 audits without leakage, 300 patients with 1 to 3 records, 16 targets: at most 5% of them may name any exposed patient.
    The bound is the 99.9% quantile of 200 draws at 5%; the test fails by chance in at most 1 of 1,000 choices of seeds."""
    naming = 0
    for seed in range(200):
        scores, members, index = naive.simulate(
            np.random.default_rng([seed, 7]), 16, np.arange(300) % 3 + 1
        )
        _, statistic, area = pipeline(scores, members, index)
        naming += (
            exposed.compute_q_values(area, floor.draw_noise_floor(statistic, DRAWS // 300, seed))
            <= EXPOSED_FDR
        ).any()
    assert naming <= binom.ppf(0.999, 200, 0.05)


@pytest.mark.parametrize(
    ("targets", "shift", "power"),
    [(64, 3.0, 0.99), (64, 1.0, 0.85), (16, 3.0, 0.93), (64, 0.5, 0.1)],
)
def test_planted_patients_are_found_and_few_others(targets, shift, power):
    """100 audits, 400 patients with 1, 3 or 10 records, of whom 40 have their members' scores raised by `shift` sd. The mean share of false
    names is at most 5% plus 3 Monte-Carlo errors (fails by chance in less than 1 of 700). Measured with 400 audits: 3.5% at 2 sd,
    4.1 +- 0.2% at 1 sd, 5.1 +- 0.4% at 0.5 sd, 2.8% with 16 targets at 3 sd."""
    found, false = [], []
    sizes = np.random.default_rng(1).permutation(np.tile([1, 1, 1, 3, 3, 10], 67)[:400])
    planted = np.arange(400) % 10 == 0
    for seed in range(100):
        scores, members, index = naive.simulate(
            np.random.default_rng([seed, 8]), targets, sizes, shift * planted
        )
        _, statistic, area = pipeline(scores, members, index)
        named = (
            exposed.compute_q_values(area, floor.draw_noise_floor(statistic, DRAWS // 400, seed))
            <= EXPOSED_FDR
        )
        found.append(named[planted].mean())
        false.append((named & ~planted).sum() / max(named.sum(), 1))
    assert np.mean(found) > power
    assert np.mean(false) <= 0.05 + 3 * np.std(false, ddof=1) / np.sqrt(100)


@pytest.mark.parametrize(
    ("kind", "powers"),
    [
        ("hard", (0.85, 0.69, 0.70, 0.87)),
        ("one", (0.96, 0.26, 0.24, 1.00)),
        ("equal", (0.30, 0.34, 0.36, 0.13)),
    ],
)
def test_power_of_the_joint_statistic_the_mean_and_the_maximum(kind, powers):
    """5 audits, 64 targets, 800 patients of 3 records, one in ten leaking: `hard`, hard records shift; `one`, one record of three does, by
    1.6 sd; `equal`, all by as little as 0.48 sd. Exposed share of the leaking, each against its own floor, by the joint statistic, by one with
    equal weights, by the mean and by the maximum of the record AUCs: `powers` within 0.06 (two standard errors of 5 audits). The maximum is best
    where one record gives all away and worst where all give away a little, the mean the other way round; the joint statistic is near the better one."""
    power = []
    for seed in range(5):
        rng = np.random.default_rng([seed, 9])
        index, members = np.repeat(np.arange(800), 3), naive.paired(rng, 64, 800)
        leaks, level = rng.random(800) < 0.1, rng.standard_normal(2400)
        shift = {
            "hard": 1.6 / (1 + np.exp(3 * level)),
            "one": 1.6 * (np.arange(2400) % 3 == 0),
            "equal": np.full(2400, 0.48),
        }[kind]
        noise = (
            np.sqrt(0.7) * rng.standard_normal((64, 2400))
            + np.sqrt(0.3) * rng.standard_normal((64, 800))[:, index]
        )
        scores = (3 * level + noise + (shift * leaks[index]) * members[:, index]).astype(np.float32)
        found, statistic, area = pipeline(scores, members, index)
        plain = patient_risk.joint_statistic(scores, found, index, np.ones(2400))
        no_shape = record_risk.PooledShape(0, 0, 0, 0)
        flat = record_risk.binormal_auc(moments.compute_moments(plain, members), no_shape)[0]
        single = patient_risk.summarise_records(
            scores, members, index, record_risk.binormal_auc(found, no_shape)[0], 100, seed
        )
        power.append(
            [
                (exposed.compute_q_values(values, null) <= 0.05)[leaks].mean()
                for values, null in (
                    (area, floor.draw_noise_floor(statistic, 100, seed)),
                    (flat, floor.draw_noise_floor(plain, 100, seed)),
                    (single["auc_mean"], single["floor_auc_mean"]),
                    (single["auc_max"], single["floor_auc_max"]),
                )
            ]
        )
    assert np.mean(power, axis=0) == pytest.approx(powers, abs=0.06)
