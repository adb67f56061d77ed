"""The class of each record, where scores of all classes were given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import cleaning, tables
from rollcall.runs.given.arrays import open_array
from rollcall.runs.given.kinds import LOGITS, PROBA, RECORDS_PER_BLOCK, Given
from rollcall.runs.given.people import KEY
from rollcall.util.errors import InputError

WORSE = 6.0  # standard errors below what guessing gives
BETTER = 3.0
LARGER = 0.1  # by which a mean probability is too large to be of class 1


def read_labels(path: Path, ids: pd.Series) -> np.ndarray:
    """Return class numbers int (N,), or 0 and 1 of several labels (N, L), a row for each record.

    .npy, or a csv with a row for each record, in the order of the records: one column of class
    numbers, or several of 0 and 1. Its column patient_id, if it has one, must be `ids` (N,).
    """
    text = path.name.removesuffix(".gz").endswith((".csv", ".tsv", ".txt"))
    labels = _from_table(path, ids) if text else open_array(path, "int, the class of each record")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim not in (1, 2) or len(labels) != len(ids):
        raise InputError(
            f"{path}: {labels.shape}, expected ({len(ids):,},) class numbers, one for each record, "
            "or a column for each of several labels"
        )
    labels = np.asarray(labels)
    wrong = np.argwhere(labels != np.round(labels)) if labels.dtype.kind == "f" else ()
    if len(wrong) or (labels.ndim == 2 and not np.isin(labels, (0, 1)).all()):
        raise InputError(
            f"{path}: expected whole numbers, from 0: the class of each record (or 0 and 1)"
        )
    if labels.size and (labels == labels.flat[0]).all():
        raise InputError(f"{path}: every record has the label {labels.flat[0]}; expected several")
    return labels.astype(np.int64)


def _from_table(path: Path, ids: pd.Series) -> np.ndarray:
    table = tables.read_whole_table(path, KEY)
    columns = [column for column in table if column != KEY]
    if KEY in table:
        named = cleaning.make_keys(cleaning.clean_ids(path, table, KEY))
        if len(named) != len(ids) or (named.to_numpy() != cleaning.make_keys(ids).to_numpy()).any():
            raise InputError(
                f"{path}: its patient_id are not those of the records, row by row; expected a row "
                "for each record, in the order of the records"
            )
    if not columns:
        raise InputError(f"{path}: no column but {KEY}; expected the class of each record")
    for column in columns:
        table[column] = cleaning.strip_fields(table[column])
    numbers = [tables.read_numbers(path, table, column, low=0) for column in columns]
    return np.stack(numbers, axis=1)


def check_labels(given: Given) -> list[str]:
    """Say if labels fit the scores of classes no better than guessing.

    InputError if they fit worse: records or classes are then in another order.
    """
    labels = given.labels
    if given.kind not in (PROBA, LOGITS) or labels.ndim == 2:
        return []
    classes = given.array.shape[2] if given.array.ndim == 3 else 2
    counts = np.zeros((classes, classes))
    half = 0.5 if given.kind == PROBA else 0.0
    for row in given.array:
        for start in range(0, len(row), RECORDS_PER_BLOCK):
            values = row[start : start + RECORDS_PER_BLOCK]
            guess = values.argmax(1) if values.ndim == 2 else (values > half).astype(np.int64)
            pairs = guess * classes + labels[start : start + RECORDS_PER_BLOCK]
            counts += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    share = counts / counts.sum()
    right, by_chance = np.trace(share), float(share.sum(0) @ share.sum(1))
    error = np.sqrt(max(by_chance * (1 - by_chance), 1e-12) / len(labels))
    if right < by_chance - WORSE * error:
        raise InputError(
            f"{given.path}: the labels are what the models say for {right:.0%} of the records, "
            f"fewer than by guessing ({by_chance:.0%}); expected the labels of these records, in "
            "their order, and classes numbered as the columns"
        )
    if right < by_chance + BETTER * error:
        _refuse_own_label(given)
        return [
            f"the models are right about the labels no more often than by guessing ({right:.0%})"
        ]
    return []


def _refuse_own_label(given: Given) -> None:
    """InputError if one column, hardly of class 1, has values as of each record's own label.

    Of class 1 their mean is the share of class 1, or one half where classes were given equal
    weight; of the own label it is larger.
    """
    if given.kind != PROBA or given.array.ndim == 3:
        return
    mean = float(np.mean([row.mean(dtype=np.float64) for row in given.array]))
    share = float(given.labels.mean())
    if mean > max(share, 0.5) + LARGER:
        raise InputError(
            f"{given.path}: probabilities are {mean:.2f} on average, and {share:.0%} of the labels "
            "are 1; expected those of class 1. Are they of each record's own label? Give -log(p) "
            "with --kind loss"
        )
