"""Groups of patients: their attributes, the groups these make, and the smallest one reported."""

from __future__ import annotations

from collections.abc import Iterator

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
        values = values.astype("category")
        known = values.notna().to_numpy()
        for group in values.cat.categories:
            yield column, str(group), (values == group).to_numpy(dtype=bool), known


def iterate_intersections(
    attributes: pd.DataFrame, pairs: list[tuple[str, str]] | None = None
) -> Iterator[Group]:
    """Yield the groups of each pair of categorical attributes, as `iterate_groups` does.

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
        one, two = (list(iterate_groups(attributes[[name]])) for name in pair)
        both = [(f"{a[1]}, {b[1]}", a[2] & b[2], a[3] & b[3]) for a in one for b in two]
        sizes = [inside.sum() for _, inside, _ in both]
        if min(len(one), len(two)) > 1 and not any(0 < size < MIN_GROUP_SIZE for size in sizes):
            for group, inside, known in both:
                yield " x ".join(pair), group, inside, known


def _check_pair(pair: tuple[str, str], categorical: list[str]) -> None:
    if len(pair) != 2 or pair[0] == pair[1]:
        raise InputError(f"intersection {' x '.join(pair)}: expected two different attributes")
    for name in pair:
        if name not in categorical:
            raise InputError(
                f"intersection {' x '.join(pair)}: {name!r} is no categorical attribute; "
                f"expected two of: {', '.join(categorical)}"
            )
