"""Deliberately naive versions of the library's estimators: loops over targets and records, no code shared with rollcall. And simulated scores."""

import math

import numpy as np
from hypothesis import settings

FIXED = settings(
    deadline=None, derandomize=True, database=None, max_examples=40
)  # the same examples on every run
TINY = 1e-12


# --- two groups -------------------------------------------------------------------------------------------------------------


def auc(scores, positive):
    """Share of (positive, negative) pairs in the right order, ties half."""
    wins = pairs = 0.0
    for a, kind_a in zip(scores, positive):
        for b, kind_b in zip(scores, positive):
            if kind_a and not kind_b:
                pairs += 1
                wins += 1.0 if a > b else 0.5 if a == b else 0.0
    return wins / pairs if pairs else math.nan


def auc_se_clustered(scores, positive, cluster):
    """Obuchowski 1997: the sums of a cluster's placements about the AUC, for clusters that are all positive or all negative."""
    area = auc(scores, positive)
    variance = 0.0
    for kind in (True, False):
        sums, n = {}, 0
        other = [b for b, p in zip(scores, positive) if bool(p) != kind]
        for a, p, c in zip(scores, positive, cluster):
            if bool(p) == kind:
                n += 1
                below = sum((a > b) + 0.5 * (a == b) for b in other) / len(other)
                sums[c] = sums.get(c, 0.0) + (below if kind else 1 - below) - area
        count = len(sums)
        variance += count / max(count - 1, 1) * sum(value**2 for value in sums.values()) / n**2
    return math.sqrt(variance)


def auc_se_mixed(scores, positive, cluster):
    """Obuchowski 1997 for clusters that hold both kinds: the sum over clusters of (S10_i / n1 + S01_i / n0)^2, times I / (I - 1)."""
    area = auc(scores, positive)
    ins, outs = (
        [s for s, p in zip(scores, positive) if p],
        [s for s, p in zip(scores, positive) if not p],
    )
    sums = {}
    for a, p, c in zip(scores, positive, cluster):
        other = outs if p else ins
        below = sum((a > b) + 0.5 * (a == b) for b in other) / len(other)
        sums[c] = sums.get(c, 0.0) + ((below if p else 1 - below) - area) / (
            len(ins) if p else len(outs)
        )
    return math.sqrt(len(sums) / (len(sums) - 1) * math.fsum(value**2 for value in sums.values()))


def best_threshold(scores, positive):
    """The score t for which the share of positives at or above it less that of negatives is largest, the highest of equals."""
    n1, n0 = int(sum(positive)), int(sum(not p for p in positive))
    best = (-math.inf, None)
    for limit in sorted(set(scores)):
        gain = n0 * int(sum(s >= limit for s, p in zip(scores, positive) if p)) - n1 * int(
            sum(s >= limit for s, p in zip(scores, positive) if not p)
        )
        if gain >= best[0]:
            best = (gain, limit)
    return best[1]


def delong_se(scores, positive):
    """DeLong 1988 for independent records: S10 / n1 + S01 / n0 with unbiased variances of the placements."""
    ins, outs = (
        [s for s, p in zip(scores, positive) if p],
        [s for s, p in zip(scores, positive) if not p],
    )
    v10 = [sum((a > b) + 0.5 * (a == b) for b in outs) / len(outs) for a in ins]
    v01 = [sum((a > b) + 0.5 * (a == b) for a in ins) / len(ins) for b in outs]
    return math.sqrt(moments(v10)[1] / len(ins) + moments(v01)[1] / len(outs))


def tpr_at(scores, positive, fpr):
    """Largest true-positive rate of any threshold whose false positives are at most fpr of the negatives."""
    ins, outs = (
        [s for s, p in zip(scores, positive) if p],
        [s for s, p in zip(scores, positive) if not p],
    )
    best = 0.0
    for threshold in [-math.inf, *scores]:
        false = sum(s > threshold for s in outs)
        if false <= fpr * len(outs) + 1e-9:
            best = max(best, sum(s > threshold for s in ins) / len(ins))
    return best


def moments(values):
    """Mean and unbiased variance."""
    values = [float(value) for value in values]
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def phi(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def shape(values):
    """Mean, unbiased variance, skewness G1 and excess kurtosis G2, as statistics packages give them."""
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
    inside, outside = split_in_out(column, member)
    m1, m0 = sum(inside) / len(inside), sum(outside) / len(outside)
    return sum((a - m1) * (b - m0) for a, b in zip(inside, outside)) / (len(inside) - 1)


def area(column, member):
    """Phi of the standardised difference of the two means."""
    inside, outside = split_in_out(column, member)
    (m1, v1), (m0, v0) = moments(inside), moments(outside)
    return phi((m1 - m0) / math.sqrt(max(v1 + v0, TINY)))


def binormal(column, member, correlation, skew_in, skew_out, kurt):
    """(auc, se, low, high) of one record, term by term as record_risk.binormal_auc's docstring has it."""
    inside, outside = split_in_out(column, member)
    k = len(inside)
    (m1, v1, s1, k1), (m0, v0, s0, k0) = shape(inside), shape(outside)
    total = v1 + v0
    d = (m1 - m0) / math.sqrt(total)
    own = k / (k + 100)
    r = own * 2 * pair_covariance(column, member) / total + (1 - own) * correlation
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


# --- risk -------------------------------------------------------------------------------------------------------------------


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
    """(mean, mean_se, max, max_se) of the record AUCs of each patient, errors by a jackknife over pairs of targets."""

    def once(keep):
        mean, highest = [], []
        for patient in range(members.shape[1]):
            areas = [
                area(scores[keep, n], members[keep, patient])
                for n in range(len(patient_index))
                if patient_index[n] == patient
            ]
            mean.append(sum(areas) / len(areas))
            highest.append(max(areas))
        return np.array([mean, highest])

    targets = len(scores)
    full = once(list(range(targets)))
    left = np.array(
        [once([t for t in range(targets) if t // 2 != pair]) for pair in range(targets // 2)]
    )
    pairs = len(left)
    se = np.sqrt((pairs - 1) / pairs * ((left - left.mean(0)) ** 2).sum(0))
    return full[0], se[0], full[1], se[1]


def compute_q_values(values, floor):
    """Benjamini-Hochberg: for each patient the smallest p_j * P / rank_j over all p_j at least its own. Values within 1e-6 are equal."""
    p = [(1 + sum(f >= value - 1e-6 for f in floor)) / (1 + len(floor)) for value in values]
    return [
        min(1.0, min(pj * len(p) / sum(pk <= pj for pk in p) for pj in p if pj >= pi)) for pi in p
    ]


# --- scores -----------------------------------------------------------------------------------------------------------------


def exact(logits, label):
    """log p - log(1 - p) of one record's label by softmax in float64."""
    top = max(logits)
    p = [math.exp(z - top) for z in logits]
    p = [value / math.fsum(p) for value in p]
    return math.log(p[label]) - math.log(math.fsum(q for c, q in enumerate(p) if c != label))


# --- simulated audits -------------------------------------------------------------------------------------------------------


def paired(rng, targets, patients):
    """Complementary halves, drawn here and not by rollcall. bool (targets, patients)."""
    members = np.zeros((targets, patients), bool)
    for pair in range(targets // 2):
        members[2 * pair, rng.choice(patients, patients // 2, replace=False)] = True
        members[2 * pair + 1] = ~members[2 * pair]
    return members


def simulate(rng, targets, sizes, shift=0.0, correlation=0.5, tails=5):
    """(scores float32 (M, N), members (M, P), patient_index (N,)): patients with `sizes` records each.

    Records differ in level and spread, models in level, noise has Student tails (df `tails`; None is normal) and correlates within a
    patient and model. `shift`, a number or one for each patient, raises the scores of members, in units of the record's noise sd.
    """
    sizes = np.asarray(sizes)
    index = np.repeat(np.arange(len(sizes)), sizes)
    members = paired(rng, targets, len(sizes))

    def noise(*shape):
        return (
            rng.standard_normal(shape)
            if tails is None
            else rng.standard_t(tails, shape) / math.sqrt(tails / (tails - 2))
        )

    own = (
        math.sqrt(1 - correlation) * noise(targets, len(index))
        + math.sqrt(correlation) * noise(targets, len(sizes))[:, index]
    )
    own += (
        0.2 * rng.standard_normal((targets, 1))
        + (np.broadcast_to(shift, len(sizes)) * members)[:, index]
    )
    scores = 2 * rng.standard_normal(len(index)) + rng.uniform(0.5, 1.5, len(index)) * own
    return scores.astype(np.float32), members, index
