"""The release check of a fitted estimator in memory: anything with scikit-learn's predict_proba."""

from __future__ import annotations

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from rollcall.attacks.features import compute_features
from rollcall.auditing.estimators.fitting import Work, count_workers, fit_model
from rollcall.auditing.estimators.inputs import (
    NAME,
    Inputs,
    check_classes,
    check_inputs,
    check_order,
    count_rows,
)
from rollcall.auditing.estimators.scoring import Reading, choose_reading, predict, score_labels
from rollcall.data.groups import MIN_GROUP_SIZE, patient_attributes
from rollcall.experiments.release.assess import Release, check_release
from rollcall.experiments.release.conformal import FDR
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault

REFERENCES = 16
MOST_WORDS = 50  # different values of a column of words; one with more is no feature


def check_estimator(
    estimator,
    X,
    y,
    members,
    *,
    groups=None,
    attributes=None,
    references: int = REFERENCES,
    fdr: float = FDR,
    smallest_cell: int = MIN_GROUP_SIZE,
    seed: int = 0,
    n_jobs: int | None = 1,
) -> Release:
    """Say whom a fitted estimator exposes, as check_release; unfitted copies of it are references.

    estimator    fitted on the members' rows; anything that rollcall.audit takes. Never from a file
    X, y         all rows: of the members, and of known outsiders from the same source
    members      (N,) of True and False: whose rows it was fitted on
    groups       (N,): the patient of each row; None: each its own
    attributes   (N, ...) table of groups to compare
    references   even number of copies, each fitted on a random half of all patients
    n_jobs       processes, as joblib counts them

    InputError if a patient's rows are in part members', and as check_release.
    """
    inputs = check_inputs(X, y, groups, attributes)
    cohort, index = inputs.cohort, inputs.cohort.patient_index
    check_order("members", members, inputs.X)
    flags = _check_flags(members, index)
    reading, values = _predict(estimator, inputs)
    drawn = draw_members(references, len(cohort.patients), seed)
    check_classes(inputs, drawn)
    work = Work(estimator, inputs.X, inputs.y, cohort.labels, inputs.classes, seed)
    workers = count_workers(n_jobs)
    fits = Parallel(n_jobs=workers)(
        delayed(fit_model)(work, row[index], number, reading, workers > 1)
        for number, row in enumerate(drawn)
    )
    known = cohort.records[list(cohort.attributes)]
    numbers, words = _split_columns(inputs.X)
    features = compute_features(
        numbers,
        cohort.labels,
        len(cohort.classes),
        index,
        pd.concat([known.reset_index(drop=True), words], axis=1),
    )
    return check_release(
        score_labels(values, cohort.labels, reading),
        np.array([scores for _, scores, _ in fits]),
        drawn,
        index,
        flags,
        features=features,
        label=np.asarray(cohort.labels),
        attributes=patient_attributes(cohort),
        fdr=fdr,
        smallest_cell=smallest_cell,
        seed=seed,
    )


def _predict(estimator, inputs: Inputs) -> tuple[Reading, np.ndarray]:
    """Return how log odds are read off the fitted estimator, and what it gives all records."""
    try:
        reading = choose_reading(estimator, inputs.X, inputs.classes, NAME)
        return reading, predict(estimator, inputs.X, inputs.classes, reading, NAME)
    except InputError:
        raise
    except Exception as error:
        raise_machine_fault(error)
        raise InputError(
            f"{NAME}: fails on X ({type(error).__name__}: {first_line(error)}); expected one that "
            "is fitted, on columns as X has them"
        ) from error


def _check_flags(members, index: np.ndarray) -> np.ndarray:
    """Return members by patient, bool (P,), from flags by row."""
    flags = np.asarray(members)
    if flags.shape != index.shape or not np.isin(flags, (0, 1)).all():
        raise InputError(
            f"members is {flags.dtype} {flags.shape}; expected ({len(index):,},) of True and "
            "False, one for each row of X: whether the estimator was fitted on it"
        )
    flags = flags.astype(bool)
    count = np.bincount(index)
    inside = np.bincount(index, flags)
    torn = np.flatnonzero((inside > 0) & (inside < count))
    if len(torn):
        row = int(np.flatnonzero(index == torn[0])[0])
        raise InputError(
            f"members: the patient of row {row} is a member in {int(inside[torn[0]])} of "
            f"{count[torn[0]]} rows ({len(torn):,} such patients); expected all or none"
        )
    return inside > 0


def _split_columns(X) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the columns of X that are numbers, gaps filled, float32; and those of few words."""
    if hasattr(X, "toarray"):
        return np.asarray(X.toarray(), np.float32), pd.DataFrame(index=range(count_rows(X)))
    table = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))
    table = table.reset_index(drop=True).set_axis(
        [f"column {n}" for n in range(table.shape[1])], axis=1
    )
    is_number = [pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes]
    numbers = table.loc[:, is_number].to_numpy(np.float64, na_value=np.nan)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    gaps = np.isnan(numbers)
    with np.errstate(all="ignore"):
        middle = np.where(
            gaps.all(0), 0.0, np.nanmedian(np.where(gaps.all(0), 0.0, numbers), axis=0)
        )
    filled = np.where(gaps, middle, numbers)
    some = gaps.any(0)
    words = table.loc[:, ~np.array(is_number, bool)].astype("str")
    few = [name for name in words if words[name].nunique() <= MOST_WORDS]
    return np.concatenate([filled, gaps[:, some]], axis=1).astype(np.float32), words[few]
