"""The relative membership-inference attack (Zarifzadeh et al., Low-Cost High-Power Membership Inference Attacks, ICML 2024)."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from lib.errors import InputError
from lib.members import check_scores

CHUNK = 4096
POPULATION = 10_000


def rmia(scores: np.ndarray, members: np.ndarray, online: bool = True, a: float = 0.3, gamma: float = 1.0,
         population: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    """Share of population records z that x outdoes: P_z[ (p(x|t) / p(x)) / (p(z|t) / p(z)) >= gamma ]. (M, N) float32 in [0, 1].

    scores (M, N) are log p/(1-p) of the record's label, so p = expit(score); members bool (M, N). Equation 4 of the paper, with
    p(x) the mean over the target's references: online, half the in-mean plus half the out-mean (equation 3); offline, from out
    references alone, ((1 + a) mean_out + 1 - a) / 2 (appendix B.2.2). The population is a random sample of up to 10,000 records of
    the cohort (or the indices `population`), drawn without regard to any target's members; a record is never compared with itself.
    Within one target the score rises with p(x|t)/p(x), so the population sets the scale on which targets share a threshold.
    """
    scores, members = check_scores(scores, members)
    targets, records = scores.shape
    if population is None:
        population = np.random.default_rng(seed).permutation(records)[:POPULATION]
    if len(population) < 2:
        raise InputError(f"population holds {len(population)} records; expected at least 2")
    ratio = np.empty(scores.shape, np.float32)
    for start in range(0, records, CHUNK):
        chunk = slice(start, start + CHUNK)
        ratio[:, chunk] = _relative(scores[:, chunk], members[:, chunk], online, a)
    inside = np.zeros(records, np.int64)
    inside[population] = 1
    result = np.empty(scores.shape, np.float32)
    for target in range(targets):
        ladder = np.sort(ratio[target, population])
        limit = ratio[target] / np.float32(gamma)
        beaten = np.searchsorted(ladder, limit, side="right")
        itself = inside * (ratio[target] <= limit)
        result[target] = (beaten - itself) / (len(population) - inside)
    return result


def _relative(scores, members, online, a):
    """p(x|t) / p(x) for each target t, (M, C)."""
    p = expit(scores.astype(np.float64))
    n = len(p) // 2 - 1
    means = []
    for kind in (members, ~members):
        value = np.where(kind, p, 0.0)
        means.append((value.sum(0) - (value[0::2] + value[1::2]).repeat(2, axis=0)) / n)
    prior = (means[0] + means[1]) / 2 if online else ((1 + a) * means[1] + 1 - a) / 2
    return p / np.maximum(prior, np.finfo(float).tiny)
