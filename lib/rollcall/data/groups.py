"""TODO."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort
from rollcall.util.errors import InputError


def patient_attributes(cohort: Cohort) -> pd.DataFrame:
    """One row per patient (in `cohort.patients` order), one categorical column per attribute, bool for overlapping groups.

    A patient whose records differ gets the most frequent value; ties go to the one seen first; missing only if all are missing.
    Overlapping groups: a patient is in it if any record is.
    """
    columns = {}
    for attribute in cohort.attributes:
        if cohort.records[attribute].dtype == bool:
            columns[attribute] = (
                np.bincount(cohort.patient_index, cohort.records[attribute], len(cohort.patients))
                > 0
            )
            continue
        values = cohort.records[attribute].astype("category")
        codes, categories = values.cat.codes.to_numpy(), values.cat.categories
        known = np.flatnonzero(codes >= 0)
        key = cohort.patient_index[known].astype(np.int64) * max(len(categories), 1) + codes[known]
        unique, first, count = np.unique(key, return_index=True, return_counts=True)
        patient, code = unique // max(len(categories), 1), unique % max(len(categories), 1)
        order = np.lexsort(
            (known[first], -count, patient)
        )  # per patient: most frequent, then earliest
        chosen = order[np.unique(patient[order], return_index=True)[1]]
        per_patient = np.full(len(cohort.patients), -1)
        per_patient[patient[chosen]] = code[chosen]
        columns[attribute] = pd.Categorical.from_codes(
            per_patient, categories, ordered=values.cat.ordered
        )
    return pd.DataFrame(columns)


MIN_GROUP_SIZE = 10


def iterate_groups(attributes: pd.DataFrame):
    """Yield (attribute, group, in it, known), the latter two bool (P,): the categories of each categorical column, and each bool column
    "attribute: group", one of several overlapping groups, whose value is always known."""
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


def iterate_intersections(attributes: pd.DataFrame, pairs: list[tuple[str, str]] | None = None):
    """Yield the groups of each pair of categorical attributes as `groups` does: ("race x sex", "B, female", in both, both known). pairs: None
    is the first two categorical columns. A pair of which any combination has 1 to 9 patients is left out as a whole: beside the groups of
    either attribute alone, that number could be had by subtraction."""
    plain = [column for column in attributes if attributes[column].dtype != bool]
    for pair in ([tuple(plain[:2])] if len(plain) > 1 else []) if pairs is None else pairs:
        if len(pair) != 2 or pair[0] == pair[1]:
            raise InputError(f"intersection {' x '.join(pair)}: expected two different attributes")
        for name in pair:
            if name not in plain:
                raise InputError(
                    f"intersection {' x '.join(pair)}: {name!r} is no categorical attribute; expected two of: {', '.join(plain)}"
                )
        one, two = (list(iterate_groups(attributes[[name]])) for name in pair)
        both = [(f"{a[1]}, {b[1]}", a[2] & b[2], a[3] & b[3]) for a in one for b in two]
        if min(len(one), len(two)) > 1 and not any(
            0 < inside.sum() < MIN_GROUP_SIZE for _, inside, _ in both
        ):
            yield from ((" x ".join(pair), name, inside, known) for name, inside, known in both)
