"""Deliberately naive versions of the library's estimators: loops over targets and records, no code shared with lib. And simulated scores."""

import math

import numpy as np
from hypothesis import settings

FIXED = settings(deadline=None, derandomize=True, database=None, max_examples=40)  # the same examples on every run
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


def delong_se(scores, positive):
    """DeLong 1988 for independent records: S10 / n1 + S01 / n0 with unbiased variances of the placements."""
    ins, outs = [s for s, p in zip(scores, positive) if p], [s for s, p in zip(scores, positive) if not p]
    v10 = [sum((a > b) + 0.5 * (a == b) for b in outs) / len(outs) for a in ins]
    v01 = [sum((a > b) + 0.5 * (a == b) for a in ins) / len(ins) for b in outs]
    return math.sqrt(moments(v10)[1] / len(ins) + moments(v01)[1] / len(outs))


def tpr_at(scores, positive, fpr):
    """Largest true-positive rate of any threshold whose false positives are at most fpr of the negatives."""
    ins, outs = [s for s, p in zip(scores, positive) if p], [s for s, p in zip(scores, positive) if not p]
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


def binormal(column, member):
    """(auc, se) of one record or patient: Phi of the standardised difference and its delta-method error."""
    (m1, v1), (m0, v0) = moments([s for s, k in zip(column, member) if k]), moments([s for s, k in zip(column, member) if not k])
    n1, n0 = sum(map(bool, member)), sum(not k for k in member)
    total = max(v1 + v0, TINY)
    d = (m1 - m0) / math.sqrt(total)
    mean_part = (v1 / n1 + v0 / n0) / total
    spread_part = d * d / 4 * (2 * v1**2 / (n1 - 1) + 2 * v0**2 / (n0 - 1)) / total**2  # var of log(total), times (d/2)^2
    return phi(d), math.exp(-d * d / 2) / math.sqrt(2 * math.pi) * math.sqrt(mean_part + spread_part)


# --- attacks ----------------------------------------------------------------------------------------------------------------

def references(target, targets, pair=True):
    """All targets but itself and (unless pair is False) its partner."""
    partner = target + 1 if target % 2 == 0 else target - 1
    return [t for t in range(targets) if t != target and not (pair and t == partner)]


def lira(scores, members, online, shared, pair=True):
    """(value, size), each (M, N): the statistic, and the largest term in it (the scale of its rounding)."""
    targets, records = scores.shape
    value, size = np.empty((targets, records)), np.empty((targets, records))
    for target in range(targets):
        refs = references(target, targets, pair)
        fits = []
        for record in range(records):
            inside = [float(scores[t, record]) for t in refs if members[t, record]]
            outside = [float(scores[t, record]) for t in refs if not members[t, record]]
            fits.append((moments(inside), moments(outside)))
        if shared:  # every record has as many references: the pooled within sum of squares over its degrees of freedom
            pooled = [max(sum(fit[kind][1] for fit in fits) / records, TINY) for kind in (0, 1)]
        for record, ((mean_in, var_in), (mean_out, var_out)) in enumerate(fits):
            var_in, var_out = pooled if shared else (max(var_in, TINY), max(var_out, TINY))
            s = float(scores[target, record])
            if online:
                outer, inner = (s - mean_out) ** 2 / (2 * var_out), (s - mean_in) ** 2 / (2 * var_in)
                value[target, record] = outer - inner + 0.5 * (math.log(var_out) - math.log(var_in))
                size[target, record] = max(outer, inner, 1.0)
            else:
                value[target, record] = (s - mean_out) / math.sqrt(var_out)
                size[target, record] = 1.0
    return value, size


def rmia(scores, members, online, a=0.3, gamma=1.0, population=None):
    """Share of the other population records z with (p(x|t)/p(x)) / (p(z|t)/p(z)) >= gamma."""
    targets, records = scores.shape
    population = list(range(records)) if population is None else list(population)
    out = np.empty((targets, records))
    for target in range(targets):
        ratio = []
        for record in range(records):
            p = [1 / (1 + math.exp(-float(scores[t, record]))) for t in range(targets)]
            refs = references(target, targets)
            ins, outs = [p[t] for t in refs if members[t, record]], [p[t] for t in refs if not members[t, record]]
            mean_in, mean_out = math.fsum(ins) / len(ins), math.fsum(outs) / len(outs)
            prior = (mean_in + mean_out) / 2 if online else ((1 + a) * mean_out + 1 - a) / 2
            ratio.append(np.float32(p[target] / prior))
        for x in range(records):
            others = [z for z in population if z != x]
            out[target, x] = sum(ratio[x] / np.float32(gamma) >= ratio[z] for z in others) / len(others)
    return out


# --- risk -------------------------------------------------------------------------------------------------------------------

def joint(scores, patient_index):
    """Mean over a patient's records of the scores standardised over all models. (M, P)."""
    targets, records = scores.shape
    out = np.zeros((targets, max(patient_index) + 1))
    for patient in range(out.shape[1]):
        own = [n for n in range(records) if patient_index[n] == patient]
        for record in own:
            column = [float(s) for s in scores[:, record]]
            mean = math.fsum(column) / targets
            sd = max(math.sqrt(math.fsum((s - mean) ** 2 for s in column) / targets), 1e-6)
            for target in range(targets):
                out[target, patient] += (column[target] - mean) / sd / len(own)
    return out


def patient_summaries(scores, members, patient_index):
    """(mean, mean_se, max, max_se) of the record AUCs of each patient, errors by a jackknife over pairs of targets."""
    def once(keep):
        mean, highest = [], []
        for patient in range(members.shape[1]):
            areas = [binormal(scores[keep, n], members[keep, patient])[0] for n in range(len(patient_index)) if patient_index[n] == patient]
            mean.append(sum(areas) / len(areas))
            highest.append(max(areas))
        return np.array([mean, highest])
    targets = len(scores)
    full = once(list(range(targets)))
    left = np.array([once([t for t in range(targets) if t // 2 != pair]) for pair in range(targets // 2)])
    pairs = len(left)
    se = np.sqrt((pairs - 1) / pairs * ((left - left.mean(0)) ** 2).sum(0))
    return full[0], se[0], full[1], se[1]


def q_values(values, floor):
    """Benjamini-Hochberg: for each patient the smallest p_j * P / rank_j over all p_j at least its own."""
    p = [(1 + sum(f >= value for f in floor)) / (1 + len(floor)) for value in values]
    return [min(1.0, min(pj * len(p) / sum(pk <= pj for pk in p) for pj in p if pj >= pi)) for pi in p]


# --- scores -----------------------------------------------------------------------------------------------------------------

def exact(logits, label):
    """log p - log(1 - p) of one record's label by softmax in float64."""
    top = max(logits)
    p = [math.exp(z - top) for z in logits]
    p = [value / math.fsum(p) for value in p]
    return math.log(p[label]) - math.log(math.fsum(q for c, q in enumerate(p) if c != label))


# --- simulated audits -------------------------------------------------------------------------------------------------------

def paired(rng, targets, patients):
    """Complementary halves, drawn here and not by lib. bool (targets, patients)."""
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
        return rng.standard_normal(shape) if tails is None else rng.standard_t(tails, shape) / math.sqrt(tails / (tails - 2))
    own = math.sqrt(1 - correlation) * noise(targets, len(index)) + math.sqrt(correlation) * noise(targets, len(sizes))[:, index]
    own += 0.2 * rng.standard_normal((targets, 1)) + (np.broadcast_to(shift, len(sizes)) * members)[:, index]
    scores = 2 * rng.standard_normal(len(index)) + rng.uniform(0.5, 1.5, len(index)) * own
    return scores.astype(np.float32), members, index
