"""Deliberately naive versions of the attacks.

Loops over targets and records, no code shared with rollcall.
"""

import decimal
import math

import numpy as np

from tests.oracles.risk import auc, moments

TINY, RIDGE = 1e-12, 1e-6
EPS, FLOAT32_EPS = decimal.Decimal(2) ** -52, decimal.Decimal(2) ** -23


def draw(rng, targets, records, paired):
    """Members.

    Complementary pairs, or each record in any number of targets, at least 4 (3 of 8) and as many
    not. bool (targets, records).
    """
    members = np.zeros((targets, records), bool)
    least = 3 if targets < 10 else 4
    for record in range(records):
        if paired:
            for target in range(0, targets, 2):
                members[target + rng.integers(2), record] = True
        else:
            members[
                rng.choice(targets, rng.integers(least, targets - least + 1), replace=False), record
            ] = True
    return members


def are_pairs(members):
    """Whether targets 2i and 2i+1 had complementary records."""
    return len(members) % 2 == 0 and all(
        members[t, n] != members[t + 1, n]
        for t in range(0, len(members), 2)
        for n in range(members.shape[1])
    )


def references(target, targets, pair=True):
    """All targets but itself and (unless pair is False) its partner."""
    partner = target + 1 if target % 2 == 0 else target - 1
    return [t for t in range(targets) if t != target and not (pair and t == partner)]


def lira(scores, members, online, shared, pair=None):
    """(value, size), each (M, N).

    The statistic, and the largest term in it (the scale of its rounding).
    """
    targets, records = scores.shape
    value, size = np.empty((targets, records)), np.ones((targets, records))
    for target in range(targets):
        refs = references(target, targets, are_pairs(members) if pair is None else pair)
        groups = [
            [[float(scores[t, n]) for t in refs if members[t, n] == kind] for kind in (True, False)]
            for n in range(records)
        ]
        fits = [[moments(values) for values in group] for group in groups]
        pooled = [
            sum(fits[n][i][1] * (len(groups[n][i]) - 1) for n in range(records))
            / sum(len(groups[n][i]) - 1 for n in range(records))
            for i in (0, 1)
        ]
        for record, ((mean_in, var_in), (mean_out, var_out)) in enumerate(fits):
            var_in, var_out = (max(v, TINY) for v in (pooled if shared else (var_in, var_out)))
            s = float(scores[target, record])
            if online:
                outer, inner = (
                    (s - mean_out) ** 2 / (2 * var_out),
                    (s - mean_in) ** 2 / (2 * var_in),
                )
                value[target, record] = outer - inner + 0.5 * (math.log(var_out) - math.log(var_in))
                size[target, record] = max(outer, inner, 1.0)
            else:
                value[target, record] = (s - mean_out) / math.sqrt(var_out)
                size[target, record] = max(abs(value[target, record]), 1.0)
    return value, size


def lira_labels(scores, members, online, shared):
    """(value, size) as lira, of scores (M, N, L): one normal over all labels."""
    targets, records, labels = scores.shape
    value, size = np.empty((targets, records)), np.ones((targets, records))

    def square(values, mean):
        return sum(
            np.array(
                [
                    [(v[i] - mean[i]) * (v[j] - mean[j]) for j in range(labels)]
                    for i in range(labels)
                ]
            )
            for v in values
        )

    for target in range(targets):
        refs = references(target, targets, are_pairs(members))
        means, squares, counts, whole = {}, {}, {}, {}
        for n in range(records):
            for kind in (True, False):
                values = [[float(x) for x in scores[t, n]] for t in refs if members[t, n] == kind]
                means[n, kind] = np.array(
                    [math.fsum(v[i] for v in values) / len(values) for i in range(labels)]
                )
                squares[n, kind], counts[n, kind] = square(values, means[n, kind]), len(values)
                whole[n, kind] = sum(members[t, n] == kind for t in range(targets))
        for n in range(records):
            terms = {}
            for kind in (True, False):
                if shared:
                    total, freedom = (
                        sum(squares[m, kind] for m in range(records)),
                        sum(counts[m, kind] - 1 for m in range(records)),
                    )
                    covariance = total / freedom + RIDGE * np.eye(labels)
                else:
                    covariance = (squares[n, kind] + RIDGE * whole[n, kind] * np.eye(labels)) / (
                        counts[n, kind] - 1
                    )
                y = scores[target, n] - means[n, kind]
                terms[kind] = y @ np.linalg.solve(covariance, y), np.linalg.slogdet(covariance)[1]
            if online:
                value[target, n] = (
                    terms[False][0] - terms[True][0] + terms[False][1] - terms[True][1]
                ) / 2
                size[target, n] = max(terms[False][0], terms[True][0], 1.0)
            else:  # the last covariance and y are those of the targets that had not the record
                d = np.sqrt(np.diag(covariance))
                value[target, n] = (
                    y
                    @ np.linalg.solve(covariance, d)
                    / math.sqrt(d @ np.linalg.solve(covariance, d))
                )
                size[target, n] = max(terms[False][0] ** 0.5, 1.0)
    return value, size


def belief(score):
    """p of the record's label, product over labels, to 50 digits."""
    with decimal.localcontext(decimal.Context(prec=50)):
        product = decimal.Decimal(1)
        for s in np.atleast_1d(score):
            product /= 1 + (-decimal.Decimal(float(s))).exp()
        return product


def excess(p, member, target, refs, online, a):
    """(p(x|t) / p(x) - 1 of one record, how far off rounding may put it), to 50 digits.

    p: of the record under all targets; member: who had it, or None: no one did, and all count.
    Rounding, with `size` what rounding errors are multiples of: 1 - p(x), or, where p(x) is below
    0.02, p(x) itself. To it comes the mean of all targets' 1 - p, or p, those that are left out
    too, since they are left out by subtraction. Where that is much more than p(x), all is lost.
    """
    kinds = [[t for t in range(len(p)) if member is None or not member[t]]]
    if online:
        kinds.append([t for t in range(len(p)) if member[t]])
    shrink = 1 if online else (1 + decimal.Decimal(a)) / 2
    means, before = [], []
    for kind in kinds:
        counted = [t for t in kind if t in refs]
        means.append(sum(p[t] for t in counted) / len(counted))
        before.append((sum(p[t] for t in kind), len(kind), len(counted)))
    prior = shrink * sum(means) / len(means) + 1 - shrink
    small = prior < decimal.Decimal("0.02")
    size = prior if small else 1 - prior
    subtracted = [(total if small else number - total) / left for total, number, left in before]
    error = EPS * (64 * size + 8 * max(subtracted)) / prior
    if small:
        error = 4 * error * (1 + p[target] / prior) if error < decimal.Decimal("0.01") else 10**40
    return p[target] / prior - 1, error


def rmia(scores, members, online, a=0.3, gamma=1.0, population=None, held_out=None):
    """(share, low, high), (M, N) each: the share of other population records that x outdoes.

    x outdoes z if (p(x|t)/p(x)) / (p(z|t)/p(z)) >= gamma, p(z) being the mean over those that had
    not z; that is, if e_z <= (1 + e_x) / gamma - 1 of the ratios less 1.
    share: in exact arithmetic. low, high: as it may come out of float32. Two sides that differ by
    no more than float32 can tell apart, 2^-24 of each, and the slack of `excess`, count in `high`
    alone; but exact ties at gamma 1 count in both: equal records outdo each other.
    a: one, or one for each target. population: record numbers; held_out: scores (M, Z) of records
    no target had.
    """
    targets, records = scores.shape[:2]
    numbers = range(records) if population is None else population
    counts = np.empty((3, targets, records))
    with decimal.localcontext(decimal.Context(prec=50)):
        gamma = decimal.Decimal(gamma)
        p = [[belief(scores[t, n]) for t in range(targets)] for n in range(records)]
        for target in range(targets):
            refs = references(target, targets, are_pairs(members))
            a_here = float(np.broadcast_to(a, targets)[target])
            of_x = [
                excess(p[n], members[:, n], target, refs, online, a_here) for n in range(records)
            ]
            if held_out is None:
                of_z = {z: excess(p[z], members[:, z], target, refs, False, 1.0) for z in numbers}
            else:
                held_p = [[belief(row[z]) for row in held_out] for z in range(held_out.shape[1])]
                of_z = {
                    ("held out", z): excess(each, None, target, refs, False, 1.0)
                    for z, each in enumerate(held_p)
                }
            for x, (e_x, slack_x) in enumerate(of_x):
                limit = (1 + e_x) / gamma - 1
                share = sure = maybe = others = 0
                for z, (e_z, slack_z) in of_z.items():
                    if z == x:
                        continue
                    tie = (abs(limit) + abs(e_z)) * FLOAT32_EPS / 2
                    tie += (slack_x + 4 * EPS * abs(1 - gamma)) / gamma + slack_z
                    same = gamma == 1 and abs(limit - e_z) < decimal.Decimal("1e-40")
                    share += limit >= e_z or same
                    sure += limit > e_z + tie or same
                    maybe += limit >= e_z - tie
                    others += 1
                counts[:, target, x] = np.array([share, sure, maybe]) / others
    return counts


def tune(scores, members, target, tried, sample, grid):
    """The a of `grid` with the highest mean AUC of p / p(x) of the `tried` references.

    Each with its pair and the target's left out; the smaller of equals.
    """
    targets, pairs = len(scores), are_pairs(members)
    beliefs = [
        [float(belief(scores[t, n])) for t in range(targets)] for n in range(scores.shape[1])
    ]
    best = (-1.0, None)
    for a in grid:
        total = 0.0
        for row in tried:
            refs = [
                t
                for t in references(target, targets, pairs)
                if t in references(row, targets, pairs)
            ]
            ratio = []
            for n in sample:
                p = beliefs[n]
                outs = [p[t] for t in refs if not members[t, n]]
                mean = math.fsum(outs) / max(len(outs), 1)
                ratio.append(np.float32(p[row] / (((1 + a) * mean + 1 - a) / 2)))
            total += auc(ratio, [members[row, n] for n in sample])
        if round(total, 9) > best[0]:
            best = (round(total, 9), a)
    return best[1]


def blind(features, members, patient_index, first_half, ridge):
    """Membership by ridge regression on standardised features, each half from the other.

    Halves of the patients: `first_half`, a set, and the rest. Ridge as least squares with one more
    row for each feature.
    """
    records, number = features.shape
    columns = []
    for d in range(number):
        values = [float(v) for v in features[:, d]]
        mean = math.fsum(values) / records
        sd = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / records)
        columns.append(
            [(v - mean) / sd if sd > 1e-9 * max(abs(v) for v in values) else 0.0 for v in values]
        )
    x = np.array(columns).T
    out = np.empty(members.shape)
    for learnt_from_first in (True, False):
        learnt = [
            n for n in range(records) if (patient_index[n] in first_half) == learnt_from_first
        ]
        predicted = [n for n in range(records) if n not in learnt]
        for target in range(len(members)):
            y = [float(members[target, n]) for n in learnt]
            left = np.vstack(
                [
                    x[learnt] - sum(x[n] for n in learnt) / len(learnt),
                    math.sqrt(ridge * len(learnt)) * np.eye(number),
                ]
            )
            w = np.linalg.lstsq(
                left, np.array([v - sum(y) / len(y) for v in y] + [0.0] * number), rcond=None
            )[0]
            for n in predicted:
                out[target, n] = (x[n] - sum(x[m] for m in predicted) / len(predicted)) @ w
    return out
