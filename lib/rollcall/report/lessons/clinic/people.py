"""Real patients for the lessons, of `diabetes130`, where somebody has prepared it on this machine.

Nothing is fetched and nothing is shown of a single one of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.report.lessons.clinic.models import UNITS
from rollcall.report.lessons.clinic.patients import Clinic, open_clinic
from rollcall.util.files import home

NAME = "diabetes130"
REAL_UNITS = 512
DRAWN = 4000  # patients: as many as numpy trains 128 models on in seconds
GROUPS = ("race", "gender", "age", "payer", "diagnosis")
RARE = 1  # the label of a readmission within 30 days
THERE = (
    "On this machine: {drawn:,} of the {all:,} patients of diabetes130, drawn by lot, with "
    "{records:,} stays. Of {rare:,} of them a stay was followed by another within 30 days."
)
NOT_THERE = (
    "diabetes130 is not on this machine: there is no prepared copy in {folder}. So the tables and "
    "curves below are of the simulated clinic; questions and answers are about diabetes130 all the "
    "same. `rollcall audit --cohort diabetes130` prepares it."
)


@dataclass(frozen=True)
class People:
    """Patients whose records models learn.

    inputs (N, F) float64; labels (N,); owner (N,), the patient of each record, in order; groups, a
    row per patient; race (P,); rare (P,) bool: whether a record has the rare outcome; sentence: who
    they are; units: of the networks that learn them.
    """

    inputs: np.ndarray
    labels: np.ndarray
    owner: np.ndarray
    groups: pd.DataFrame
    rare: np.ndarray
    sentence: str
    units: int

    @property
    def race(self) -> np.ndarray:
        return self.groups["race"].to_numpy()

    def _repr_html_(self) -> str:
        words = self.sentence.split("`")
        return f"<p>{''.join(f'<code>{w}</code>' if n % 2 else w for n, w in enumerate(words))}</p>"


@cache
def open_people(patients: int = DRAWN, seed: int = 0, data: Path | None = None) -> People:
    """Draw patients of diabetes130 by lot; the simulated clinic's where it is not prepared.

    data: the folder of prepared cohorts, by default data/ below rollcall.util.files.home().
    """
    folder = (data or home() / "data") / NAME / "prepared"
    place = find_prepared(folder)
    if place is None:
        return _of_clinic(open_clinic(), NOT_THERE.format(folder=folder))
    from rollcall.data import store

    cohort = store.open_saved(place)
    owners = cohort.records["patient_id"].factorize()[0]
    drawn = np.random.default_rng(seed).permutation(owners.max() + 1)[:patients]
    rows = np.flatnonzero(np.isin(owners, drawn))
    rows = rows[np.argsort(owners[rows], kind="stable")]
    owner = np.unique(owners[rows], return_inverse=True)[1]
    inputs, labels = np.asarray(cohort.inputs[rows], float), np.asarray(cohort.labels)[rows]
    spread = inputs.std(0)
    inputs = ((inputs - inputs.mean(0)) / np.where(spread > 0, spread, 1))[:, spread > 0]
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    groups = cohort.records.iloc[rows[first]][list(GROUPS)].reset_index(drop=True)
    rare = np.bincount(owner, labels == RARE) > 0
    sentence = THERE.format(
        drawn=len(groups), all=owners.max() + 1, records=len(rows), rare=rare.sum()
    )
    return People(inputs, labels, owner, groups.astype(object), rare, sentence, REAL_UNITS)


def find_prepared(folder: Path) -> Path | None:
    """Find the prepared cohort with the most records, none of it simulated; None if none is."""
    sizes = {}
    for path in folder.glob("*/cohort.json"):
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            if not fields["simulated"]:
                sizes[path.parent] = np.load(path.with_name("labels.npy"), mmap_mode="r").size
        except (OSError, ValueError, KeyError, TypeError):  # another's, half written
            continue
    return max(sizes, key=lambda path: (sizes[path], path.name), default=None)


def _of_clinic(clinic: Clinic, sentence: str) -> People:
    groups = pd.DataFrame({"race": clinic.race, "gender": clinic.sex, "finding": clinic.finding})
    names, counts = np.unique(clinic.finding, return_counts=True)
    rare = clinic.finding == names[counts.argmin()]
    inputs, labels, owner = clinic.inputs, clinic.labels, clinic.owner
    return People(inputs, labels, owner, groups, rare, sentence, UNITS)
