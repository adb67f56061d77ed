"""PTB-XL: 21,799 ten-second clinical 12-lead electrocardiograms (ECGs) of 18,869 patients; open.

Publisher: PhysioNet, version 1.0.3, doi:10.13026/kfzx-aw45, from the Physikalisch-Technische Bundesanstalt; CC BY 4.0.
Paper: Wagner et al., Scientific Data 7, 154 (2020), doi:10.1038/s41597-020-0495-6. Versions 1.0.1 and 1.0.2, and a cut of the release
whose table has fewer rows, are read as well; what differs from the newest version is noted.

The unit is the patient, who has one to ten records. Multilabel: the five superclasses NORM, MI, STTC, CD, HYP. A record has a superclass
if any of its SCP statements with diagnostic = 1 belongs to it, whatever likelihood stands beside the statement. A record without any keeps
five zeros. The audit pool is folds 1 to 9 and the held-out test set fold 10: the publisher's own split, by patient.

Inputs are int16 microvolts (1000 or 5000 samples, 12 leads; option `rate` = 100 or 500 Hz). That is the files' own unit: a header whose
gain is not 1000 per mV, or whose baseline is not 0, is converted. Every header is checked against its signal file: leads and their order,
unit, length, checksums.

Attributes: sex (0 is male and 1 female in the release; the reference's cohort table names them the other way round, W-D6), age in bands
(from version 1.0.2 on an age over 89 is written as 300; it belongs to 80+, as 90 and 91 do), extra beats (noted or not), and the
superclasses, which overlap.

Where the default differs from the reference, whose rules `rules="paper"` keeps:
- Models see the signal divided by 0.2354 mV, the standard deviation of the whole 1.0.3 set, a constant. The reference does not scale (W-T7).
- Twelve recordings of version 1.0.1 that later versions dropped as duplicates are left out where they are found; twelve of the 38 are
  known by number here. One of them (145) is another patient's record 463 over again, which would leak across a split by patient.
"""

from __future__ import annotations

import ast
import functools
import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.cohort import Cohort
from rollcall.data.decode import FileInputs, require_files
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import (
    RULES,
    check_choice,
    count_notes,
    count_text,
    missing_notes,
)
from rollcall.datasets.parts.demographics import age_bands
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="ptb_xl",
    title="PTB-XL",
    licence="CC BY 4.0",
    access="open",
    records="12-lead ECGs, 5 classes",
    rehearsable=True,
)
VERSION = 1
CLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
LEADS = ("I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6")
ATTRIBUTES = ("sex", "age", "extra beats", *(f"finding: {name}" for name in CLASSES))
EXPECTED = {
    "records": 21_799,
    "patients": 18_869,
    "records with NORM": 9_514,
    "records with MI": 5_469,
    "records with STTC": 5_235,
    "records with CD": 4_898,
    "records with HYP": 2_649,
    "records with extra beats": 1_949,
}
EARLIER = {"records": 21_837, "patients": 18_885}  # version 1.0.1
DUPLICATES = (137, 139, 140, 141, 142, 143, 145, 456, 458, 459, 461, 462)
STD = 0.2354  # mV, over all samples of 1.0.3
SECONDS, VERY_OLD = 10, 300
FILE = {100: "filename_lr", 500: "filename_hr"}
LONGEST_HEADER, LONGEST_CODES = 65_536, 2_000  # bytes, characters
_CODES = re.compile(r"\{\s*('[^'\\]{1,40}'\s*:\s*[0-9]+(\.[0-9]*)?\s*(,\s*|(?=\})))*\}")
_GAIN = re.compile(r"(?=[0-9.]*[1-9])[0-9]{1,7}(\.[0-9]{0,7})?(\(-?[0-9]{1,6}\))?/")
_PATH = r"(?:[A-Za-z0-9_-]+/)*([0-9]{5})_[lh]r"


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """The table of records and that of statements, csv or csv.gz, side by side."""
    if root is None:
        raise InputError(
            "ptb_xl is not fetched: it is open, 1.7 GB zipped; download it from https://physionet.org/content/ptb-xl/1.0.3/ and let ROOT= "
            "name the folder that holds ptbxl_database.csv, scp_statements.csv, records100/ and records500/ (see data/README.md)"
        )
    return {
        "records": release.find_table(root, "ptbxl_database.csv"),
        "statements": release.find_table(root, "scp_statements.csv"),
    }


def read(files: dict[str, Path], root: Path, *, rate: int = 100, rules: str = "default") -> Cohort:
    """Read the release. Inputs int16 microvolts (records, 10 * rate, 12), still files; targets int64 (records, 5)."""
    check_choice("ptb_xl", "rate", rate, tuple(FILE))
    check_choice("ptb_xl", "rules", rules, RULES)
    path = files["records"]
    table = tables.read_table(
        path,
        (
            "ecg_id",
            "patient_id",
            "age",
            "sex",
            "scp_codes",
            "extra_beats",
            "strat_fold",
            FILE[rate],
        ),
        key="ecg_id",
    )
    number = tables.read_ids(path, table, "ecg_id").astype(float).astype(np.int64)
    tables.refuse_rows(
        path,
        table,
        "patient_id",
        ~table["patient_id"].str.fullmatch(r"[0-9]+(\.0)?"),
        "expected a patient's number, such as 15709.0",
    )
    patient = table["patient_id"].str.removesuffix(".0")
    years = tables.read_numbers(path, table, "age", missing=True, low=0, high=VERY_OLD)
    tables.refuse_rows(
        path,
        table,
        "age",
        (years > 120) & (years != VERY_OLD),
        f"expected at most 120 years, or {VERY_OLD} for an age over 89",
    )
    sex = pd.Categorical.from_codes(
        tables.read_codes(path, table, "sex", ("0", "1")), ["Male", "Female"]
    )
    fold = tables.read_codes(path, table, "strat_fold", [str(fold) for fold in range(1, 11)]) + 1
    targets = superclasses(path, table, classes_of(files["statements"]))
    inputs = _files(root, path, table, number, rate)

    records = pd.DataFrame(
        {
            "patient_id": patient.to_numpy(dtype=object),
            "sex": sex,
            "age": age_bands(years),
            "extra beats": pd.Categorical.from_codes(
                (table["extra_beats"].str.strip() != "").astype(int), ["not noted", "noted"]
            ),
            **{f"finding: {name}": targets[:, place] == 1 for place, name in enumerate(CLASSES)},
        }
    )
    notes = _count_notes(records, number)
    keep = np.ones(len(records), bool)
    doubled = number.isin(DUPLICATES).to_numpy()
    if doubled.any() and rules == "default":
        keep = ~doubled
        notes.append(
            f"{doubled.sum():,} records dropped: duplicate recordings, which versions after 1.0.1 leave out too"
        )
    pool, test = np.flatnonzero(keep & (fold <= 9)), np.flatnonzero(keep & (fold == 10))
    if not len(pool):
        raise InputError(f"{path}: no record has strat_fold 1 to 9, the audit pool")
    _require(inputs, np.flatnonzero(keep))
    both = np.isin(patient, patient.iloc[test]) & keep & (fold <= 9)
    tables.refuse_rows(
        path,
        table,
        "patient_id",
        both,
        "this patient has records in fold 10, the test set, and in another fold; expected all in one",
    )

    def part(rows: np.ndarray, **more) -> Cohort:
        return Cohort(
            "ptb_xl",
            records.iloc[rows].reset_index(drop=True),
            _some(inputs, rows),
            targets[rows],
            "multilabel",
            CLASSES,
            ATTRIBUTES,
            restricted=False,
            scale=1e-3 / STD if rules == "default" else 1e-3,
            source="PTB-XL, a large electrocardiography data set, PhysioNet (doi:10.13026/kfzx-aw45), CC BY 4.0; Wagner et al. 2020.",
            **more,
        )

    held_out = part(test) if len(test) else None
    notes += missing_notes(records.iloc[pool], ("age",))
    notes.append(
        f"labels: {count_text((targets[pool].sum(axis=1) == 0).sum())} records have none of the five superclasses and keep five zeros"
    )
    notes.append(
        f"test set: {len(test):,} records of {held_out.records['patient_id'].nunique():,} patients, fold 10"
        if len(test)
        else "no test set: no record has strat_fold 10"
    )
    return part(pool, notes=tuple(notes), test=held_out)


def _count_notes(records: pd.DataFrame, number: pd.Series) -> list[str]:
    found = {
        "records": len(records),
        "patients": records["patient_id"].nunique(),
        **{f"records with {name}": int(records[f"finding: {name}"].sum()) for name in CLASSES},
        "records with extra beats": int((records["extra beats"] == "noted").sum()),
    }
    if all(found[name] == count for name, count in EARLIER.items()):
        return [
            f"this is version 1.0.1; the newest, 1.0.3, has {EXPECTED['records']:,} records, after 38 duplicates were dropped, of which "
            f"{len(DUPLICATES)} are known by number here"
        ]
    return count_notes(
        found,
        EXPECTED
        if found["records"] == EXPECTED["records"]
        else {name: EXPECTED[name] for name in EARLIER},
    )


def classes_of(path: Path) -> dict[str, int]:
    """SCP code -> the position of its superclass in CLASSES, -1 for a code that is not diagnostic."""
    table = tables.read_table(
        path, ("", "diagnostic", "diagnostic_class"), key=("",)
    )  # the first column has no name
    diagnostic = tables.read_codes(path, table, "diagnostic", ("", "0", "0.0", "1", "1.0")) >= 3
    tables.read_codes(path, table[diagnostic], "diagnostic_class", CLASSES)
    place = pd.Index(CLASSES).get_indexer(table["diagnostic_class"])
    return dict(zip(table[""], np.where(diagnostic, place, -1).tolist()))


def superclasses(path: Path, table: pd.DataFrame, classes: dict[str, int]) -> np.ndarray:
    """int64 (rows, 5): the superclasses of each row's scp_codes, a dict of likelihoods written as Python writes it."""
    written = table["scp_codes"]
    tables.refuse_rows(
        path,
        table,
        "scp_codes",
        written.str.len() > LONGEST_CODES,
        f"more than {LONGEST_CODES:,} characters; expected a dict such as {{'NORM': 100.0}}",
    )
    targets = np.zeros((len(table), len(CLASSES)), np.int64)
    for row, text in enumerate(written):
        for code in _statements(text) if _CODES.fullmatch(text) else [None]:
            if code not in classes:
                tables.refuse_rows(
                    path,
                    table,
                    "scp_codes",
                    np.arange(len(table)) == row,
                    "expected a dict such as {'NORM': 100.0, 'SR': 0.0}"
                    if code is None
                    else f"{code!r} is not in scp_statements.csv",
                )
            if classes[code] >= 0:
                targets[row, classes[code]] = 1
    return targets


def _statements(text: str) -> list:
    try:
        return list(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return [None]


def _files(
    root: Path, where: Path, table: pd.DataFrame, number: pd.Series, rate: int
) -> FileInputs:
    """The signal file of every row, its name checked."""
    column = FILE[rate]
    named = table[column].str.extract(f"^{_PATH}$", expand=False)
    tables.refuse_rows(
        where,
        table,
        column,
        named.isna(),
        f"expected a path inside the release, such as records{rate}/00000/00001_{column[-2:]}",
    )
    tables.refuse_rows(
        where,
        table,
        column,
        named.astype(int).to_numpy() != number.to_numpy(),
        "the file's number is not the row's ecg_id",
    )
    if "::" in str(root.resolve()):
        raise InputError(f"{root}: '::' in a path is an address to wfdb; rename the folder")
    home = where.parent.relative_to(root)
    paths = np.array([str(home / f"{name}.dat") for name in table[column]], dtype=object)
    return FileInputs(
        root,
        paths,
        functools.partial(signal, root=root, rate=rate),
        (SECONDS * rate, len(LEADS)),
        "int16",
        where,
        table.index.to_numpy() + 2,
        beside=".hea",
    )


def _some(files: FileInputs, rows: np.ndarray) -> FileInputs:
    return replace(files, paths=files.paths[rows], rows=files.rows[rows])


def _require(files: FileInputs, rows: np.ndarray) -> None:
    """InputError for the first of `rows` whose header or signal file is not there."""
    chosen = _some(files, rows)
    require_files(replace(chosen, paths=np.array(chosen.every[len(rows) :], dtype=object)))
    require_files(chosen)


def signal(path: Path, root: Path, rate: int) -> np.ndarray:
    """One ECG as int16 microvolts (10 * rate, 12). ValueError if its header is not what this data set has, or does not fit the signal file."""
    header = release.resolve_inside(root, path.with_suffix(".hea").relative_to(root))
    _check_header(header, path, rate)
    record = _wfdb().rdrecord(
        str(path.parent.resolve() / path.stem), physical=False, return_res=16
    )  # an absolute path: no other is surely local to wfdb
    for what, found, expected in (
        ("leads", tuple(str(name).upper() for name in record.sig_name), LEADS),
        ("units", set(record.units), {"mV"}),
    ):
        if found != expected:
            raise ValueError(
                f"{header.name} has {what} {', '.join(map(str, found))}; expected {', '.join(expected)}"
            )
    stored = record.d_signal
    if (stored == np.iinfo(np.int16).min).any():
        raise ValueError("has samples marked as invalid")
    if None in record.checksum or [
        int(total) % 65536 for total in stored.sum(axis=0, dtype=np.int64)
    ] != [total % 65536 for total in record.checksum]:
        raise ValueError(f"its samples do not add up to the checksums in {header.name}")
    if all(gain == 1000 for gain in record.adc_gain) and not any(record.baseline):
        return stored
    microvolts = np.rint(
        (stored - np.array(record.baseline, float)) / np.array(record.adc_gain) * 1000
    )
    if np.abs(microvolts).max() > np.iinfo(np.int16).max:
        raise ValueError(f"reaches {np.abs(microvolts).max() / 1000:.0f} mV; expected at most 32")
    return microvolts.astype(np.int16)


def _wfdb():
    """The library, slow to import and wanted by this data set alone; 4.3.1 is not up to pandas 3.1, which warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wfdb
    return wfdb


def _check_header(header: Path, path: Path, rate: int) -> None:
    """ValueError unless the header describes 12 leads of 10 s in the signal file at `path`, as long as it says, and no other file.

    From its text, before wfdb opens whatever file a header names and reads however many samples it says.
    """
    with open(header, "rb") as file:
        text = file.read(LONGEST_HEADER + 1)
    if len(text) > LONGEST_HEADER or not text.isascii():
        raise ValueError(
            f"{header.name} is not a header: expected at most {LONGEST_HEADER:,} bytes of ASCII"
        )
    first, *lines = [
        line.split()
        for line in text.decode().splitlines()
        if line.strip() and not line.strip().startswith("#")
    ] or [[]]
    if first[:2] != [header.stem, str(len(LEADS))] or len(lines) != len(LEADS):
        raise ValueError(
            f"{header.name} describes {len(lines)} signals, or another record; expected {header.stem} with {len(LEADS)}"
        )
    for what, place, expected in (
        ("sampling rate", 2, str(rate)),
        ("length", 3, str(SECONDS * rate)),
    ):
        found = "".join(first[place : place + 1])
        if found != expected:
            raise ValueError(
                f"{header.name} has {what} {found[:40] or 'missing'}; expected {expected}"
            )
    for line in lines:
        name, form, gain = (line + ["", "", ""])[:3]
        if name != path.name:
            raise ValueError(
                f"{header.name} names the signal file {name[:80]!r}; expected {path.name}"
            )
        if form != "16":
            raise ValueError(f"{header.name} has format {form[:40]}; expected 16")
        if not _GAIN.match(gain):  # wfdb takes a gain of 0, or none, for 200
            raise ValueError(
                f"{header.name} has a gain of {gain[:80]!r}; expected a number above 0, such as 1000.0(0)/mV"
            )
    size, expected = path.stat().st_size, 2 * len(LEADS) * SECONDS * rate
    if size != expected:
        raise ValueError(
            f"holds {size:,} bytes where its header says {SECONDS * rate:,} samples of {len(LEADS)} leads, {expected:,} bytes"
        )
