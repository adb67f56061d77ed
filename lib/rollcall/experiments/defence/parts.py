"""Some patients of a cohort as a cohort of its own, and the run of a recipe on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rollcall.auditing import Audit
from rollcall.auditing.prepared import open_prepared
from rollcall.data.cohort import Cohort
from rollcall.runs import run as run_folder
from rollcall.util.errors import InputError
from rollcall.util.files import home

SUFFIX = "-part"  # of the name of a cohort that holds some of another's patients


def draw_share(cohort: Cohort, share: float, seed: int) -> np.ndarray:
    """Draw that share of the patients, bool (P,), whatever their order, by seed and ids."""
    count = round(share * len(cohort.patients))
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x5A]))
    chosen = np.zeros(len(cohort.patients), bool)
    chosen[np.argsort(cohort.patients.astype(str))[rng.permutation(len(chosen))[:count]]] = True
    return chosen


def take_patients(cohort: Cohort, keep: np.ndarray, data: str = "") -> Cohort:
    """Return the cohort of the patients that `keep` has, bool (P,), prepared on disk.

    In data/<name>-part/. With the same test set. InputError if too few are left.
    """
    rows = np.flatnonzero(keep[cohort.patient_index])
    if not len(rows):
        raise InputError(f"cohort {cohort.name!r}: no patient is left")
    part = replace(
        cohort,
        name=cohort.name.removesuffix(SUFFIX) + SUFFIX,
        records=cohort.records.iloc[rows].reset_index(drop=True),
        inputs=cohort.inputs[rows],
        labels=cohort.labels[rows],
        content="",
        fingerprint="",
        folder=None,
    )
    return open_prepared(part, Path(data or home() / "data"))


def plan_part(study: Audit, keep: np.ndarray, name: str, data: str = "") -> Audit:
    """Plan the run beside `study` of the same recipe and seed on some of its patients."""
    part, run = take_patients(study.cohort, keep, data), study.run
    created = run_folder.create(run.path.with_name(name), part, run.recipe, run.targets, run.seed)
    return Audit(created.with_smallest_cell(run.smallest_cell), part)
