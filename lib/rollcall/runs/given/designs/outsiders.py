"""One target and references that never saw the patients: read and checked, for an offline audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import cleaning, tables
from rollcall.runs.given import kinds
from rollcall.runs.given.arrays import check_shape, open_array
from rollcall.runs.given.designs.tables import (
    KEY,
    MEMBER,
    MODEL,
    NO,
    YES,
    is_table,
    read_frame,
    read_scores,
)
from rollcall.runs.given.labels import read_labels
from rollcall.runs.given.people import join, read_patients
from rollcall.util.errors import InputError, unknown_name

MIN_REFERENCES = 3


@dataclass(frozen=True)
class OfflineInput:
    """Hold what an offline audit is made of.

    target (N,), references (R, N): log odds; ids: patients in order (P,); index (N,); status int
    (P,): 1 of a member of the target, 0 of a known outsider, -1 where nothing is known.
    """

    target: np.ndarray
    references: np.ndarray
    ids: np.ndarray
    index: np.ndarray
    status: np.ndarray


def read_offline(
    scores: Path,
    members: Path | None,
    patients: Path | None,
    target: str,
    kind: str = kinds.LOG_ODDS,
    labels: Path | None = None,
) -> OfflineInput:
    """Read the scores of one target and of references that never saw the patients.

    scores, patients, kind and labels as rollcall.runs.external.check takes them; target: the name
    of the model in a table of scores, or its row. members: a csv or parquet with patient_id and a
    column named as the target, or called member: 1 of members, 0 of patients who are known not to
    have been in the training set, empty of all others. Columns of references must be 0. InputError
    names the file.
    """
    if is_table(scores):
        table = read_scores(scores)
        array, ids, models = table.scores, table.ids, table.models
    else:
        if patients is None:
            raise InputError(f"{scores}: says nothing of the patients; give --patients")
        ids = read_patients(patients)
        array = open_array(scores, "float, the scores of each model")
        array = check_shape(scores, array, len(ids), patients)
        models = tuple(map(str, range(len(array))))
    if target not in models:
        raise unknown_name("target", target, models, f"in {scores}")
    if len(models) <= MIN_REFERENCES:
        raise InputError(
            f"{scores}: {len(models) - 1} references beside {target!r}; expected at least "
            f"{MIN_REFERENCES}: of fewer no spread is known"
        )
    numbers = None if labels is None else read_labels(labels, ids)
    given = kinds.choose_kind(scores, array, kind, numbers)
    given, _ = kinds.find_floor(given)
    rows = np.stack(list(kinds.iterate_log_odds(given))).astype(np.float64)
    if rows.ndim == 3:
        rows = rows.mean(2)
    place = models.index(target)
    index, names = pd.factorize(ids)
    status = np.full(len(names), -1)
    if members is not None:
        status = _read_status(members, pd.Series(names, dtype="str"), target, models)
    return OfflineInput(
        rows[place], np.delete(rows, place, 0), np.asarray(names), index.astype(np.int64), status
    )


def _read_status(path: Path, names: pd.Series, target: str, models: tuple[str, ...]) -> np.ndarray:
    table = read_frame(path)
    if KEY not in table:
        raise InputError(f"{path}: lacks the column {KEY!r}")
    if {MODEL, MEMBER} <= set(table):
        model = cleaning.strip_fields(table[MODEL])
        others = table[model != target]
        of_others = cleaning.strip_fields(others[MEMBER]).str.lower().isin(YES)
        _refuse_seen(path, str(model[others.index[of_others]].iloc[0]) if of_others.any() else "")
        table, column = table[model == target].reset_index(drop=True), MEMBER
    else:
        column = target if target in table else MEMBER
        if column not in table:
            raise InputError(f"{path}: has neither a column {target!r} nor {MEMBER!r}")
        for name in set(models) & set(table) - {target}:
            saw = cleaning.strip_fields(table[name]).str.lower().isin(YES)
            _refuse_seen(path, name if saw.any() else "")
    words = cleaning.strip_fields(table[column]).str.lower()
    known = words.isin((*YES, *NO))
    unknown = cleaning.is_missing(words)
    tables.refuse_rows(path, table, column, ~(known | unknown), "expected 0, 1 or nothing")
    state = np.where(words.isin(YES), 1, np.where(known, 0, -1))
    return state[join(path, cleaning.clean_ids(path, table, KEY), names)]


def _refuse_seen(path: Path, name: str) -> None:
    if name:
        raise InputError(
            f"{path}: reference {name!r} had patients; expected references that saw none of them. "
            "Of models that had some of them leave --target out"
        )
