"""An audit of models that were trained elsewhere: from their scores and their training sets."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.arrays.digests import ROWS_PER_BLOCK
from rollcall.data.cohort import MIN_PATIENTS, Cohort
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.runs.arrays import CONTENTS
from rollcall.runs.config import write_config
from rollcall.runs.environment import describe
from rollcall.runs.given import kinds, plausibility
from rollcall.runs.given.arrays import check_shape, open_array
from rollcall.runs.given.attributes import read_attributes
from rollcall.runs.given.designs.detecting import (
    PAIRS,
    Design,
    choose_design,
    put_pairs_together,
)
from rollcall.runs.given.designs.tables import ScoreTable, is_table, read_scores
from rollcall.runs.given.labels import check_labels, read_labels
from rollcall.runs.given.order import refuse_order
from rollcall.runs.given.people import from_array, read_members, read_patients
from rollcall.runs.given.replacing import (
    check_folder,
    finish_replacing,
    hold_folder,
    is_unsettled,
    replace_folder,
)
from rollcall.runs.run import Run, check_smallest_cell, open_run
from rollcall.stats.design import MIN_OF_A_KIND
from rollcall.stats.members import MIN_TARGETS
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import parse_table, sha256, write_array, write_blocks, write_table

COHORT_NAME = "own"  # of a run whose scores came from elsewhere
FILES = ("scores.npy", "members.npy", "own.parquet")  # written by `write`, then only read


@dataclass(frozen=True)
class Checked:
    """Hold what was given, checked: nothing is written yet.

    scores: as they were given. members bool (targets, patients). records: patient_id, attributes.
    files: the paths. notes: what a reader should know of the data.
    """

    scores: kinds.Given
    members: np.ndarray
    records: pd.DataFrame
    files: tuple[Path, ...]
    notes: tuple[str, ...]
    design: Design


def create(
    scores: Path,
    members: Path | None,
    patients: Path | None,
    attributes: Path | None,
    out: Path,
    smallest_cell: int = MIN_GROUP_SIZE,
    kind: str = kinds.LOG_ODDS,
    labels: Path | None = None,
    design: str = "",
    rates: str = "",
) -> tuple[Run, Cohort]:
    """Check the files, as `check`, and write them as a run to `out`, as `write`."""
    given = scores, members, patients, attributes
    checked = check(*given, out, smallest_cell, kind, labels, design, rates)
    return write(checked, out, smallest_cell)


def check(
    scores: Path,
    members: Path | None,
    patients: Path | None,
    attributes: Path | None,
    out: Path,
    smallest_cell: int = MIN_GROUP_SIZE,
    kind: str = kinds.LOG_ODDS,
    labels: Path | None = None,
    design: str = "",
    rates: str = "",
) -> Checked:
    """Check the files of an audit, and that it can be written to `out`. Nothing is written.

    scores      .npy float (targets, records), or with a third axis, as `kind` says:
                rollcall.runs.given.kinds.choose_kind; higher = more like a member, once converted.
                Or a csv or parquet: rollcall.runs.given.designs.tables.read_scores
    members     .npy bool, or a csv or parquet: rollcall.runs.given.people.read_members; None where
                the table of scores has them
    patients    csv with a row per record; its column patient_id names the patient; None where
                scores are a table
    attributes  csv with a column patient_id and a row per patient, or with a row per record; every
                other column is an attribute: rollcall.runs.given.attributes
    labels      .npy of class numbers (records,), or csv, where `kind` needs them
    design, rates: how training sets were drawn, rollcall.runs.given.designs.detecting.choose_design
    smallest_cell: of patients, that a report may show.

    InputError names the file, and the target and record or the row and column; and says so where
    scores, members or labels are plainly something else, or in another order.
    """
    check_smallest_cell(smallest_cell)
    files = tuple(Path(path) for path in (scores, members, patients, attributes, labels) if path)
    for path in files:
        if os.path.exists(path) and not os.path.isfile(path):
            what = "a folder" if os.path.isdir(path) else "a pipe or a device"
            raise InputError(f"{path}: {what}; expected a file")
    check_folder(Path(out), files, COHORT_NAME)
    table, array, ids = _open_scores(Path(scores), patients)
    if len(array) < 2 * MIN_OF_A_KIND:
        raise InputError(
            f"{scores}: {len(array)} target models; expected at least {2 * MIN_OF_A_KIND}, of "
            f"which {MIN_OF_A_KIND} had and {MIN_OF_A_KIND} had not each patient, or "
            f"{MIN_TARGETS} in complementary pairs"
        )
    codes, names = _number_patients(ids, patients or scores)
    numbers = None if labels is None else read_labels(Path(labels), ids)
    given = kinds.choose_kind(Path(scores), array, kind, numbers)
    where = Path(members or scores)
    if members is not None:
        membership = read_members(where, len(array), codes, names, table.models if table else ())
    elif table is not None and table.members is not None:
        membership = from_array(where, table.members, len(array), codes, len(names))
    else:
        raise InputError(f"{scores}: who was in which training set is not given; give --members")
    if table is not None and design in ("", PAIRS):  # its models have names, and no order
        order = put_pairs_together(membership)
        array, membership = array[order], membership[order]
        given = replace(given, array=given.array[order])
    drawn = choose_design(where, membership, design, rates)
    notes: list[str] = []
    records = pd.DataFrame({"patient_id": ids})
    if attributes is not None:
        groups, notes = read_attributes(Path(attributes), ids)
        records = pd.concat([records, groups], axis=1)
    if drawn.few.any():
        kept = ~drawn.few[codes]
        given = replace(given, array=array[:, kept], labels=given.labels[kept[: len(given.labels)]])
        records, ids = records[kept].reset_index(drop=True), ids[kept].reset_index(drop=True)
        membership = membership[:, ~drawn.few]
        codes, names = _number_patients(ids, where)
    given, zeros = kinds.find_floor(given)
    fit = check_labels(given)
    looks = plausibility.look(given, membership, codes)
    plausibility.refuse_kind(given, looks)
    plausibility.refuse_sign(given, where, looks)
    contrast = max(looks.contrast, looks.by_rank)
    of_ids = Path(patients or scores)
    turned = refuse_order(given, where, of_ids, membership, codes, names, contrast)
    oddities = [*plausibility.note_oddities(given, looks), *turned]
    every = (*drawn.notes, *zeros, *fit, *oddities, *notes)
    return Checked(given, membership, records, files, every, drawn)


def _open_scores(
    scores: Path, patients: Path | None
) -> tuple[ScoreTable | None, np.ndarray, pd.Series]:
    """Return the table of scores, if they are one, the scores, and the patient of each record."""
    if is_table(scores):
        if patients is not None:
            raise InputError(f"{scores} names the patients itself; leave --patients {patients} out")
        table = read_scores(scores)
        return table, table.scores, table.ids
    if patients is None:
        raise InputError(f"{scores}: says nothing of the patients; give --patients")
    array = open_array(scores, "float, the scores of each target")
    if array.dtype.kind != "f":
        raise InputError(f"{scores}: {array.dtype} {array.shape}; expected float")
    ids = read_patients(Path(patients))
    return None, check_shape(scores, array, len(ids), Path(patients)), ids


def _number_patients(ids: pd.Series, path: Path) -> tuple[np.ndarray, pd.Index]:
    """Return the number of each record's patient, and their names; InputError if they are few."""
    codes, names = pd.factorize(ids)
    if len(names) < MIN_PATIENTS:
        raise InputError(f"{path}: {len(names)} patient(s); an audit needs at least {MIN_PATIENTS}")
    return codes.astype(np.int32), names


def hold(out: Path):
    """Hold the lock of the audit in `out` while a block runs; another audit into it waits."""
    return hold_folder(Path(out))


def write(checked: Checked, out: Path, smallest_cell: int = MIN_GROUP_SIZE) -> tuple[Run, Cohort]:
    """Write what was checked as a run to `out`, in place of any earlier audit there; return it.

    Killed at any instant, it leaves the earlier audit or this one. MachineError if the machine
    refuses.
    """

    def write_into(folder: Path) -> None:
        _write_scores(folder / "scores.npy", checked.scores)
        write_array(folder / "members.npy", checked.members)
        write_table(folder / "own.parquet", checked.records)
        contents = {name: sha256(folder / name) for name in FILES}
        identity = {
            "scores": contents["scores.npy"],
            "members": contents["members.npy"],
            "records": _hash_records(checked.records),
            "notes": checked.notes,
        }
        drawn = checked.design
        if drawn.kind != PAIRS:
            identity["design"] = [drawn.kind, *map(float, drawn.rates)]
        config = {
            "cohort": COHORT_NAME,
            "fingerprint": hashlib.sha256(json.dumps(identity).encode()).hexdigest(),
            "records": len(checked.records),
            "patients": checked.members.shape[1],
            "targets": len(checked.members),
            "seed": 0,
            "scores": "given",
            "kind": checked.scores.kind,
            "smallest_cell": smallest_cell,
            "files": [str(path) for path in checked.files],
            "notes": checked.notes,
            CONTENTS: contents,
            **describe(),
        }
        if drawn.kind != PAIRS:
            config["design"] = {"kind": drawn.kind, "rates": [float(rate) for rate in drawn.rates]}
        write_config(folder, config)

    replace_folder(Path(out), write_into)
    return read(Path(out))


def _write_scores(path: Path, given: kinds.Given) -> None:
    """Write log odds as float32 .npy, one target at a time."""
    shape = (len(given.array), *kinds.shape_of_target(given))
    write_blocks(path, np.float32, shape, (row[None] for row in kinds.iterate_log_odds(given)))


def _hash_records(records: pd.DataFrame) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(records), ROWS_PER_BLOCK):
        rows = records.iloc[start : start + ROWS_PER_BLOCK].astype(object)
        digest.update(rows.to_csv(index=False, header=start == 0).encode())
    return digest.hexdigest()


def read(out: Path) -> tuple[Run, Cohort]:
    """Return the run and the cohort that `write` wrote to `out`.

    InputError if there is none, or if a file is not the one that was written.
    """
    out = Path(out)
    if is_unsettled(out):
        with hold(out):
            finish_replacing(out)
    run = open_run(out)
    if run.config.get("cohort") != COHORT_NAME:
        raise InputError(
            f"{out}: a run of cohort {run.config.get('cohort')!r}; "
            "expected one that `rollcall attack` has written"
        )
    again = "run `rollcall attack` again, with the files of the first time"
    path = out / "own.parquet"
    try:
        for name, expected in run.config.get(CONTENTS, {}).items():
            path = out / name
            if sha256(path) != expected:
                raise ValueError("it is not the file that was written")
        path = out / "own.parquet"
        with path.open("rb") as file:
            records = parse_table(file)
    except (OSError, ValueError, MemoryError) as error:
        raise_machine_fault(error, path)
        raise InputError(f"{path}: damaged or replaced ({first_line(error)}); {again}") from error
    cohort = Cohort(
        name=COHORT_NAME,
        records=records,
        inputs=np.empty((len(records), 0), np.float32),
        labels=np.zeros(len(records), np.int64),
        task="multiclass",
        classes=("given",),
        attributes=tuple(column for column in records if column != "patient_id"),
        fingerprint=run.config["fingerprint"],
        source="Scores of models that were trained elsewhere.",
        notes=tuple(run.config.get("notes", ())),
    )
    return run, cohort
