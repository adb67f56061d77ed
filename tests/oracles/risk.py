"""Deliberately naive versions of the estimators in stats and risk, and simulated audits.

Loops over targets and records; no code shared with rollcall.
"""

import math
import warnings

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from statsmodels.genmod import families
from statsmodels.genmod.generalized_linear_model import GLM

TINY = 1e-12


# --- two groups ---


def split(scores, positive):
    """Scores of the positives, and those of the negatives."""
    pairs = list(zip(scores, positive, strict=True))
    return [s for s, p in pairs if p], [s for s, p in pairs if not p]


def auc(scores, positive):
    """Share of (positive, negative) pairs in the right order, ties half."""
    ins, outs = split(scores, positive)
    wins = sum((a > b) + 0.5 * (a == b) for a in ins for b in outs)
    return wins / (len(ins) * len(outs)) if ins and outs else math.nan


def auc_se_clustered(scores, positive, cluster):
    """Obuchowski 1997, for clusters that are all positive or all negative.

    The sums of a cluster's placements about the AUC.
    """
    area = auc(scores, positive)
    ins, outs = split(scores, positive)
    variance = 0.0
    for kind in (True, False):
        sums, n = {}, 0
        others = outs if kind else ins
        for a, p, c in zip(scores, positive, cluster, strict=True):
            if bool(p) == kind:
                n += 1
                below = sum((a > b) + 0.5 * (a == b) for b in others) / len(others)
                sums[c] = sums.get(c, 0.0) + (below if kind else 1 - below) - area
        count = len(sums)
        variance += count / max(count - 1, 1) * sum(value**2 for value in sums.values()) / n**2
    return math.sqrt(variance)


def auc_se_mixed(scores, positive, cluster):
    """Obuchowski 1997 for clusters that hold both kinds.

    The sum over clusters of (S10_i / n1 + S01_i / n0)^2, times I / (I - 1).
    """
    area = auc(scores, positive)
    ins, outs = split(scores, positive)
    sums = {}
    for a, p, c in zip(scores, positive, cluster, strict=True):
        same, other = (ins, outs) if p else (outs, ins)
        below = sum((a > b) + 0.5 * (a == b) for b in other) / len(other)
        sums[c] = sums.get(c, 0.0) + ((below if p else 1 - below) - area) / len(same)
    return math.sqrt(len(sums) / (len(sums) - 1) * math.fsum(value**2 for value in sums.values()))


def best_threshold(scores, positive):
    """The score t whose share of positives at or above it less that of negatives is largest.

    The highest of equals.
    """
    ins, outs = split(scores, positive)
    best = (-math.inf, None)
    for limit in sorted(set(scores)):
        gain = len(outs) * int(sum(s >= limit for s in ins))
        gain -= len(ins) * int(sum(s >= limit for s in outs))
        if gain >= best[0]:
            best = (gain, limit)
    return best[1]


def delong_se(scores, positive):
    """DeLong 1988 for independent records: S10 / n1 + S01 / n0, unbiased variances."""
    ins, outs = split(scores, positive)
    v10 = [sum((a > b) + 0.5 * (a == b) for b in outs) / len(outs) for a in ins]
    v01 = [sum((a > b) + 0.5 * (a == b) for a in ins) / len(ins) for b in outs]
    return math.sqrt(moments(v10)[1] / len(ins) + moments(v01)[1] / len(outs))


def tpr_at(scores, positive, fpr):
    """Largest true-positive rate of any threshold with at most fpr of the negatives above it."""
    ins, outs = split(scores, positive)
    best = 0.0
    for threshold in [-math.inf, *scores]:
        false = sum(s > threshold for s in outs)
        if false <= fpr * len(outs) + 1e-9:
            best = max(best, sum(s > threshold for s in ins) / len(ins))
    return best


def holm(p):
    """Holm 1979 by its definition: reject while the i-th smallest p <= level / (n - i + 1)."""
    adjusted = [0.0] * len(p)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        highest = max(highest, p[i] * (len(p) - rank))
        adjusted[i] = min(highest, 1.0)
    return adjusted


def moments(values):
    """Mean and unbiased variance."""
    values = [float(value) for value in values]
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def phi(x):
    """The normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def shape(values):
    """Mean, unbiased variance, skewness G1, excess kurtosis G2, as statistics packages do."""
    mean, variance = moments(values)
    n = len(values)
    m2, m3, m4 = (
        math.fsum((float(value) - mean) ** power for value in values) / n for power in (2, 3, 4)
    )
    g1, g2 = (m3 / m2**1.5, m4 / m2**2 - 3) if m2 else (0.0, 0.0)
    return (
        mean,
        variance,
        g1 * math.sqrt(n * (n - 1)) / (n - 2),
        (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * g2 + 6),
    )


def split_in_out(column, member):
    """The score of each pair's target that had the record, and of the one that had not."""
    pairs = range(len(column) // 2)
    return (
        [float(column[2 * i] if member[2 * i] else column[2 * i + 1]) for i in pairs],
        [float(column[2 * i + 1] if member[2 * i] else column[2 * i]) for i in pairs],
    )


def pair_covariance(column, member):
    """Unbiased covariance of in and out score within a pair."""
    inside, outside = split_in_out(column, member)
    m1, m0 = sum(inside) / len(inside), sum(outside) / len(outside)
    products = [(a - m1) * (b - m0) for a, b in zip(inside, outside, strict=True)]
    return sum(products) / (len(inside) - 1)


def area(column, member):
    """Phi of the standardised difference of the two means."""
    inside, outside = split_in_out(column, member)
    (m1, v1), (m0, v0) = moments(inside), moments(outside)
    return phi((m1 - m0) / math.sqrt(max(v1 + v0, TINY)))


def binormal(column, member, correlation, skew_in, skew_out, kurt):
    """(auc, se, low, high) of one record, term by term as derived in risk/record.py."""
    inside, outside = split_in_out(column, member)
    k = len(inside)
    (m1, v1, s1, k1), (m0, v0, s0, k0) = shape(inside), shape(outside)
    total = v1 + v0
    d = (m1 - m0) / math.sqrt(total)
    weight = k / (k + 100)
    r = weight * 2 * pair_covariance(column, member) / total + (1 - weight) * correlation
    s1, s0, k1, k0 = (s1 + skew_in) / 2, (s0 + skew_out) / 2, (k1 + kurt) / 2, (k0 + kurt) / 2
    normal = (v1**2 + v0**2) * 2 / (k - 1) / (4 * total**2)
    q = normal + (v1**2 * k1 + v0**2 * k0) / k / (4 * total**2)
    q = min(max(q, 0.3 * normal), 0.5) + r**2 / (4 * (k - 1))
    g = (s1 * v1**1.5 - s0 * v0**1.5) / (2 * k * total**1.5)
    variance = max((1 - r) / k + d * d * q - 2 * d * g, 0.25 * ((1 - r) / k + d * d * q))
    centre, sd = d * math.sqrt(1 - q), math.sqrt(variance)
    return (
        phi(d),
        math.exp(-d * d / 2) / math.sqrt(2 * math.pi) * sd,
        phi(centre - 1.959963985 * sd),
        phi(centre + 1.959963985 * sd),
    )


# --- risk ---


def joint(scores, patient_index, weight):
    """Weighted sum over a patient's records of the scores standardised over all models. (M, P)."""
    targets, records = scores.shape
    out = np.zeros((targets, max(patient_index) + 1))
    for patient in range(out.shape[1]):
        for record in [n for n in range(records) if patient_index[n] == patient]:
            column = [float(s) for s in scores[:, record]]
            mean = math.fsum(column) / targets
            sd = max(math.sqrt(math.fsum((s - mean) ** 2 for s in column) / targets), 1e-6)
            for target in range(targets):
                out[target, patient] += weight[record] * (column[target] - mean) / sd
    return out


def patient_summaries(scores, members, patient_index):
    """(mean, mean_se, max, max_se) of the record AUCs of each patient, jackknife over pairs."""

    def summarise(rows):
        mean, highest = [], []
        for patient in range(members.shape[1]):
            areas = [
                area(scores[rows, n], members[rows, patient])
                for n in range(len(patient_index))
                if patient_index[n] == patient
            ]
            mean.append(sum(areas) / len(areas))
            highest.append(max(areas))
        return np.array([mean, highest])

    targets = len(scores)
    full = summarise(list(range(targets)))
    left = np.array(
        [summarise([t for t in range(targets) if t // 2 != pair]) for pair in range(targets // 2)]
    )
    pairs = len(left)
    se = np.sqrt((pairs - 1) / pairs * ((left - left.mean(0)) ** 2).sum(0))
    return full[0], se[0], full[1], se[1]


def compute_q_values(values, floor):
    """Benjamini and Hochberg: for each patient the smallest p_j P / rank_j over all p_j >= its own.

    Values within 1e-6 are equal.
    """
    p = [(1 + sum(f >= value - 1e-6 for f in floor)) / (1 + len(floor)) for value in values]
    return [
        min(1.0, min(pj * len(p) / sum(pk <= pj for pk in p) for pj in p if pj >= pi)) for pi in p
    ]


def odds_ratio(group, top, records, covariates):
    """(method, log odds ratio, error): the design matrix in full, statsmodels' GLM, rank by SVD.

    Firth's estimate by climbing the penalised likelihood of Heinze and Schemper 2002.
    """
    kept = np.ones(len(group), bool)
    for codes in covariates:
        for level in set(codes):
            at_top = set(top[codes == level])
            kept &= (codes != level) | (len(at_top) == 2)
    group, top, records = group[kept], top[kept], records[kept]
    columns = [np.ones(len(group)), group, np.log(records)]
    for codes in covariates:
        columns += [codes[kept] == level for level in sorted(set(codes[kept]))[1:]]
    x = np.column_stack(columns).astype(float)
    x = x[:, [c < 2 or len(set(x[:, c])) > 1 for c in range(x.shape[1])]]  # records may be equal
    if len(set(group)) < 2 or len(set(top)) < 2 or np.linalg.matrix_rank(x) < x.shape[1]:
        return "not identified", math.nan, math.nan
    x, row = np.unique(x, axis=0, return_inverse=True)
    y, n = np.bincount(row, top), np.bincount(row).astype(float)
    if all(len(set(top[group == side])) == 2 for side in (False, True)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # separation by a covariate
            fit = GLM(np.column_stack([y, n - y]), x, family=families.Binomial()).fit(maxiter=50)
        if fit.converged and (np.abs(fit.params) < 20).all() and fit.bse[1] < 20:
            return "logit", fit.params[1], fit.bse[1]

    def likelihood(beta):
        z = np.clip(x @ beta, -30, 30)
        p = 1 / (1 + np.exp(-z))
        information = x.T @ np.diag(n * p * (1 - p)) @ x
        penalty = np.linalg.slogdet(information)[1] / 2
        return -((y * z - n * np.logaddexp(0, z)).sum() + penalty), information

    found = minimize(lambda beta: likelihood(beta)[0], np.zeros(x.shape[1]), options={"gtol": 1e-7})
    beta, covariance = found.x, np.linalg.inv(likelihood(found.x)[1])
    return "Firth", beta[1], math.sqrt(covariance[1, 1])


# --- scores ---


def exact(logits, label):
    """log p - log(1 - p) of one record's label by softmax in float64."""
    top = max(logits)
    p = [math.exp(z - top) for z in logits]
    p = [value / math.fsum(p) for value in p]
    return math.log(p[label]) - math.log(math.fsum(q for c, q in enumerate(p) if c != label))


# --- simulated audits ---


def paired(rng, targets, patients):
    """Complementary halves, drawn here and not by rollcall. bool (targets, patients)."""
    members = np.zeros((targets, patients), bool)
    for pair in range(targets // 2):
        members[2 * pair, rng.choice(patients, patients // 2, replace=False)] = True
        members[2 * pair + 1] = ~members[2 * pair]
    return members


def random_records(seed, patients, pairs, tied=False, level=0):
    """(scores float32 (2 pairs, 6), members, index): normal scores, the first record constant."""
    rng = np.random.default_rng(seed)
    members = paired(rng, 2 * pairs, patients)
    index = rng.integers(0, patients, 6)
    scores = 3 * rng.standard_normal((2 * pairs, 6)) + level + members[:, index]
    scores = (np.round(scores / 3) if tied else scores).astype(np.float32)
    scores[:, 0] = 1.1
    return scores, members, index


given_records = given(  # the arguments of random_records
    seed=st.integers(0, 2**32),
    patients=st.integers(2, 5),
    pairs=st.integers(4, 9),
    tied=st.booleans(),
    level=st.sampled_from([0, 30, -7]),
)


def simulate(rng, targets, sizes, shift=0.0, correlation=0.5, tails=5):
    """(scores float32 (M, N), members (M, P), patient_index (N,)): patients with `sizes` records.

    Records differ in level and spread, models in level, noise has Student tails (df `tails`; None
    is normal) and correlates within a patient and model. `shift`, a number or one for each patient,
    raises the scores of members, in units of the record's noise sd.
    """
    sizes = np.asarray(sizes)
    index = np.repeat(np.arange(len(sizes)), sizes)
    members = paired(rng, targets, len(sizes))

    def noise(*shape):
        if tails is None:
            return rng.standard_normal(shape)
        return rng.standard_t(tails, shape) / math.sqrt(tails / (tails - 2))

    record_noise = math.sqrt(1 - correlation) * noise(targets, len(index))
    record_noise += math.sqrt(correlation) * noise(targets, len(sizes))[:, index]
    leak = (np.broadcast_to(shift, len(sizes)) * members)[:, index]
    record_noise += 0.2 * rng.standard_normal((targets, 1)) + leak
    level = 2 * rng.standard_normal(len(index))
    scores = level + rng.uniform(0.5, 1.5, len(index)) * record_noise
    return scores.astype(np.float32), members, index


def confounded(rng, patients, effect=0.0, events=0.05):
    """(group, top, records, diagnosis): patients of the group have more records, another diagnosis.

    Both raise the odds of being at the top, the group itself by `effect` log odds.
    """
    group = rng.random(patients) < 0.4
    records = rng.poisson(np.where(group, 4, 1), patients) + 1
    diagnosis = np.where(rng.random(patients) < np.where(group, 0.7, 0.3), 1, 2)
    log_odds = np.log(events / (1 - events)) + 0.8 * np.log(records)
    log_odds = log_odds + 0.7 * (diagnosis == 1) + effect * group
    return group, rng.random(patients) < 1 / (1 + np.exp(-log_odds)), records, diagnosis


def grouped_patients(rng, patients=1000, shift=0.0, groups=("a", "b", "c"), p=(0.2, 0.3, 0.5)):
    """(patients, attributes): patients of group 'a' have their risk raised by `shift` sd."""
    group = rng.choice(groups, patients, p=p)
    risk = 0.5 + 0.1 * (rng.standard_normal(patients) + shift * (group == "a"))
    frame = pd.DataFrame(
        {"auc_joint": risk, "exposed": risk > 0.75, "records": rng.integers(1, 4, patients)}
    )
    return frame, pd.DataFrame({"group": pd.Categorical(group, groups)})
