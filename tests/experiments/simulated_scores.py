"""Scores of models whose leak is known."""

import numpy as np


def draw_scores(members, index, shift, seed=0):
    """Normal scores, sd 1, raised by shift (P,) where a model had the patient: (M, N)."""
    rng = np.random.default_rng([seed, 9])
    hard = rng.normal(size=len(index))
    return hard + (members * shift)[:, index] + rng.normal(size=(len(members), len(index)))
