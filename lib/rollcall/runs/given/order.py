"""Whether patients, records and targets stand in the order that is expected.

Scores of members are higher. Where that shows in another order, and not in the one that was given,
the one that was given is wrong.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.runs.given.designs.contrasts import compare_rows, make_signs
from rollcall.runs.given.kinds import Given, convert_target
from rollcall.runs.given.plausibility import SURE
from rollcall.runs.given.turned import refuse_turned
from rollcall.runs.given.usual_orders import TIMES_CLEARER, refuse_usual_order
from rollcall.stats.design import is_paired
from rollcall.util.errors import InputError

MOST_PATIENTS = 5_000  # of which orders are compared
MOST_RECORDS = 400
DRAWS = 20  # of members without any relation to the scores
SURE_OF_DRAWS = 9.0  # standard deviations of what these give, of which there are few
SURE_OF_ONE = 7.0  # one of many comparisons: at most exp(-24.5) each


def refuse_order(
    given: Given,
    members_path: Path,
    patients_path: Path,
    members: np.ndarray,
    codes: np.ndarray,
    names: pd.Index,
    contrast: float,
) -> list[str]:
    """Raise InputError where members fit the scores in another order, or with another sign, only.

    members bool (M, P); codes (N,): the patient of each record; names (P,); contrast: how
    far scores of members are higher in the order given, in standard errors. Return notes.
    """
    scores, kept = _sum_by_patient(given, codes, len(names))
    notes = refuse_turned(given.path, scores, members[:, kept])
    _refuse_targets(given.path, members_path, scores, members[:, kept])
    if contrast > SURE:
        return notes
    refuse_usual_order(given, members_path, patients_path, members, codes, names, contrast)
    _refuse_any_other(given, members_path, patients_path, scores, members[:, kept], codes, kept)
    return notes


def _sum_by_patient(given: Given, codes: np.ndarray, patients: int):
    """Return (M, p) float32, each target's scores summed by patient, and which p patients."""
    kept = np.arange(patients)
    if patients > MOST_PATIENTS:
        rng = np.random.default_rng(0)
        kept = np.sort(rng.choice(patients, MOST_PATIENTS, replace=False))
    place = np.full(patients, -1)
    place[kept] = np.arange(len(kept))
    rows = np.flatnonzero(place[codes] >= 0)
    out = np.empty((len(given.array), len(kept)), np.float32)
    for target in range(len(out)):
        row = convert_target(given, target)[rows]
        out[target] = np.bincount(place[codes[rows]], row.reshape(len(rows), -1).sum(1), len(kept))
    return out, kept


def _center(values: np.ndarray) -> np.ndarray:
    """Take each row's mean away, and divide by its root mean square, where there is one."""
    values = values - values.mean(1, keepdims=True)
    size = np.sqrt((values**2).mean(1, keepdims=True))
    return np.divide(values, size, out=np.zeros_like(values), where=size > 0)


def _refuse_targets(path: Path, members_path: Path, scores, members) -> None:
    """Raise InputError if scores of a target fit another row of members, and hardly its own.

    A target's scores less each patient's mean are compared with every row.
    """
    scores = _center(scores)
    fit = _fit(scores - scores.mean(0), members)
    own_row = np.diag(fit).copy()
    np.fill_diagonal(fit, -np.inf)
    best = fit.argmax(1)
    clear = fit.max(1)
    wrong = (clear > SURE_OF_ONE) & (clear > TIMES_CLEARER * np.abs(own_row))
    turned = (own_row < -SURE_OF_ONE) & ~(own_row < 0).all() & is_paired(members)
    for target in np.flatnonzero(wrong | turned):
        other = best[target] if wrong[target] else target ^ 1
        raise InputError(
            f"{members_path}: row {other} fits the scores of target {target} in {path}, and row "
            f"{target} does not ({int((wrong | turned).sum())} such targets); expected the rows "
            "of both in the same order"
        )


def _fit(values: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return how well rows of values (M, p) fit each row of members, (M, M) in standard errors."""
    signs = _center(np.where(members, np.float32(1), np.float32(-1)))
    return _center(values) @ signs.T / np.sqrt(values.shape[1])


def _refuse_any_other(given, members_path, patients_path, scores, members, codes, kept) -> None:
    """Raise InputError if scores fit rows or columns of members in some other order.

    How well each target fits its best row, and each record its best column, is compared with what
    members drawn anew give.
    """
    rng = np.random.default_rng(0)
    records = np.flatnonzero(np.isin(codes, kept))
    records = np.sort(rng.choice(records, min(MOST_RECORDS, len(records)), replace=False))
    rows = np.stack([convert_target(given, target)[records] for target in range(len(scores))])
    rows = rows.reshape(len(rows), len(records), -1).sum(2)
    paired = is_paired(members)
    difference = compare_rows(rows, paired)
    difference = _center((difference - difference.mean(1, keepdims=True)).T)
    centred = _center(scores)
    centred -= centred.mean(0)

    def best(members) -> tuple[float, float]:
        by_record = difference @ make_signs(members, paired)
        return float(by_record.max(1).mean()), float(_fit(centred, members).max(1).sum())

    seen = np.array(best(members))
    drawn = np.empty((DRAWS, 2))
    for draw in range(DRAWS):
        other = members.copy()
        size = 2 if paired else 1
        for first in range(0, len(members), size):
            order = rng.permutation(members.shape[1])
            other[first : first + size] = members[first : first + size, order]
        drawn[draw] = best(other)
    spread = drawn.std(0, ddof=1)
    clear = (seen - drawn.mean(0)) > SURE_OF_DRAWS * np.where(spread > 0, spread, np.inf)
    if clear[1]:
        raise InputError(
            f"{members_path}: its rows fit the targets of {given.path} in another order only; "
            "expected the rows of both in the same order"
        )
    if clear[0]:
        raise InputError(
            f"{given.path}: the scores fit members of other patients than their own, as if records "
            "or patients were in another order; expected a column for each row of "
            f"{patients_path}, in its order. Give members "
            "as a csv with a column patient_id, or by record"
        )
