"""Do 95% intervals hold the truth 95% of the time? Simulated audits of known truth.

The widest measured departures stand in the docstrings.
"""

import numpy as np
import pytest
from scipy.stats import beta, gamma, norm

from rollcall.risk.exposed import exposed_interval
from rollcall.risk.groups.odds import estimate_odds_ratio
from rollcall.risk.groups.ratios import compare_within, shift_within
from rollcall.risk.groups.two_way import Moves, make_moves, naming_slope, share_interval
from rollcall.risk.patient import joint_statistic, joint_weights, summarise_records
from rollcall.risk.record import PooledShape, binormal_auc, pool_shape, share_not_normal
from rollcall.stats import metrics
from rollcall.stats.moments import compute_moments
from rollcall.stats.rank import rank_auc, rank_interval
from tests.oracles import risk as naive
from tests.oracles.groups import draw_audit
from tests.statistics import name_patients

pytestmark = pytest.mark.slow

AREAS = (0.5, 0.7, 0.9, 0.95)
NORMAL_GRID = np.linspace(-7, 7, 20_001)
# Of skewness 1, mean 0 and variance 1, as a function of a normal value; read off by interpolation,
# which is right to 1e-6 and 20 times as fast.
SKEWED_GRID = (gamma.ppf(norm.cdf(NORMAL_GRID), 4) - 4) / 2


def covered(low, high, truth):
    return ((low <= truth) & (truth <= high)).mean()


def correlated(rng, shape, correlation):
    a, b = rng.standard_normal(shape), rng.standard_normal(shape)
    return a, correlation * a + np.sqrt(1 - correlation**2) * b


def simulate_records(rng, kind, pairs, count, correlation, ratio, area):
    """(scores, members) of `count` records of true binormal AUC `area`.

    The in scores have `ratio` times the spread of the out scores.
    """
    inside, outside = correlated(rng, (pairs, count), correlation)
    if kind == "tails":  # Student, 5 degrees of freedom, variance 1
        inside, outside = (
            value * np.sqrt(3 / rng.chisquare(5, value.shape)) for value in (inside, outside)
        )
    if kind == "skewed":
        inside, outside = (
            np.interp(value, NORMAL_GRID, SKEWED_GRID) for value in (inside, outside)
        )
    inside = ratio * inside + norm.ppf(area) * np.sqrt(1 + ratio**2)
    even_had = rng.random((pairs, count)) < 0.5
    scores, members = np.empty((2 * pairs, count), np.float32), np.empty((2 * pairs, count), bool)
    scores[0::2] = np.where(even_had, inside, outside)
    scores[1::2] = np.where(even_had, outside, inside)
    members[0::2], members[1::2] = even_had, ~even_had
    return scores, members


# --- AUCs ---


@pytest.mark.parametrize("targets", [8, 16, 64, 200])
@pytest.mark.parametrize(
    ("kind", "correlation", "ratio"),
    [
        ("normal", 0, 1),
        ("normal", -0.4, 1),
        ("normal", -0.4, 2),
        ("tails", -0.2, 1),
        ("skewed", -0.2, 1),
    ],
)
def test_record_auc(kind, correlation, ratio, targets):
    """93% to 97% are covered, at each true AUC of 0.5, 0.7, 0.9 and 0.95, from 8 models on.

    4,000 records for each (Monte-Carlo error 0.35%). Measured with 20,000 normal records 94.3 to
    96.1%, AUC 0.99 included; long tails 94.0 to 97.0%, skewed scores 94.0 to 96.3%. auc +- 1.96
    standard errors covers 77% (8 models, AUC 0.95) to 95% (200 models, 0.5).
    """
    rng = np.random.default_rng([targets, int(10 * ratio), len(kind)])
    for area in AREAS:
        scores, members = simulate_records(rng, kind, targets // 2, 4000, correlation, ratio, area)
        moments = compute_moments(scores, members)
        auc, se, low, high = binormal_auc(moments, pool_shape(moments))
        assert 0.93 <= covered(low, high, area) <= (0.97 if kind == "normal" else 0.975)
        if targets == 200 and kind == "normal":
            assert se.mean() == pytest.approx(auc.std(), rel=0.05)


@pytest.mark.parametrize("targets", [16, 64, 200])
@pytest.mark.parametrize("correlation", [0, -0.4])
def test_record_rank_auc(targets, correlation):
    """Normal scores of equal spread, as above: 93% to 98% are covered.

    Measured with 6,000 records 94.2 to 97.3% from 16 models on. Not claimed: with unequal spreads,
    long tails or skew it falls to 90% at an AUC of 0.95 and to 85% at 0.99, where few pairs of
    models are out of order.
    """
    rng = np.random.default_rng([targets, 2])
    for area in AREAS:
        scores, members = simulate_records(rng, "normal", targets // 2, 4000, correlation, 1, area)
        pooled = pool_shape(compute_moments(scores, members))
        ranked = rank_auc(scores, members)
        _, low, high = rank_interval(ranked, targets // 2, pooled.correlation)
        assert 0.93 <= covered(low, high, area) <= 0.98


def test_an_error_that_takes_models_as_independent_is_too_small():
    """Why the correlation within pairs is there: at -0.4 the interval without it covers 90%."""
    rng = np.random.default_rng(5)
    scores, members = simulate_records(rng, "normal", 32, 20_000, -0.4, 1, 0.7)
    moments = compute_moments(scores, members)
    pooled = pool_shape(moments)
    assert pooled.correlation == pytest.approx(-0.4, abs=0.02)
    for shape, least, most in ((pooled, 0.94, 0.96), (PooledShape(0, 0, 0, 0), 0.85, 0.935)):
        _, _, low, high = binormal_auc(moments, shape)
        assert least < covered(low, high, 0.7) < most


@pytest.mark.parametrize("targets", [8, 16, 64, 200])
@pytest.mark.parametrize("within", [0.0, 0.5])
def test_patient_auc(targets, within):
    """The joint AUC of 1,500 patients with 1, 2, 3, 5 or 10 records of unequal shifts: 93% to 97%.

    Records correlate by `within`, models of a pair by -0.3. Truth is the AUC of the patient's
    statistic with the weights it was given. Measured with 9,000 patients 94.8 to 95.8% from 8
    models on, and 94 to 96.5% among patients of a true AUC of 0.5, below 0.7, 0.85, 0.95 and above.
    """
    rng = np.random.default_rng([targets, int(2 * within)])
    sizes = rng.choice([1, 2, 3, 5, 10], 1500)
    index = np.repeat(np.arange(1500), sizes)
    members = naive.paired(rng, targets, 1500)
    level, sd = rng.standard_normal(len(index)), np.exp(0.3 * rng.standard_normal(len(index)))
    shift = rng.choice([0, 0.4, 0.8, 1.3, 2.0], 1500)[index] * 1.5 * norm.cdf(-level)

    def noise(count):
        out = np.empty((targets, count))
        out[0::2], out[1::2] = correlated(rng, (targets // 2, count), -0.3)
        return out

    scores = 3 * level + sd * (
        np.sqrt(1 - within) * noise(len(index))
        + np.sqrt(within) * noise(1500)[:, index]
        + shift * members[:, index]
    )
    scores = scores.astype(np.float32)
    moments = compute_moments(scores, members, index)
    weight = joint_weights(scores, moments, index)
    joint = compute_moments(joint_statistic(scores, moments, index, weight), members)
    _, _, low, high = binormal_auc(joint, pool_shape(joint))
    share = weight * sd / moments.sd
    independent, common = np.bincount(index, share**2), np.bincount(index, share) ** 2
    spread = np.sqrt(2 * ((1 - within) * independent + within * common))
    truth = norm.cdf(np.bincount(index, share * shift) / spread)
    assert 0.93 <= covered(low, high, truth) <= 0.97
    for least, most in ((0, 0.6), (0.6, 0.85), (0.85, 1)):
        among = (least < truth) & (truth <= most)
        rate = covered(low[among], high[among], truth[among])
        assert rate == pytest.approx(0.95, abs=0.035)


@pytest.mark.parametrize("targets", [16, 64])
@pytest.mark.parametrize("shift", [0, 1.5])
def test_mean_auc_of_a_patients_records(targets, shift):
    """3,000 patients of 3 records that correlate, true AUC 0.5 or 0.85: 93% to 97%.

    Measured with 4,800 patients 94.1 to 95.5% at 16, 64 and 200 models and AUCs up to 0.96, where
    auc_mean +- 1.96 standard errors covers 87 to 94%.
    """
    truth = norm.cdf(shift / np.sqrt(2 * 1.04))  # noise and the models' level
    rates = []
    for seed in range(4):
        rng = np.random.default_rng([seed, targets])
        scores, members, index = naive.simulate(rng, targets, np.full(750, 3), shift, tails=None)
        moments = compute_moments(scores, members, index)
        auc = binormal_auc(moments, pool_shape(moments))[0]
        summaries = summarise_records(scores, members, index, auc, 1)
        rates.append(covered(summaries["auc_mean_low"], summaries["auc_mean_high"], truth))
    assert 0.93 <= np.mean(rates) <= 0.97


@pytest.mark.parametrize("targets", [8, 16, 64])
def test_normality_is_rejected_at_its_level_and_found_wanting(targets):
    """20,000 normal records: 5% rejected, within 1.5%.

    The critical value's own error (4,000 draws, 0.35%) is included. Of skewed or long-tailed ones
    a half is noticed with 64 models, few with 16, none with 8.
    """
    rng = np.random.default_rng(7)
    share = {
        kind: share_not_normal(
            compute_moments(*simulate_records(rng, kind, targets // 2, 20_000, -0.3, 1, 0.8))
        )
        for kind in ("normal", "tails", "skewed")
    }
    assert share["normal"] == pytest.approx(0.05, abs=0.015)
    least = {8: 0.04, 16: 0.1, 64: 0.4}[targets]
    assert share["tails"] > least
    assert share["skewed"] > least


# --- exposed patients ---


@pytest.mark.parametrize(("targets", "kind"), [(64, "smooth"), (64, "two kinds"), (16, "smooth")])
def test_number_of_exposed_patients(targets, kind):
    """The interval holds the mean number of exposed patients in 90% of audits or more.

    150 audits of the same 1,500 patients with new models, which leak more or less strongly as a
    whole (Monte-Carlo error 1.8%). Measured with 400 audits, 8 cohorts: 94.3 to 97.7%, where a
    binomial interval covers 66 to 99%.
    """
    rng = np.random.default_rng(5)
    if kind == "smooth":
        true = np.where(rng.random(1500) < 0.3, rng.exponential(0.5, 1500), 0)
    else:
        true = np.where(rng.random(1500) < 0.05, 1.3, 0)
    intervals = []
    for seed in range(150):
        rng = np.random.default_rng([seed, targets])
        members = naive.paired(rng, targets, 1500)
        noise = np.empty((targets, 1500))
        noise[0::2], noise[1::2] = correlated(rng, (targets // 2, 1500), -0.3)
        strength = np.exp(0.2 * rng.standard_normal((targets, 1)))
        noise += 0.2 * rng.standard_normal((targets, 1))
        scores = (noise + np.sqrt(2) * true * members * strength).astype(np.float32)
        named = name_patients(scores, members, np.arange(1500), draws=90_000, seed=seed)
        place = named.naming.exposed, named.naming.threshold
        intervals.append(
            exposed_interval(named.statistic, named.members, named.auc, *place, named.floor)
        )
    count, low, high = np.array(intervals).T
    assert covered(low, high, count.mean()) >= 0.9
    assert (high - low).mean() < 8 * count.std()  # and is not wide for nothing


# --- shares and odds of groups ---


@pytest.mark.parametrize(
    ("inside", "p_in", "outside", "p_out"),
    [
        (150, 0.04, 850, 0.02),
        (100, 0.05, 900, 0.05),
        (500, 0.05, 500, 0.05),
        (400, 0.03, 600, 0.01),
    ],
)
def test_ratio_of_two_shares(inside, p_in, outside, p_out):
    """5 to 25 expected exposed patients in each part, no shared moves: the ratio is held in 93-98%.

    1,500 simulations (error 0.6%).
    """
    group = (np.arange(inside + outside) < inside)[:, None]
    p, ones = np.where(group[:, 0], p_in, p_out), np.ones_like(group)
    still, hits = Moves(np.zeros((16, len(p)), np.float32), np.zeros(len(p))), 0
    for seed in range(1500):
        rng = np.random.default_rng([seed, inside])
        exposed = (rng.random(len(p)) < p).astype(float)
        contrast = compare_within(exposed, group, ones, np.zeros(len(p), int))
        low, high = np.exp(contrast.interval(still))
        hits += low[0] <= p_in / p_out <= high[0]
    assert 0.93 <= hits / 1500 <= 0.98


@pytest.mark.parametrize("common", [0.0, 0.15])
def test_two_way_intervals_of_groups(common):
    """Share, ratios and shift are held in 91 to 99% of 120 audits of 1,500 patients, 16 pairs.

    Two labels, a group that leaks twice as often within each; `common`: what every pair of models
    adds to all patients' differences, in standard deviations. The truth is the mean of the audits
    (Monte-Carlo error of a rate 2%). Measured with 200 of 2,000: 94 to 97.5%.
    """
    rows = []
    for seed in range(120):
        rng = np.random.default_rng([seed, 17])
        group = rng.random(1500) < 0.3
        label = (rng.random(1500) < np.where(group, 0.5, 0.3)).astype(int)
        leaks = rng.random(1500) < np.where(group, 0.2, 0.1) * (1 + label)
        shift = np.where(leaks, rng.normal(1.1, 0.3, 1500), 0)
        statistic, members = draw_audit(rng, 1500, 16, shift=shift, common=common)
        d, move, error = make_moves(statistic, members)
        exposed, inside = d > 0.8, group[:, None]
        to_expose = move * naming_slope(d, exposed, label, error).astype(np.float32)
        moves, of_d = (Moves(m, (m.astype(float) ** 2).sum(0)) for m in (to_expose, move))
        everybody = np.ones_like(inside)
        size = group.sum()
        shared = moves.variance(inside / size)
        ends = [share_interval(exposed @ inside.astype(float), np.array([size]), shared, 16)]
        estimates = [exposed[group].mean()]
        for contrast, by in (
            (compare_within(exposed.astype(float), inside, everybody, 0 * label), moves),
            (compare_within(exposed.astype(float), inside, everybody, label), moves),
            (shift_within(d, inside, everybody, label), of_d),
        ):
            ends.append(contrast.interval(by))
            estimates.append(contrast.estimate[0])
        rows.append([estimates, [low[0] for low, _ in ends], [high[0] for _, high in ends]])
    estimate, low, high = np.moveaxis(np.array(rows), 1, 0)
    truth = estimate.mean(0)
    held = ((low <= truth) & (truth <= high)).mean(0)
    assert ((held >= 0.91) & (held <= 0.995)).all(), held


@pytest.mark.parametrize("effect", [0.0, 0.7])
def test_odds_account_for_records_and_diagnosis(effect):
    """The adjusted interval holds 1, or exp(0.7) where that is the truth, in 92 to 98%.

    500 simulations of 1,000 patients, 40% in the group, whose crude odds are doubled by records and
    diagnosis alone (Monte-Carlo error 1%; bounds 3 of them wide).
    """
    hits, crude = 0, []
    for seed in range(500):
        rng = np.random.default_rng([seed, 3])
        group, top, records, diagnosis = naive.confounded(rng, 1000, effect)
        odds = estimate_odds_ratio(group, top, records, [diagnosis])
        hits += odds["odds_low"] <= np.exp(effect) <= odds["odds_high"]
        crude.append(top[group].mean() / top[~group].mean())
    assert hits / 500 == pytest.approx(0.95, abs=0.03)
    assert np.mean(crude) > 1.8


# --- metrics ---


def test_clustered_error_is_the_spread_of_the_auc():
    """The SD of the AUC over 600 simulations against the mean claimed error: within 4 SE of 3%.

    200 patients, 1 to 6 records, 60% of the variance shared (fails by chance in 1 of 16,000). The
    error that ignores patients is too small by a third or more.
    """
    areas, claimed, ignoring = [], [], []
    for seed in range(600):
        rng = np.random.default_rng([seed, 1])
        cluster = np.repeat(np.arange(200), rng.integers(1, 7, 200))
        positive = (np.arange(200) % 2 == 0)[cluster]
        scores = (
            np.sqrt(0.6) * rng.standard_normal(200)[cluster]
            + np.sqrt(0.4) * rng.standard_normal(len(cluster))
            + 0.7 * positive
        )
        placement = metrics.rank_scores(scores, positive).placement
        area, error = metrics.auc_from_placements(placement, positive, cluster)
        areas.append(area)
        claimed.append(error)
        each = np.arange(len(cluster))
        ignoring.append(metrics.auc_from_placements(placement, positive, each)[1])
    assert np.mean(claimed) / np.std(areas, ddof=1) == pytest.approx(1, abs=4 * 0.03)
    assert (np.array(claimed) > np.array(ignoring)).all()
    assert np.mean(ignoring) < 0.67 * np.mean(claimed)


def test_a_rate_whose_hits_cluster_in_patients():
    """The 95% interval covers in 93 to 98%, the one that takes tries as independent in under 90%.

    400 patients with 1 to 6 tries each, rates of patients from a beta distribution of mean 0.05 and
    correlation 0.3, 1,000 simulations (Monte-Carlo error 0.7%).
    """
    limits, totals = [], []
    for seed in range(1000):
        rng = np.random.default_rng([seed, 2])
        tries = rng.integers(1, 7, 400)
        hits = rng.binomial(tries, rng.beta(0.05 * 7 / 3, 0.95 * 7 / 3, 400))
        limits.append(metrics.rate_interval(hits, tries)[1:])
        totals.append((hits.sum(), tries.sum()))
    assert 0.93 <= covered(*np.transpose(limits), 0.05) <= 0.98
    hits, tries = np.transpose(totals)  # Clopper and Pearson, as if tries were independent
    low, high = beta.ppf(0.025, hits, tries - hits + 1), beta.ppf(0.975, hits + 1, tries - hits)
    assert covered(low, high, 0.05) < 0.9
