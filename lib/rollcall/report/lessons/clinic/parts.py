"""Smaller and larger clinics with the same two women in them."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np

from rollcall.report.lessons.clinic.patients import PATIENTS, Clinic, open_clinic
from rollcall.util.errors import InputError

OTHER = 1  # seed of the clinic that new patients come from


def keep_patients(clinic: Clinic, kept: np.ndarray) -> Clinic:
    """Return the clinic with some of its patients only, bool (P,). her, twin: -1 if not kept."""
    number, of_films = np.where(kept, np.cumsum(kept) - 1, -1), kept[clinic.owner]
    columns = {name: getattr(clinic, name)[kept] for name in ("race", "sex", "finding", "hardware")}
    films = {name: getattr(clinic, name)[of_films] for name in ("films", "inputs", "labels")}
    owner, pair = number[clinic.owner[of_films]], (clinic.her, clinic.twin)
    her, twin = (int(number[patient]) for patient in pair)
    return Clinic(**films, **columns, owner=owner, her=her, twin=twin)


@cache
def resize(patients: int) -> Clinic:
    """Return a clinic of 2 to 2,000 patients, she and her twin among them.

    Up to 1,000 they are drawn from the lessons' clinic, all others come from another one.
    """
    if not 2 <= patients <= 2 * PATIENTS:
        raise InputError(f"a clinic of {patients!r} patients: expected 2 to {2 * PATIENTS}")
    clinic = open_clinic()
    if patients <= PATIENTS:
        order = np.random.default_rng(patients).permutation(PATIENTS)
        others = order[(order != clinic.her) & (order != clinic.twin)][: patients - 2]
        kept = [clinic.her, clinic.twin, *others]
        return keep_patients(clinic, np.isin(np.arange(PATIENTS), kept))
    new = keep_patients(open_clinic(seed=OTHER), np.arange(PATIENTS) < patients - PATIENTS)
    names = ("films", "inputs", "labels", "race", "sex", "finding", "hardware")
    joined = {name: np.concatenate([getattr(clinic, name), getattr(new, name)]) for name in names}
    owner = np.concatenate([clinic.owner, PATIENTS + new.owner])
    return dataclasses.replace(clinic, **joined, owner=owner)
