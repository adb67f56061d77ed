"""Read EMBED's two tables: the exams and findings, and the images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.datasets.parts.common import count_text
from rollcall.datasets.parts.dicom import FIRST_NUMBER
from rollcall.datasets.parts.editions import read_edition
from rollcall.datasets.parts.joins import clean_numbers
from rollcall.util.errors import InputError

CLINICAL = (
    "empi_anon",
    "acc_anon",
    "desc",
    "side",
    "tissueden",
    "asses",
    "GENDER_DESC",
    "RACE_DESC",
    "age_at_study",
)
METADATA = (
    "empi_anon",
    "acc_anon",
    "anon_dicom_path",
    "FinalImageType",
    "ImageLateralityFinal",
    "ViewPosition",
)
EDITIONS = "EMBED's open data release at AWS, whole or _reduced"
# In the full metadata table only.
HEADER = ("WindowCenter", "WindowWidth", "PatientOrientation", "FieldOfViewHorizontalFlip")
ASSESSMENTS = {  # letter: BI-RADS
    "A": "0 additional evaluation",
    "N": "1 negative",
    "B": "2 benign",
    "P": "3 probably benign",
    "S": "4 suspicious",
    "M": "5 highly suggestive of malignancy",
    "K": "6 known malignancy",
}
NOT_ASSESSED = ("X", "")
BY_SERIOUSNESS = "NBPASMK"  # assessments from the least to the most serious
SIDES = ("L", "R", "B", "")  # B: both
EXAM = ["tissueden", "age_at_study", "GENDER_DESC", "RACE_DESC"]  # columns that an exam has one of


@dataclass(frozen=True)
class Exams:
    """The screening exams of the clinical table.

    exams     a row per exam: exam, tissueden, age_at_study, GENDER_DESC, RACE_DESC (and asses, of
              its first row, under the paper's rules)
    findings  a row per finding: exam, side, asses
    counts    of the whole table: rows, patients, exams
    notes     exams whose findings disagree
    """

    exams: pd.DataFrame
    findings: pd.DataFrame
    counts: dict[str, int]
    notes: list[str]


def read_exams(path: Path, paper: bool) -> Exams:
    """Read the clinical table, which has a row per finding.

    An exam has the first density, age, gender and race that is given; paper: its first row's.
    """
    table = read_edition(path, CLINICAL, EDITIONS)
    _add_exam(path, table)
    counts = {
        "clinical rows": len(table),
        "clinical patients": table["empi_anon"].nunique(),
        "clinical exams": table["exam"].nunique(),
    }
    table = table[table["desc"].str.contains("screen", case=False)].copy()
    if not len(table):
        raise InputError(
            f"{path}: no exam whose 'desc' has 'screen' in it; expected screening exams"
        )
    tables.read_codes(path, table, "asses", (*ASSESSMENTS, *NOT_ASSESSED))
    tables.read_codes(path, table, "side", SIDES)
    for column, low, high in (("tissueden", 1, 5), ("age_at_study", 0, 130)):
        table[column] = tables.read_numbers(path, table, column, missing=True, low=low, high=high)
    tables.refuse_rows(
        path,
        table,
        "tissueden",
        table["tissueden"] % 1 > 0,
        "expected a whole number from 1 to 5 or nothing",
    )
    findings = table[["exam", "side", "asses"]]
    if paper:
        first_rows = table.drop_duplicates("exam")
        return Exams(first_rows[["exam", *EXAM, "asses"]], findings, counts, [])
    by_exam = table.groupby("exam", sort=False)
    several = int((by_exam["tissueden"].nunique() > 1).sum())
    notes = count_note(several, "exams have several densities; the first one counts")
    for column in ("GENDER_DESC", "RACE_DESC"):
        table[column] = table[column].where(table[column].str.strip() != "")
    exams = table.groupby("exam", sort=False)[EXAM].first().reset_index()  # the first not missing
    for column in ("GENDER_DESC", "RACE_DESC"):
        exams[column] = exams[column].fillna("")
    return Exams(exams, findings, counts, notes)


def read_images(path: Path) -> pd.DataFrame:
    """Read the metadata table, a row per image.

    Adds exam, file (the path below images/) and row (its position in the table).
    """
    table = read_edition(path, METADATA, EDITIONS, optional=(*HEADER, "PatientSex"))
    _add_exam(path, table)
    tables.read_codes(path, table, "ImageLateralityFinal", SIDES)
    table["file"] = _read_files(path, table)
    repeated = table[table.duplicated("file", keep=False)]
    tables.refuse_rows(
        path,
        repeated,
        "anon_dicom_path",
        repeated.groupby("file")["empi_anon"].transform("nunique").gt(1),
        "this image stands under two patients",
    )
    for column in (*HEADER, "PatientSex"):
        if column not in table:
            table[column] = ""
    _check_windows(path, table)
    return table.assign(row=table.index)


def _read_files(path: Path, table: pd.DataFrame) -> pd.Series:
    """Read each image's path below images/, refusing one that leads out of the release."""
    text = table["anon_dicom_path"]
    files = text.str.extract(r"^(?:.*/)?images/(.*)$", expand=False)
    files = files.fillna(text.str.extract(r"(?:^|/)(cohort_[0-9]+/.*)$", expand=False))
    tables.refuse_rows(
        path,
        table,
        "anon_dicom_path",
        files.isna() | ~text.str.endswith(".dcm"),
        "expected a path with images/ or cohort_<number>/ in it that ends in .dcm",
    )
    tables.refuse_rows(
        path,
        table,
        "anon_dicom_path",
        files.str.contains(r"(?:^|/)\.\.(?:/|$)|\\|\x00|^/"),
        "leads out of the release",
    )
    return files


def _check_windows(path: Path, table: pd.DataFrame) -> None:
    """Refuse a window that is not a number, or a list of numbers, or nothing."""
    center, width = (_first_number(table[column]) for column in ("WindowCenter", "WindowWidth"))
    no_center, no_width = table["WindowCenter"] == "", table["WindowWidth"] == ""
    for column, bad, expected in (
        ("WindowCenter", center.isna() & ~no_center, "expected a number, several, or nothing"),
        (
            "WindowWidth",
            (width.isna() | (width <= 0)) & ~no_width,
            "expected a number above 0, several, or nothing",
        ),
        (
            "WindowWidth",
            no_width != no_center,
            "expected both WindowCenter and WindowWidth, or neither",
        ),
    ):
        tables.refuse_rows(path, table, column, bad, expected)


def _first_number(text: pd.Series) -> pd.Series:
    """Read the first number of each "540" or "[540, 580]"; NaN where there is none."""
    return text.str.extract(FIRST_NUMBER, expand=False).astype(float)


def _add_exam(path: Path, table: pd.DataFrame) -> None:
    """Write patient and exam as digits, and both in one column `exam`.

    A table that was saved with them as floats has numbers that end in .0; a copy may have spaces.
    """
    for column in ("empi_anon", "acc_anon"):
        table[column] = clean_numbers(path, table, column)
    table["exam"] = table["empi_anon"] + " " + table["acc_anon"]


def worst_assessments(images: pd.DataFrame, findings: pd.DataFrame) -> np.ndarray:
    """Find the assessment of each image, as a letter; "" if there is none.

    It is the most serious one among the exam's findings on the image's side, on both sides or on no
    side.
    """
    letters = np.array([*BY_SERIOUSNESS, ""])  # position -1 is none
    ranks = {letter: rank for rank, letter in enumerate(BY_SERIOUSNESS)}
    rank = findings["asses"].map(ranks).fillna(-1).astype(int)
    worst = np.full(len(images), -1)
    for side in SIDES:
        concerned = findings["side"].isin([side, "B", ""])
        worst_of_exam = rank[concerned].groupby(findings["exam"][concerned]).max()
        of_side = (images["ImageLateralityFinal"] == side).to_numpy()
        worst[of_side] = worst_of_exam.reindex(images["exam"][of_side]).fillna(-1).astype(int)
    return letters[worst]


def count_note(count: int, what: str) -> list[str]:
    """Note a count, if it is not 0."""
    return [f"{count_text(count)} {what}"] if count else []
