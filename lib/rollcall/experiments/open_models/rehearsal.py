"""Models that stand for published ones, trained here, and the audit that they are held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rollcall.data.cohort import Cohort
from rollcall.data.groups import patient_labels
from rollcall.experiments.open_models.hospitals import Places
from rollcall.experiments.release.statistic import MOST_UNSEEN as MOST
from rollcall.experiments.retraining import train_models
from rollcall.recipes import Recipe
from rollcall.risk import assess_risk, combine_labels
from rollcall.stats.members import MIN_TARGETS, draw_members
from rollcall.util.errors import InputError

LEAST = 2 * MIN_TARGETS  # models of the full audit


class Rehearsal(NamedTuple):
    """Hold what `rehearse` gives: scores of all records of the cohort, (models, N) or (.., N, L).

    released   of a model that had `members`, half of the audited patients; never: of one that had
               none of them, but others of their hospital; references: of models that had neither,
               from elsewhere
    members    bool (P,): whom the released model had
    exposure   (P,): AUC that the full audit gives to each audited patient, else NaN; exposed bool:
               whom it names
    halves     (2, P): the AUCs by the first and by the second half of the audit's models
    targets    of the audit
    """

    released: np.ndarray
    never: np.ndarray
    references: np.ndarray
    members: np.ndarray
    exposure: np.ndarray
    exposed: np.ndarray
    halves: np.ndarray
    targets: int


def rehearse(
    cohort: Cohort,
    recipe: Recipe,
    places: Places,
    targets: int = 32,
    seed: int = 0,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Rehearsal:
    """Train what `Rehearsal` names, all on as many patients: half of the audited.

    targets: models of the full audit, on complementary halves of the audited patients, none of
    which is the released one; at least 16, since halves of them are audits too. InputError.
    """
    if targets < LEAST or targets % 2:
        raise InputError(
            f"targets is {targets}; expected an even number of at least {LEAST}: either half of "
            "them is an audit too, which says how well audits agree"
        )
    rng = np.random.default_rng([seed, 19])
    numbers = np.flatnonzero(places.audited)
    half = len(numbers) // 2
    rows = np.zeros((2 + MOST + targets, len(cohort.patients)), bool)
    pools = [numbers, np.flatnonzero(places.aside)] + [np.flatnonzero(places.elsewhere)] * MOST
    for row, pool in zip(rows, pools, strict=False):
        row[rng.permutation(pool)[:half]] = True
    rows[2 + MOST :, numbers] = draw_members(targets, len(numbers), seed)
    scores = train_models(cohort, recipe, rows, seed, progress)
    exposure, *halves = np.full((3, len(cohort.patients)), np.nan)
    exposed = np.zeros(len(cohort.patients), bool)
    audit, members = scores[2 + MOST :], rows[2 + MOST :]
    exposure[numbers], exposed[numbers] = audit_patients(cohort, audit, members, places.audited)
    for number, part in enumerate(np.split(np.arange(targets), [targets // 4 * 2])):
        halves[number][numbers], _ = audit_patients(
            cohort, audit[part], members[part], places.audited
        )
    return Rehearsal(
        scores[0],
        scores[1],
        scores[2 : 2 + MOST],
        rows[0],
        exposure,
        exposed,
        np.array(halves),
        targets,
    )


def audit_patients(
    cohort: Cohort, scores: np.ndarray, members: np.ndarray, audited: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the joint AUC of each audited patient, and whether the audit names it."""
    records = np.flatnonzero(audited[cohort.patient_index])
    index = (np.cumsum(audited) - 1)[cohort.patient_index[records]]
    mine, whom = scores[:, records], members[:, audited]
    if mine.ndim == 3:
        mine = combine_labels(mine, whom, index)
    patients = assess_risk(mine, whom, index, labels=patient_labels(cohort)[audited]).patients
    return patients["auc_joint"].to_numpy(), patients["exposed"].to_numpy(bool)
