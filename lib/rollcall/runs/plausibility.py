"""Whether scores that were given are log odds, of the right orientation and order of patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.stats.moments import pair_signs
from rollcall.util.errors import InputError

SURE = 10.0  # standard errors by which members differ from non-members beyond doubt,
LEAST_EFFECT = 0.05  # and at least so many standard deviations of a pair's difference
TIMES_CLEARER = 4.0  # another order of the patients must show what the given one hardly does


def check_scores(
    scores_path: Path,
    members_path: Path,
    scores: np.ndarray,
    members: np.ndarray,
    codes: np.ndarray,
    names: pd.Index,
) -> None:
    """Raise InputError where scores or members are plainly something else than what is expected.

    scores (M, N) or (M, N, L); members bool (M, P), paired; codes (N,): the patient of each record,
    numbered as ids first come; names (P,): the patients. Probabilities, scores that are lower where
    a model had the record, and members whose columns are patients in the order of their sorted ids.
    """
    lowest, highest = (float(value) for value in (scores.min(), scores.max()))
    if lowest >= 0 and highest <= 1 and lowest < highest:
        raise InputError(
            f"{scores_path}: all values lie between 0 and 1, as probabilities do; expected log "
            "odds of each record's own label, log(p / (1 - p))"
        )
    difference = _differences(scores, codes, len(names))
    score, effect = _contrast(difference, members)
    if score < -SURE and effect < -LEAST_EFFECT:
        raise InputError(
            f"{scores_path}: scores are lower where a model had the record (by {-effect:.2f} "
            "standard deviations); expected higher to mean more like a member. Are they losses? "
            "Give them with the sign turned"
        )
    place = np.argsort(np.argsort(np.asarray(names, str), kind="stable"), kind="stable")
    other, other_effect = _contrast(difference, members[:, place])
    if other > SURE and other_effect > LEAST_EFFECT and other > TIMES_CLEARER * abs(score):
        raise InputError(
            f"{members_path}: fits the scores only if its columns are patients in the order of "
            "their sorted ids; expected the order in which the ids first come. Give members by "
            "record, or in that order"
        )


def _differences(scores: np.ndarray, codes: np.ndarray, patients: int) -> np.ndarray:
    """Return even less odd target's score of each patient, of root mean square 1. (K, P)"""
    out = np.empty((len(scores) // 2, patients))
    for pair in range(len(out)):
        difference = np.subtract(scores[2 * pair], scores[2 * pair + 1], dtype=np.float64)
        out[pair] = np.bincount(codes, difference.reshape(len(codes), -1).sum(1), patients)
    size = np.sqrt((out**2).mean(0))
    return out / np.where(size > 0, size, 1)


def _contrast(difference: np.ndarray, members: np.ndarray) -> tuple[float, float]:
    """Return by how much members' scores are higher: in standard errors, and on average."""
    mean = float((difference * pair_signs(members)).mean())
    return mean * np.sqrt(difference.size), mean
