"""What it does to later predictions that a model knew the patient: paired within each pair.

In each pair of targets one knew a patient's earlier records and the other did not; which, a coin
decided. So the difference of what the two say of a later record, with the sign of that coin, has
mean 0 unless knowing the patient matters, whatever else the two models do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcall.risk.groups.two_way import student_reach

KINDS = SAME, CHANGED, MIXED = (
    "same outcome",
    "changed outcome",
    "mixed before",
)  # of a later outcome: all earlier records had it, none had it, or some


@dataclass(frozen=True)
class Cells:
    """Later outcomes: one of each late record, or of several labels one of each.

    record, patient, label, kind: int (J,); label numbers each label's values, kind is a position
    in KINDS.
    """

    record: np.ndarray
    patient: np.ndarray
    label: np.ndarray
    kind: np.ndarray


@dataclass(frozen=True)
class Effect:
    """A mean over patients, with its 95% interval over patients and models.

    influence (P,): of each patient on the mean; models: the part of the variance that models share
    among patients; pairs, patients: their numbers.
    """

    mean: float
    low: float
    high: float
    influence: np.ndarray
    models: float
    pairs: int
    patients: int


def list_cells(labels: np.ndarray, late: np.ndarray, index: np.ndarray) -> Cells:
    """List the later outcomes. labels (N,) or (N, L), late bool (N,), index (N,)."""
    columns = np.asarray(labels).reshape(len(labels), -1)
    values, patients = int(columns.max()) + 1, int(index.max()) + 1
    before = np.bincount(index[~late], minlength=patients)
    rows = np.flatnonzero(late)
    kinds = np.empty((len(rows), columns.shape[1]), int)
    for number, column in enumerate(columns.T):
        code = index * values + column
        seen = np.bincount(code[~late], minlength=patients * values)[code[rows]]
        kinds[:, number] = np.where(seen == before[index[rows]], 0, np.where(seen == 0, 1, 2))
    record = np.repeat(rows, columns.shape[1])
    label = columns[rows] + values * np.arange(columns.shape[1])
    return Cells(record, index[record], label.ravel(), kinds.ravel())


def pair_differences(values: np.ndarray, cells: Cells) -> np.ndarray:
    """Return even less odd target of each pair, (K, J) float32, less that of other patients.

    values (2K, J). What the two models do to everybody with the same outcome is taken out: the mean
    difference over all other patients, so that a patient's own coin has no part in it.
    """
    label = np.unique(cells.label, return_inverse=True)[1]
    both = np.unique(cells.patient * (label.max() + 1) + label, return_inverse=True)[1]
    others = np.bincount(label)[label] - np.bincount(both)[both]
    out = np.subtract(values[0::2], values[1::2], dtype=np.float32)
    for row in out:
        common = np.bincount(label, row)[label] - np.bincount(both, row)[both]
        row -= common / np.maximum(others, 1)
    return out


def average_patients(
    difference: np.ndarray, signs: np.ndarray, cells: Cells, chosen: np.ndarray
) -> np.ndarray:
    """Return known less unknown by patient, (K, P) float32, NaN of patients without a chosen cell.

    difference (K, J) of pair_differences; signs (K, P), 1 where the even target knew the patient,
    else -1; chosen bool (J,).
    """
    patients = signs.shape[1]
    patient = cells.patient[chosen]
    count = np.bincount(patient, minlength=patients)
    out = np.empty((len(difference), patients), np.float32)
    for row, values in zip(out, difference, strict=True):
        row[:] = np.bincount(patient, values[chosen], patients)
    out /= np.where(count > 0, count, np.nan).astype(np.float32)
    return out * signs


def estimate_effect(by_patient: np.ndarray) -> Effect:
    """Estimate the mean over patients and pairs, with a 95% interval over both.

    by_patient (K, P) of average_patients. The variance is that over patients, that over pairs, less
    what both count; Satterthwaite's t (rollcall.risk.groups.two_way). NaN for fewer than 2
    patients.
    """
    pairs, everybody = by_patient.shape
    known = ~np.isnan(by_patient[0])
    values = by_patient[:, known].astype(np.float64)
    patients = int(known.sum())
    influence = np.zeros(everybody)
    if patients < 2:
        return Effect(np.nan, np.nan, np.nan, influence, 0.0, pairs, patients)
    mean = values.mean()
    of_patients, of_pairs = values.mean(0) - mean, values.mean(1) - mean
    rest = values - mean - of_patients - of_pairs[:, None]
    freedom = (pairs - 1) * (patients - 1)
    alone = (rest**2).sum() / freedom / (pairs * patients)
    models = max((of_pairs**2).sum() / (pairs - 1) / pairs - alone, 0.0)
    influence[known] = of_patients / np.sqrt(patients * (patients - 1))
    low, high = _reach(mean, influence, models, pairs)
    return Effect(float(mean), low, high, influence, float(models), pairs, patients)


def contrast(one: Effect, other: Effect) -> Effect:
    """Return one effect less another of the same patients under other models, as an Effect."""
    mean, influence = one.mean - other.mean, one.influence - other.influence
    models, pairs = one.models + other.models, min(one.pairs, other.pairs)
    low, high = _reach(mean, influence, models, pairs)
    return Effect(mean, low, high, influence, models, pairs, min(one.patients, other.patients))


def _reach(mean: float, influence: np.ndarray, models: float, pairs: int) -> tuple[float, float]:
    of_patients = np.array([max(float((influence**2).sum()), 1e-300)])
    variance, quantile = student_reach(of_patients, np.array([models]), pairs)
    reach = float(quantile[0] * np.sqrt(variance[0]))
    return float(mean - reach), float(mean + reach)
