"""The blind control of a release: can members be told from outsiders without the model?

If so, they were not drawn alike: outsiders of another hospital, or of later years. Then a model
that gives them other scores has not remembered anybody, and nobody can be named.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rollcall.attacks.blind import run_blind
from rollcall.stats.metrics import auc_of_rows, auc_with_limits

DRAWS = 199  # of membership, at random
LEAST_P = 0.01  # of control: a sound release is flagged so often
MOST_NUMBERS = 20_000_000  # predictions held at once


class Control(NamedTuple):
    """Hold what `run_control` gives.

    score  (P,): what is known of each patient, as a guess at membership
    auc, low, high: of that guess, with its 95% interval
    p      the share of memberships drawn at random that are guessed as well
    """

    score: np.ndarray
    auc: float
    low: float
    high: float
    p: float

    @property
    def flagged(self) -> bool:
        """Whether members differ from outsiders beyond chance: in 1% of sound releases."""
        return self.p <= LEAST_P


def run_control(
    features: np.ndarray, members: np.ndarray, index: np.ndarray, seed: int = 0
) -> Control:
    """Guess who the members are from features (N, D) of the records, never from the model.

    members bool (P,); index int (N,). Ridge regression of membership on the features and the
    squares of those that are not 0 and 1, cross-fitted by halves of the patients (run_blind); a
    patient's guess is the mean over its records. p: by membership handed out at random 199 times.
    """
    features = add_squares(np.asarray(features, np.float32))
    rng = np.random.default_rng([seed, 11])
    drawn = np.array([members, *(rng.permutation(members) for _ in range(DRAWS))])
    patients = len(members)
    count = np.maximum(np.bincount(index, minlength=patients), 1)
    rows = max(1, MOST_NUMBERS // len(index))
    guesses = np.concatenate(
        [
            [
                np.bincount(index, guess, patients) / count
                for guess in run_blind(features, drawn[start : start + rows][:, index], index, seed)
            ]
            for start in range(0, len(drawn), rows)
        ]
    )
    areas = np.array(
        [auc_of_rows(guess[None], kind)[0] for guess, kind in zip(guesses, drawn, strict=True)]
    )
    p = float(np.mean(areas >= areas[0] - 1e-12))  # the true one counts as one of them
    return Control(guesses[0], *auc_with_limits(guesses[0], members), p)


def add_squares(features: np.ndarray) -> np.ndarray:
    """Add the squares, about the mean, of features that take more than two values."""
    many = [column for column in features.T if len(np.unique(column[:1000])) > 2]
    squares = [(column - column.mean()) ** 2 for column in many]
    return np.column_stack([features, *squares]) if squares else features
