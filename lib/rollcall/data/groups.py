"""Groups of patients: their attributes, the groups these make, and the smallest one reported."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort
from rollcall.util.errors import InputError

MIN_GROUP_SIZE = 10  # patients; smaller groups and counts are suppressed in every report

Group = tuple[str, str, np.ndarray, np.ndarray]  # attribute, group, in it, known: bool (patients,)


def patient_attributes(cohort: Cohort) -> pd.DataFrame:
    """Return one row per patient (in `cohort.patients` order), one column per attribute.

    Categorical: a patient whose records differ gets the most frequent value; ties go to the one
    seen first; missing only if all are missing. Bool, of overlapping groups: a patient is in it if
    any record is.
    """
    columns = {}
    patients = len(cohort.patients)
    for attribute in cohort.attributes:
        values = cohort.records[attribute]
        if values.dtype == bool:
            columns[attribute] = np.bincount(cohort.patient_index, values, patients) > 0
        else:
            columns[attribute] = _most_frequent(
                values.astype("category"), cohort.patient_index, patients
            )
    return pd.DataFrame(columns)


def patient_labels(cohort: Cohort) -> np.ndarray:
    """Return a code of each patient's training label, int (P,).

    Several classes: the most frequent among the patient's records, the lowest of equals. 0/1, one
    label or several: 1 where any record has 1, and with several labels a code of their pattern.
    """
    labels, index = np.asarray(cohort.labels), cohort.patient_index
    patients = len(cohort.patients)
    if cohort.task == "multiclass":
        counts = np.zeros((patients, len(cohort.classes)), np.int32)
        np.add.at(counts, (index, labels), 1)
        return counts.argmax(1)
    columns = labels.reshape(len(labels), -1).T
    present = np.stack([np.bincount(index, column, patients) > 0 for column in columns], axis=1)
    return np.unique(present, axis=0, return_inverse=True)[1].ravel()


def _most_frequent(values: pd.Series, patient_index: np.ndarray, patients: int) -> pd.Categorical:
    """Return each patient's most frequent category, the earliest of equals."""
    codes, categories = values.cat.codes.to_numpy(), values.cat.categories
    known = np.flatnonzero(codes >= 0)
    width = max(len(categories), 1)
    pairs = patient_index[known].astype(np.int64) * width + codes[known]
    unique, first, count = np.unique(pairs, return_index=True, return_counts=True)
    patient, code = unique // width, unique % width
    order = np.lexsort((known[first], -count, patient))  # most frequent, then earliest
    chosen = order[np.unique(patient[order], return_index=True)[1]]
    per_patient = np.full(patients, -1)
    per_patient[patient[chosen]] = code[chosen]
    return pd.Categorical.from_codes(per_patient, categories, ordered=values.cat.ordered)


def iterate_groups(attributes: pd.DataFrame) -> Iterator[Group]:
    """Yield (attribute, group, in it, known) of each group, the latter two bool (patients,).

    Groups are the categories of each categorical column, and each bool column "attribute: group",
    one of several overlapping groups, whose value is always known.
    """
    for column in attributes:
        values = attributes[column]
        if values.dtype == bool:
            attribute, _, group = column.partition(": ")
            yield attribute, group or "yes", values.to_numpy(), np.ones(len(values), bool)
            continue
        codes, groups = _encode(values)
        known = codes >= 0
        for code, group in enumerate(groups):
            yield column, group, codes == code, known


def iterate_intersections(
    attributes: pd.DataFrame, pairs: list[tuple[str, str]] | None = None
) -> Iterator[Group]:
    """Return the groups of each pair of categorical attributes, as `iterate_groups` yields them.

    ("race x sex", "B, female", in both, both known). pairs: None is the first two categorical
    columns. A pair of which any combination has 1 to 9 patients is left out as a whole: beside the
    groups of either attribute alone, that number could be had by subtraction. InputError for a pair
    that is not of two different categorical attributes.
    """
    categorical = [column for column in attributes if attributes[column].dtype != bool]
    if pairs is None:
        pairs = [(categorical[0], categorical[1])] if len(categorical) > 1 else []
    for pair in pairs:
        _check_pair(pair, categorical)
    return (group for pair in pairs for group in _cross(attributes, pair))


def _cross(attributes: pd.DataFrame, pair: tuple[str, str]) -> Iterator[Group]:
    """Yield the groups of one pair; the patients of all its combinations are counted at once."""
    (one, groups), (two, others) = (_encode(attributes[name]) for name in pair)
    known = (one >= 0) & (two >= 0)
    crossed = np.where(known, one * len(others) + two, -1)
    sizes = np.bincount(crossed[known])
    if min(len(groups), len(others)) < 2 or ((sizes > 0) & (sizes < MIN_GROUP_SIZE)).any():
        return
    for code, (a, b) in enumerate(product(groups, others)):
        yield " x ".join(pair), f"{a}, {b}", crossed == code, known


def _encode(values: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Return (codes int64 (patients,), names of the groups); the code of a missing value is -1."""
    values = values.astype("category")
    return values.cat.codes.to_numpy(np.int64), [str(group) for group in values.cat.categories]


def _check_pair(pair: tuple[str, str], categorical: list[str]) -> None:
    if len(pair) != 2 or pair[0] == pair[1]:
        raise InputError(f"intersection {' x '.join(pair)}: expected two different attributes")
    for name in pair:
        if name not in categorical:
            raise InputError(
                f"intersection {' x '.join(pair)}: {name!r} is no categorical attribute; "
                f"expected two of: {', '.join(categorical)}"
            )
