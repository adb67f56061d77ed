"""The digests that name a cohort: what a model sees of it, and all that it says of itself."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from rollcall.data.arrays.times import ORDER

RECORDS_PER_BLOCK = 65_536  # inputs hashed at once
ROWS_PER_BLOCK = 8_192  # rows of `records` turned into text at once


def compute_fingerprint(cohort) -> str:
    """Return the sha256 over a cohort's content, as the cohort states it, and its other fields."""
    described = [
        cohort.content,
        cohort.name,
        cohort.task,
        cohort.classes,
        cohort.attributes,
        cohort.features,
        cohort.restricted,
        cohort.scale,
        cohort.unit,
        cohort.simulated,
        cohort.test_shares_patients,
        cohort.source,
        cohort.notes,
        cohort.test and cohort.test.fingerprint,
    ]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()


def compute_content(cohort) -> str:
    """Return the sha256 over what a model sees of a cohort and who its records belong to.

    The order of a patient's records in time is none of it: no model sees it, and runs of cohorts
    that were prepared without it stay runs of theirs.
    """
    described = [
        cohort.name,
        cohort.task,
        cohort.classes,
        cohort.attributes,
        cohort.features,
        cohort.scale,
        cohort.simulated,
        str(cohort.inputs.dtype),
        cohort.inputs.shape,
    ]
    digest = hashlib.sha256(json.dumps(described).encode())
    for start in range(0, len(cohort), RECORDS_PER_BLOCK):
        digest.update(np.ascontiguousarray(cohort.inputs[start : start + RECORDS_PER_BLOCK]))
    digest.update(np.ascontiguousarray(cohort.labels))
    hidden = [] if ORDER in cohort.attributes else [ORDER]
    records = cohort.records.drop(columns=hidden, errors="ignore")
    # The bytes of the whole table's csv, in blocks: at once it takes hundreds of MB of objects.
    for start in range(0, len(cohort), ROWS_PER_BLOCK):
        rows = records.iloc[start : start + ROWS_PER_BLOCK].astype(object)
        digest.update(rows.to_csv(index=False, header=start == 0).encode())
    return digest.hexdigest()
