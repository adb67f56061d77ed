"""Is it the patient or the draw? The same data with other seeds, and without a patient.

A released model is one draw of its training: weights and order of records came from a seed. A
patient whom most draws on the same data give away, and few without the patient, is exposed by being
in the data. One whom few give away was exposed by chance, and a model trained again may expose
others in its place. And one whom models without the patient give away as well is not exposed: the
other patients make the model fit the record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort
from rollcall.experiments.release.statistic import score_patients
from rollcall.experiments.retraining import train_models
from rollcall.recipes import Recipe
from rollcall.stats.metrics import auc, exact_limits
from rollcall.util.errors import InputError

FPR = 0.01  # of outsiders above whom a model gives a patient away
PATIENT, DRAW, OTHERS, OPEN = "patient", "draw", "others", "open"


def draw_without(members: np.ndarray, patients: Sequence[int]) -> np.ndarray:
    """Return members bool (1 + W, P): the training set itself, then without each of W patients.

    members bool (P,); patients: numbers of members. InputError for one who is none.
    """
    rows = np.tile(members, (1 + len(patients), 1))
    for row, patient in enumerate(patients, 1):
        if not 0 <= patient < len(members) or not members[patient]:
            raise InputError(
                f"patient {patient} is no member; expected patients who were trained on"
            )
        rows[row, patient] = False
    return rows


def train_seeds(
    cohort: Cohort,
    recipe: Recipe,
    members: np.ndarray,
    patients: Sequence[int],
    seeds: int,
    seed: int = 0,
    progress: Callable[[float], None] = lambda fraction: None,
) -> np.ndarray:
    """Train `seeds` models on the members and as many without each patient.

    Returns scores (1 + W, seeds, N[, L]): of draw_without's sets, in their order. No two models
    have the same seed.
    """
    sets = draw_without(np.asarray(members), patients).repeat(seeds, axis=0)
    scores = train_models(cohort, recipe, sets, seed, progress)
    return scores.reshape(1 + len(patients), seeds, *scores.shape[1:])


def compare_seeds(
    scores: np.ndarray,
    references: np.ndarray,
    reference_members: np.ndarray,
    index: np.ndarray,
    members: np.ndarray,
    patients: Sequence[int],
    label: np.ndarray | None = None,
) -> pd.DataFrame:
    """Say of each patient whether it is given away by its being in the data, or by one draw.

    scores (1 + W, K, N): as train_seeds gives them; references (R, N), reference_members (R, P),
    index, members (P,), label: as check_release takes them. A model gives a patient away if its
    statistic exceeds those of 99% of that model's outsiders. A row each:

    patient            its number
    given_away, low, high   share of the K models on the same data, with its exact 95% interval
    without, without_low, without_high   the same of the K models without the patient
    auc                of the statistic, models with the patient against models without
    verdict            "draw" if the interval lies below one half; if it lies above, "patient" where
                       that without the patient lies below, "others" where it lies above as well;
                       else "open"
    """
    count = scores.shape[1]
    if len(scores) != 1 + len(patients) or count < 2:
        raise InputError(
            f"scores {scores.shape} of {len(patients)} patients; expected (1 + patients, seeds, "
            "records) with at least 2 seeds"
        )

    def measure(models: np.ndarray) -> np.ndarray:
        """Return each patient's statistic less the limit of 99% of the outsiders, (K, P)."""
        rows = [
            score_patients(model, references, reference_members, index, label).ratio
            for model in models
        ]
        return np.array([row - np.quantile(row[~members], 1 - FPR) for row in rows])

    together = measure(scores[0])
    rows = []
    for number, patient in enumerate(patients, 1):
        inside, outside = together[:, patient], measure(scores[number])[:, patient]
        share, low, high = _measure_share(inside)
        without, without_low, without_high = _measure_share(outside)
        rows.append(
            {
                "patient": patient,
                "given_away": share,
                "low": low,
                "high": high,
                "without": without,
                "without_low": without_low,
                "without_high": without_high,
                "auc": auc(np.append(inside, outside), np.arange(2 * count) < count),
                "verdict": _judge(low, high, without_low, without_high),
            }
        )
    return pd.DataFrame(rows)


def _measure_share(excess: np.ndarray) -> tuple[float, float, float]:
    """Return the share of models above their limit, with its exact 95% interval."""
    share, count = float((excess > 0).mean()), len(excess)
    return share, *exact_limits(share, share * (1 - share) / count, count, count)


def _judge(low: float, high: float, without_low: float, without_high: float) -> str:
    """Say what gives a patient away, from the intervals with and without it."""
    if high < 0.5:
        return DRAW
    if low > 0.5 and without_high < 0.5:
        return PATIENT
    return OTHERS if low > 0.5 and without_low > 0.5 else OPEN
