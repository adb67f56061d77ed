"""A release check on a cohort: reference models trained or given, the control, the check."""

from __future__ import annotations

import numpy as np

from rollcall.attacks.features import compute_features
from rollcall.attacks.scores import score_run
from rollcall.auditing import Audit
from rollcall.data.cohort import Cohort
from rollcall.data.groups import MIN_GROUP_SIZE, patient_attributes
from rollcall.experiments.release.assess import Release, check_release
from rollcall.experiments.release.conformal import FDR


def train_references(study: Audit, scheduler: str = "local") -> tuple[np.ndarray, np.ndarray]:
    """Train what is missing of a run; return the scores (R, N) and members (R, P) of its targets.

    They are trained on random halves of all patients, members of the released model and outsiders
    alike. The released model must be none of them. scheduler: as auditing.train has it.
    """
    if study.run.missing():
        study.train(scheduler=scheduler)
    return score_run(study.run, study.cohort), study.run.members()


def check_on_cohort(
    released: np.ndarray,
    references: np.ndarray,
    reference_members: np.ndarray,
    members: np.ndarray,
    cohort: Cohort,
    *,
    fdr: float = FDR,
    smallest_cell: int = MIN_GROUP_SIZE,
    seed: int = 0,
) -> Release:
    """Check a release as check_release, with all that a cohort knows of its records as features."""
    attributes = cohort.records[list(cohort.attributes)]
    label = None if cohort.task == "multilabel" else np.asarray(cohort.labels)
    features = compute_features(
        cohort.inputs, cohort.labels, len(cohort.classes), cohort.patient_index, attributes
    )
    return check_release(
        released,
        references,
        reference_members,
        cohort.patient_index,
        members,
        features=features,
        label=label,
        attributes=patient_attributes(cohort),
        fdr=fdr,
        smallest_cell=smallest_cell,
        seed=seed,
    )
