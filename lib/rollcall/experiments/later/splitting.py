"""Each patient's records in two: those that models are trained on, and those they meet later."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from rollcall.data import store
from rollcall.data.arrays.times import HELD_BACK
from rollcall.data.cohort import Cohort, validate
from rollcall.util.errors import InputError

LEAST_PATIENTS = 20  # with later records, whom anything can be said of
TIME, CHANCE = "time", "chance"  # what decides which records are the later ones
SENTENCES = {
    TIME: "the later half of the records of each patient who has several is held back",
    CHANCE: "a random half of the records of each patient who has several is held back",
}
OF_OTHERS = ("duplicates:", "test set:", "no test set:")  # notes on what is not so here


def find_late(cohort: Cohort) -> np.ndarray:
    """Find the later records of each patient, bool (N,): of n the last n // 2.

    Records of one time stay together, with the early ones if any are left; of a patient whose
    records are of one time, or a time of which is unknown, none is late. InputError if the cohort
    does not know what came first, or fewer than 20 patients have late records.
    """
    order, index = cohort.order, cohort.patient_index
    if order is None:
        raise InputError(
            f"cohort {cohort.name!r} does not say which of a patient's records came first; "
            'expected a cohort that does: of your own with time = "a column", or '
            "Cohort.of(..., time=...)"
        )
    count = np.bincount(index)
    first = np.cumsum(count) - count
    by_time = order[np.lexsort((order, index))]
    last_early = by_time[first + (count + 1) // 2 - 1][index]
    early = order <= last_early
    early[(_count(index, early) == count)[index]] = False
    early |= order < last_early
    split = (_count(index, early) > 0) & (_count(index, early) < count)
    late = ~early & (split & (_count(index, order < 0) == 0))[index]
    patients = len(np.unique(index[late]))
    if patients < LEAST_PATIENTS:
        raise InputError(
            f"cohort {cohort.name!r}: {patients} patients have records at two known times; "
            f"expected at least {LEAST_PATIENTS}"
        )
    return late


def shuffle_late(late: np.ndarray, index: np.ndarray, seed: int = 0) -> np.ndarray:
    """Draw as many records of each patient at random as are late, bool (N,)."""
    key = np.random.default_rng([seed, 16]).random(len(late))
    shuffled = np.lexsort((key, index))
    count = np.bincount(index)
    place = np.empty(len(late), int)
    place[shuffled] = np.arange(len(late)) - (np.cumsum(count) - count)[index[shuffled]]
    return place < _count(index, late)[index]


def _count(index: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Count the chosen records of each patient, int (P,)."""
    return np.bincount(index[chosen], minlength=index.max() + 1)


def hold_back(cohort: Cohort, late: np.ndarray, decided_by: str, data: Path) -> Cohort:
    """Return the cohort, prepared in data/<name>/prepared, whose late records no target trains on.

    It has no test set: its late records are what is looked at. MachineError if the machine refuses.
    """
    notes = [note for note in cohort.notes if not note.startswith(OF_OTHERS)]
    held = replace(
        cohort,
        records=cohort.records.assign(**{HELD_BACK: late}),
        notes=(f"{SENTENCES[decided_by]}: {late.sum():,} records", *notes),
        test=None,
        folder=None,
    )
    held = validate(held)
    key = hashlib.sha256(held.fingerprint.encode()).hexdigest()[:12]
    return store.save_once(held, data / cohort.name / "prepared" / key)
