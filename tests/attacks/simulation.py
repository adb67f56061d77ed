"""Simulated scores and audits that the tests of several attacks share."""

import numpy as np

from rollcall.stats import metrics
from tests.oracles import risk as naive

VARIANTS = [(True, "record"), (True, "shared"), (False, "record"), (False, "shared")]


def random_scores(rng, shape, kind):
    scores = rng.standard_normal(shape) * 3 + 5 * rng.standard_normal(shape[1:])
    if kind == "tied":
        scores = np.round(scores / 4)
    if kind == "constant":  # of one record, or of one label
        scores.T[0] = 1.1
    if kind == "offset":  # a mean far larger than the spread
        scores = scores / 100 + 1e4
    return scores


def mean_auc(attack, targets, repeats, patients, shift=0.0, size=0):
    """(mean, Monte-Carlo error) of the AUC of `attack` over `repeats` simulated audits.

    Each audit's is the mean over its targets. size: number of correlated labels; 0: one score.
    """
    areas = []
    for seed in range(repeats):
        scores, members, _ = naive.simulate(
            np.random.default_rng([seed, targets]), targets, np.ones(patients, int), shift
        )
        if size:
            scores = scores[..., None] + np.random.default_rng(
                [seed, targets, size]
            ).standard_normal((*scores.shape, size), np.float32)
        result = attack(scores, members)
        areas.append(np.mean([metrics.auc(result[t], members[t]) for t in range(targets)]))
    return np.mean(areas), np.std(areas, ddof=1) / np.sqrt(repeats)
