"""Deliberately naive moderated LiRA: loops, scipy's own Student's t, trigamma by bisection."""

import math

import numpy as np
from scipy import stats
from scipy.special import polygamma

from tests.oracles import attacks as plain


def fit_plainly(variances, freedom):
    """(nu0, mean variance) of one kind, by bisection on the trigamma function."""
    used = [(v, d) for v, d in zip(variances, freedom, strict=True) if v > 1e-12]
    e = [math.log(v) - float(polygamma(0, d / 2)) + math.log(d / 2) for v, d in used]
    pooled = sum(v * d for v, d in zip(variances, freedom, strict=True)) / sum(freedom)
    if len(e) < 2:
        return math.inf, max(pooled, 1e-12)
    excess = np.var(e, ddof=1) - np.mean([float(polygamma(1, d / 2)) for _, d in used])
    if excess <= 0:
        return math.inf, max(pooled, 1e-12)
    low, high = 1e-6, 1e6
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if polygamma(1, middle / 2) > excess else (low, middle)
    return low, max(pooled, 1e-12)


def moderated_plainly(scores, members, online, strength):
    """Student's t with moderated variances, target by target, from scipy's own density."""
    targets, records = scores.shape
    value = np.empty(scores.shape)
    for target in range(targets):
        refs = plain.references(target, targets, plain.are_pairs(members))
        sides = []
        for kind in (True, False):
            groups = [
                [float(scores[t, n]) for t in refs if members[t, n] == kind] for n in range(records)
            ]
            variances = [np.var(group, ddof=1) for group in groups]
            freedom = [len(group) - 1 for group in groups]
            nu0, shared = fit_plainly(variances, freedom)
            nu0 = min(strength * nu0, 1000.0)
            sides.append(
                [
                    (
                        np.mean(group),
                        math.sqrt((nu0 * shared + d * v) / (nu0 + d) * (1 + 1 / len(group))),
                        nu0 + d,
                    )
                    for group, v, d in zip(groups, variances, freedom, strict=True)
                ]
            )
        for n in range(records):
            s = float(scores[target, n])
            (mean_in, scale_in, nu_in), (mean_out, scale_out, nu_out) = sides[0][n], sides[1][n]
            value[target, n] = (
                stats.t.logpdf(s, nu_in, mean_in, scale_in)
                - stats.t.logpdf(s, nu_out, mean_out, scale_out)
                if online
                else (s - mean_out) / scale_out
            )
    return value


def choose_plainly(attacks, members, pairs):
    """Number of the strength for each target: what tells all targets but its own pair's best.

    attacks: strength -> attack scores (M, N), smallest strength first.
    """
    chosen = []
    for target in range(len(members)):
        worth = []
        for attacked in attacks:
            total = 0.0
            for other in range(len(members)):
                if other // pairs == target // pairs:
                    continue
                inside, outside = (
                    sorted(attacked[other][members[other] == kind]) for kind in (True, False)
                )
                for rate in (0.001, 0.002, 0.005, 0.01):
                    limit = outside[-1 - int(rate * len(outside))]
                    total += sum(score > limit for score in inside) / len(inside) / rate / 4
            worth.append(round(total, 6))
        chosen.append(max(n for n, value in enumerate(worth) if value == max(worth)))
    return chosen
