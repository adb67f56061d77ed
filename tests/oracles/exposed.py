"""Deliberately naive versions of who is exposed, and how sure that is. No code of rollcall's."""

import math

import numpy as np

from tests.oracles.risk import area

P_GRID = [0.0, *(10 ** (-6 + 6 * i / 60) for i in range(61))]
DENSITIES = [0.5 * 600 ** (i / 79) for i in range(80)]


# --- p-values, weights ---


def p_values(values, floor):
    """Share of the draws at or above each value, itself counted among them; 1e-6 is equal."""
    return [(1 + sum(f >= value - 1e-6 for f in floor)) / (1 + len(floor)) for value in values]


def weighted_q_values(p, weight, null_share=1.0):
    """For each patient the smallest estimated rate of a cut that names it.

    At a cut c of p / weight, n c null_share false names are expected among those at or below it.
    """
    ratio = [a / b for a, b in zip(p, weight, strict=True)]
    rate = {c: c * len(p) * null_share / sum(r <= c for r in ratio) for c in ratio}
    return [min(1.0, min(rate[c] for c in ratio if c >= r)) for r in ratio]


def null_share(p):
    """Storey's share at 0.5, one patient added."""
    return min(1.0, (1 + sum(value > 0.5 for value in p)) / (0.5 * len(p)))


def hull(x, y):
    """The least concave function above points: at each x the highest chord that passes over it."""
    x, y = np.array(x), np.array(y)
    out = []
    for k in range(len(x)):
        left, right = np.arange(k + 1)[:, None], np.arange(k, len(x))[None]
        run = np.maximum(x[right] - x[left], 1e-300)
        chords = y[left] + (y[right] - y[left]) * (x[k] - x[left]) / run
        out.append(max(y[k], np.where(left < right, chords, y[k]).max()))
    return out


def grenander(p):
    """(share of p-values up to each point of the grid, concave; density of each step)."""
    share = [0.0] + [sum(value <= x for value in p) / max(len(p), 1) for x in P_GRID[1:]]
    share = hull(P_GRID, share)
    steps = range(len(P_GRID) - 1)
    return share, [(share[i + 1] - share[i]) / (P_GRID[i + 1] - P_GRID[i]) for i in steps]


def learn_weights(p, bins, count, level):
    """Try every density; keep the cut that names most at an estimated rate of at most `level`."""
    curves, sizes = [], []
    for number in range(count):
        mine = [value for value, b in zip(p, bins, strict=True) if b == number]
        sizes.append(len(mine))
        curves.append(grenander(mine) if mine else ([0.0] * 62, [0.0] * 61))
    best, chosen = 0.0, [1.0] * count
    for cut in DENSITIES:
        limits, names, false = [], 0.0, 0.0
        for size, (share, density) in zip(sizes, curves, strict=True):
            steps = sum(value >= cut for value in density)
            limits.append(P_GRID[steps])
            names += size * share[steps]
            false += size * P_GRID[steps]
        if names > best and false <= level * names:
            best, chosen = names, limits
    mean = sum(n * w for n, w in zip(sizes, chosen, strict=True)) / max(len(p), 1)
    return [w / mean for w in chosen] if mean > 0 else [1.0] * count


def weigh(p, covariate, half, level, least_in_bin=250):
    """Bins within each half, weights from the other half, a fifth of a weight is even."""
    bins, weight = [0] * len(p), [1.0] * len(p)
    count = min(max(len(p) // least_in_bin, 1), 20)
    for which in (False, True):
        values = [c for c, h in zip(covariate, half, strict=True) if h == which]
        limits = [np.quantile(values, i / count) for i in range(1, count)] if values else []
        for i, (c, h) in enumerate(zip(covariate, half, strict=True)):
            if h == which:
                bins[i] = sum(limit <= c for limit in limits)
    for which in (False, True):
        learn = [i for i, h in enumerate(half) if h != which]
        use = [i for i, h in enumerate(half) if h == which]
        if learn and use:
            table = learn_weights(
                [p[i] for i in learn], [bins[i] for i in learn], max(bins) + 1, level
            )
            mean = sum(table[bins[i]] for i in use) / len(use)
            for i in use:
                weight[i] = 0.8 * table[bins[i]] / mean + 0.2 if mean > 0 else 1.0
    return weight


# --- naming ---


def make_strata(labels):
    """Labels of 250 patients or more are a stratum each, the rest one, enlarged if too small."""
    names = sorted(set(labels))
    size = {name: sum(x == name for x in labels) for name in names}
    rare = [name for name in names if size[name] < 250]
    large = [name for name in names if size[name] >= 250]
    if rare and large and sum(size[name] for name in rare) < 250:
        smallest = min(large, key=lambda name: (size[name], names.index(name)))
        rare.append(smallest)
        large.remove(smallest)
    groups = ([rare] if rare else []) + [[name] for name in large]
    return [next(i for i, group in enumerate(groups) if x in group) for x in labels]


def name(auc, floor, foretold, stratum, level=0.05, least_in_bin=250):
    """(p, weight, q, exposed, threshold), each patient's; floor: rounds of rows of patients."""
    n, count = len(auc), max(stratum) + 1
    p, weight, q, threshold = [1.0] * n, [1.0] * n, [1.0] * n, [0.0] * n
    groups = [[i for i in range(n) if stratum[i] == s] for s in range(count)]
    shares, pools = [], []
    for who in groups:
        pool = [row[i] for row in floor for i in who]
        mine = p_values([auc[i] for i in who], pool)
        half = [place % 2 == 0 for place in range(len(who))]
        w = weigh(mine, [foretold[i] for i in who], half, level, least_in_bin)
        shares.append(null_share(mine))
        pools.append(pool)
        adjusted = weighted_q_values(mine, w, shares[-1])
        for i, *values in zip(who, mine, w, adjusted, strict=True):
            p[i], weight[i], q[i] = values
    smallest = sorted(min([q[i] for i in who if p[i] <= 0.05], default=1.0) for who in groups)
    picked = max(
        (j for j in range(1, count + 1) if smallest[j - 1] <= level * j / count), default=0
    )
    for who, share, pool in zip(groups, shares, pools, strict=True):
        allowed = level * max(picked, 1) / count  # of q within the stratum
        passed = sum(q[i] <= allowed for i in who) if picked else 0
        cut = allowed * max(passed, 1) / (len(who) * share)
        for i in who:
            reach = min(cut * weight[i], 0.05)
            enough = [
                v
                for v in [*pool, -math.inf]
                if (1 + sum(f > v for f in pool)) / (1 + len(pool)) <= reach + 1e-12
            ]
            threshold[i] = min(enough, default=math.inf)
    q = [
        min(1.0, value * count / max(picked, 1)) if p[i] <= 0.05 else 1.0
        for i, value in enumerate(q)
    ]
    q = [value if picked else max(value, level + 1e-12) for value in q]
    return p, weight, q, [value <= level for value in q], threshold


# --- how sure that is ---


def expect_false(auc, floor, exposed, stratum, threshold):
    """Twice the share of draws that would be named, summed over patients below 0.5."""
    total = 0.0
    for i, value in enumerate(auc):
        somebody = any(e for e, s in zip(exposed, stratum, strict=True) if s == stratum[i])
        if value < 0.5 and somebody:
            total += 2 * sum(row[i] - 1e-6 > threshold[i] for row in floor) / len(floor)
    return total


def local_rates(p, weight, exposed, stratum, shares):
    """Null share over the density of weighted p-values at the patient's, within the stratum."""
    out = []
    for i, s in enumerate(stratum):
        mine = [min(a / b, 1) for a, b, t in zip(p, weight, stratum, strict=True) if t == s]
        _, density = grenander(mine)
        value = min(p[i] / weight[i], 1)
        step = max(j for j in range(len(density)) if P_GRID[j] < value or j == 0)
        out.append(min(1.0, shares[s] / max(density[step], 1e-12)) if exposed[i] else 1.0)
    return out


def bound_false(statistic, signs, floor, auc, p, weight, exposed, rounds=500):
    """One stratum: redrawn counts of weighted p-values at each cut, and their envelope.

    signs: for each patient (rounds, K) fair signs. The envelope is left by 5% of the rounds: each
    round is as far out as its least tail probability over the cuts.
    """
    n = len(auc)
    below = [i for i in range(n) if auc[i] < 0.5]
    nulls = min(2 * (len(below) + 2 * math.sqrt(len(below)) + 2), n)
    drawn = below if len(below) >= 20 else list(range(n))
    cuts = [0.02 / n * (0.25 / (0.02 / n)) ** (j / 39) for j in range(40)]
    pool = sorted(value for row in floor for value in row)
    counts = np.zeros((rounds, 40))
    for i in drawn:
        for turn in range(rounds):
            member = np.array([[s > 0, s < 0] for s in signs[i][turn]]).ravel()
            value = area(statistic[:, i], member)
            if value >= pool[int(0.95 * len(pool))]:
                mine = (1 + sum(f >= value - 1e-6 for f in pool)) / (1 + len(pool)) / weight[i]
                counts[turn] += [mine <= cut for cut in cuts]
    counts *= nulls / len(drawn)
    tail = [
        [
            sum(other >= mine for other in column) / rounds
            for mine, column in zip(row, counts.T, strict=True)
        ]
        for row in counts
    ]
    farthest = sorted(min(row) for row in tail)
    level = farthest[int(0.05 * rounds + 1e-9)]
    envelope = [
        max([counts[t][j] for t in range(rounds) if tail[t][j] >= level], default=0.0)
        for j in range(40)
    ]
    ratio = [a / b for a, b, e in zip(p, weight, exposed, strict=True) if e]
    bounds = [sum(r > cut for r in ratio) + most for cut, most in zip(cuts, envelope, strict=True)]
    return int(min(len(ratio), math.floor(min(bounds))))


def share_told(auc, stratum):
    """Each patient below 0.5 stands for another above; no stratum has fewer than none told."""
    told = lowest = 0.0
    for s in set(stratum):
        values = [a for a, t in zip(auc, stratum, strict=True) if t == s]
        below = sum((a < 0.5) + (a == 0.5) / 2 for a in values)
        share = below / len(values)
        error = math.sqrt(len(values) * share * (1 - share))
        told += max(0, len(values) - 2 * below)
        lowest += max(0, len(values) - 2 * (below + 1.645 * error + 1.35))
    return told / len(auc), lowest / len(auc)
