"""Simulated audits of many kinds of scores and of leakage, for rates of false names."""

import numpy as np

from tests.oracles.risk import paired

KINDS = (
    "none",
    "weak",
    "strong",
    "unequal",
    "few",
    "many records",
    "alike records",
    "tails",
    "skewed",
    "spreads",
    "ties",
    "spikes",
    "model shifts",
    "model loadings",
    "sometimes",
    "pairs unalike",
    "hard records",
)


def pair_noise(rng, targets, count, correlation):
    """Standard normal scores (targets, count), those of a pair correlated."""
    out = np.empty((targets, count))
    a, b = rng.standard_normal((2, targets // 2, count))
    out[0::2], out[1::2] = a, correlation * a + np.sqrt(1 - np.square(correlation)) * b
    return out


def scenario(kind, rng, targets, patients):
    """(scores float32 (targets, N), members (targets, P), index (N,), leaks bool (P,)).

    Half of those who could leak in `unequal` and `hard records` do so hardly; all others of a kind
    shift alike, by a number of standard deviations of the noise.
    """
    members, level_spread = paired(rng, targets, patients), 2.0
    chosen, sizes = rng.random(patients), np.ones(patients, int)
    share, shift, correlation = {
        "none": (0, 0, -0.3),
        "weak": (0.1, 0.5, -0.3),
        "strong": (0.02, 2.0, -0.3),
        "few": (0.004, 1.5, -0.3),
        "many records": (0.05, 0.8, -0.3),
        "alike records": (0.05, 0.8, -0.3),
    }.get(kind, (0.03, 1.2, -0.3))
    leaks = chosen < share
    if kind == "unequal":
        leaks, shift = chosen < 0.3, rng.exponential(0.6, patients)
    if kind == "pairs unalike":  # those who leak are not those whose pairs disagree
        odd = rng.random(patients) < 0.05
        correlation, leaks = np.where(odd, -0.95, 0.2), leaks & ~odd
    if kind in ("many records", "alike records"):
        sizes = rng.choice([1, 2, 3, 5, 10, 50], patients, p=[0.5, 0.2, 0.15, 0.1, 0.04, 0.01])
    if kind == "hard records":
        sizes = rng.choice([1, 2, 3, 5], patients, p=[0.6, 0.2, 0.15, 0.05])
    index = np.repeat(np.arange(patients), sizes)
    count = len(index)
    level = level_spread * rng.standard_normal(count)
    if sizes.max() > 1:
        common = {"many records": 0.3, "alike records": 0.9, "hard records": 0.3}[kind]
        noise = np.sqrt(1 - common) * pair_noise(rng, targets, count, correlation)
        noise += np.sqrt(common) * pair_noise(rng, targets, patients, correlation)[:, index]
    else:
        noise = pair_noise(rng, targets, count, correlation)
    if kind == "tails":
        noise /= np.sqrt(rng.chisquare(3, noise.shape))
    if kind == "skewed":
        noise = np.exp(noise)
    if kind == "spreads":
        noise *= np.exp(rng.standard_normal(count))
    if kind == "spikes":
        noise = 0.01 * noise
        noise += (rng.random(noise.shape) < 0.04) * rng.exponential(5, noise.shape)
    if kind == "model shifts":
        noise += rng.standard_normal((targets, 1))
    if kind == "model loadings":
        noise += rng.standard_normal((targets, 1)) * rng.standard_normal(count)
    raised = (shift * leaks)[index] * noise.std()
    if kind == "hard records":
        raised = (chosen < 0.7)[index] * 1.4 / (1 + np.exp(4 * (level / 2 + 1.6)))
        leaks = np.bincount(index, raised > 0.02) > 0
    raised = raised * members[:, index]
    if kind == "sometimes":
        raised = 3 * raised * (rng.random(noise.shape) < 0.35)
    scores = level + noise + raised
    if kind == "ties":
        scores = np.round(scores)
    return scores.astype(np.float32), members, index, leaks
