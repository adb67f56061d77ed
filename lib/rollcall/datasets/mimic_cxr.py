"""Read MIMIC-CXR-JPG: 377,110 chest films of 65,379 patients of one hospital, with 14 findings.

Publisher: PhysioNet, doi:10.13026/8360-t248 (2.0.0). Access: credentialed users who have done the
training and signed the PhysioNet Credentialed Health Data Use Agreement 1.5.0; it may not be passed
on. Papers: Johnson et al. 2019, arXiv:1901.07042; Goldberger et al., Circulation 2000. Race, sex
and age come from two tables of MIMIC-IV (doi:10.13026/kpb9-mt58), hosp/admissions and
hosp/patients, which need an agreement of their own and lie under ROOT too; without them those
attributes are missing.

The unit is the patient, `subject_id`, of one hospital in Boston. The 14 findings, read from
reports, are one multilabel task, by the NegBio labeller as in the reference, or by the CheXpert
labeller with `labels="chexpert"`: 1 is positive, -1 (uncertain) is taken as positive (U-Ones), 0
and empty are negative; a study without labels has 14 zeros, and is counted. Age is anchor_age +
year of the study - anchor_year; 91 stands for all above 89 in anchor_age. Films are resized as a
whole (aspect ratio not kept).

Where the default differs from the reference (see docs/deviations.md):
- Split: the official test patients are the held-out test set, the official training and validation
  patients the audit pool. The reference ignores the split, audits all and tests on CheXpert's
  films.
- Race: a patient's admissions may say several things. The reference makes two different strings
  Unknown, "WHITE" and "WHITE - RUSSIAN" included. Here each string is put in its group first, what
  is unknown or refused does not count, and only a patient with several groups is missing. Known
  others are groups of their own (Hispanic, Other); the reference's test leaves them out.
- Records with none of the 14, "No Finding" included, keep 14 zeros, in training as in the attack;
  the reference attacks them as "No Finding". Missing sex stays missing (the reference: 0). Every
  view that the release names is a group.
- Nothing chooses a checkpoint on the test set: it is only reported.
`rules="paper"`: all records in the pool, no test set, race by the reference's rule and only of
Black, White and Asian, view only of AP, PA, LATERAL and LL, all else being missing.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.cohort import Cohort
from rollcall.datasets.parts import chest
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import check_choice, count_notes, count_text
from rollcall.datasets.parts.editions import read_edition
from rollcall.datasets.parts.images import image_files, require_images
from rollcall.datasets.parts.joins import clean_numbers, require_matches
from rollcall.datasets.release_tables.mimic_iv import read_demographics
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="mimic_cxr",
    title="MIMIC-CXR-JPG",
    licence="Credentialed Health Data Use Agreement 1.5.0",
    access="PhysioNet, credentialed",
    records="chest films, 14 findings",
    rehearsable=True,
)
VERSION = 2
NEEDED, LABELLERS = ("metadata", "split"), ("negbio", "chexpert")
EXPECTED = {"images": 377_110, "patients": 65_379, "test images": 5_159, "test patients": 293}
SPLITS = ("train", "validate", "test")
PAPER_VIEWS = ("AP", "PA", "LATERAL", "LL")
TABLE = "mimic-cxr-2.0.0-{}.csv"  # in version 2.1.0 as well
EDITIONS = "MIMIC-CXR-JPG 2.0.0 and 2.1.0"
FILMS = "the films"
KEY = ["subject_id", "study_id"]
MAX_VIEW_LENGTH = 32  # characters


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """Find the release's tables, and MIMIC-IV's admissions and patients if they are under root."""
    if root is None:
        raise InputError(
            "mimic_cxr is not fetched: ROOT= must name the folder with "
            "mimic-cxr-2.0.0-metadata.csv(.gz) and files/; PhysioNet grants access at "
            "https://physionet.org/content/mimic-cxr-jpg (see docs/datasets.md)"
        )
    tables = {name: TABLE.format(name) for name in (*NEEDED, *LABELLERS)}
    files = release.find_tables(root, tables, NEEDED)
    for name in ("admissions", "patients"):
        files[name] = release.find_table(root, f"hosp/{name}.csv", required=False)
        if files[name] is None:
            files[name] = release.find_table(root, f"{name}.csv", required=False)
    return {name: path for name, path in files.items() if path is not None}


def read(
    files: dict[str, Path],
    root: Path,
    *,
    size: int = 64,
    rules: str = "default",
    labels: str = "negbio",
) -> Cohort:
    """Read the release.

    Inputs are uint8 (films, size, size, 1), still files; labels int64 (films, 14), of the labeller
    that the option `labels` names.
    """
    chest.check_options("mimic_cxr", size, rules)
    check_choice("mimic_cxr", "labels", labels, LABELLERS)
    if labels not in files:
        name = TABLE.format(labels)
        raise InputError(
            f"{root}: holds no {name} or {name}.gz, which option labels={labels} asks for; "
            "complete the release"
        )
    paper = rules == "paper"
    path = files["metadata"]
    table = _read_metadata(path)
    test = _read_test(files["split"], path, table)
    findings, uncertain, unlabelled = _read_findings(files[labels], table)
    subject = table["subject_id"]
    year = table["StudyDate"].str[:4].astype(int).to_numpy()
    sex, age, race, demographic_notes = read_demographics(files, subject, year, paper)
    view = table["ViewPosition"].where(table["ViewPosition"] != "")
    views = PAPER_VIEWS if paper else sorted(view.dropna().unique())
    records = chest.make_records(subject, race, sex, age, view, views, findings)

    counts = {
        "images": len(table),
        "patients": subject.nunique(),
        "test images": int(test.sum()),
        "test patients": subject[test].nunique(),
    }
    notes = [*count_notes(counts, EXPECTED), *demographic_notes]
    if unlabelled:
        notes.append(
            f"labels: {count_text(unlabelled)} records are of studies that {files[labels].name} "
            "does not have; all 14 are 0"
        )
    if paper:
        notes.append(
            "test: none; the records of the official test set are in the audit pool (rules=paper)"
        )
        test = np.zeros(len(table), bool)
    else:
        notes.append(
            f"test: {counts['test images']:,} records of {counts['test patients']:,} other "
            "patients (the official test set)"
        )
    notes += chest.record_notes(records[~test], int(uncertain[~test].sum()))
    paths = _film_paths(path.parent.relative_to(root), table)
    rows = table.index.to_numpy() + 2

    def make_cohort(chosen: np.ndarray, **more) -> Cohort:
        images = image_files(root, paths[chosen], path, rows[chosen], size, "L")
        return Cohort(
            name="mimic_cxr",
            records=records[chosen].reset_index(drop=True),
            inputs=require_images(images),
            labels=findings[chosen],
            task="multilabel",
            classes=chest.FINDINGS,
            attributes=chest.ATTRIBUTES,
            restricted=True,
            source="MIMIC-CXR-JPG, PhysioNet (doi:10.13026/8360-t248), with MIMIC-IV's "
            "admissions and patients, under the PhysioNet Credentialed Health Data Use Agreement "
            "1.5.0, not to be passed on; Johnson et al. 2019.",
            **more,
        )

    pool = make_cohort(~test, notes=tuple(notes))
    return replace(pool, test=make_cohort(test)) if test.any() else pool


def _read_metadata(path: Path) -> pd.DataFrame:
    """Read the table of films, every id and date checked."""
    columns = ("dicom_id", *KEY, "ViewPosition", "StudyDate")
    table = _read_ids(path, read_edition(path, columns, EDITIONS, key="dicom_id"))
    table["StudyDate"] = table["StudyDate"].str.strip().str.removesuffix(".0")
    table["ViewPosition"] = table["ViewPosition"].str.strip()
    refuse = functools.partial(tables.refuse_rows, path, table)
    named = table["dicom_id"].str.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}")
    refuse("dicom_id", ~named, "expected five groups of eight hexadecimal digits")
    dated = table["StudyDate"].str.fullmatch(r"[0-9]{8}")
    refuse("StudyDate", ~dated, "expected a date such as 21800506")
    overlong = table["ViewPosition"].str.len() > MAX_VIEW_LENGTH
    refuse("ViewPosition", overlong, "expected the short code of a view")
    return table


def _read_ids(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its ids cleaned."""
    table = table.assign(**{column: clean_numbers(path, table, column) for column in KEY})
    if "dicom_id" in table:
        table["dicom_id"] = table["dicom_id"].str.strip()
    return table


def _film_paths(home: Path, table: pd.DataFrame) -> np.ndarray:
    """Name each film's file, files/p10/p10000032/s50414267/<dicom_id>.jpg below `home`."""
    prefix = "".join(f"{name}/" for name in home.parts)
    subject = table["subject_id"]
    folder = f"{prefix}files/p" + subject.str[:2] + "/p" + subject + "/s" + table["study_id"]
    return (folder + "/" + table["dicom_id"] + ".jpg").to_numpy()


def _read_test(path: Path, metadata_path: Path, table: pd.DataFrame) -> np.ndarray:
    """Read which records are in the official test set, bool (records,).

    Refuses a record that has no row in the split table, or another study or patient there, and a
    patient who is both in the test set and outside it.
    """
    columns = ("dicom_id", *KEY, "split")
    split = _read_ids(path, read_edition(path, columns, EDITIONS, key="dicom_id"))
    require_matches(path, "dicom_id", split["dicom_id"], table["dicom_id"], FILMS, "film")
    codes = tables.read_codes(path, split, "split", SPLITS)
    row = pd.Index(split["dicom_id"]).get_indexer(table["dicom_id"])
    tables.refuse_rows(
        metadata_path, table, "dicom_id", row < 0, f"not in {path.name}; complete the release"
    )
    used = np.zeros(len(split), bool)
    used[row] = True
    for column in KEY:
        expected = np.full(len(split), "", dtype=object)
        expected[row] = table[column]
        tables.refuse_rows(
            path,
            split,
            column,
            used & (split[column].to_numpy() != expected),
            f"another {column} than in {metadata_path.name}",
        )
    held_out = codes == SPLITS.index("test")
    outside = split["subject_id"][~held_out]
    tables.refuse_rows(
        path,
        split,
        "subject_id",
        held_out & split["subject_id"].isin(outside).to_numpy(),
        "this patient is in the test set and outside it; expected each in one of the two",
    )
    return held_out[row]


def _read_findings(path: Path, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, int]:
    """Read the findings of each record's study.

    Returns labels int64 (records, 14), the number of uncertain labels of each record, and how many
    records have no labels.
    """
    columns = (*KEY, *chest.FINDINGS)
    studies = _read_ids(path, read_edition(path, columns, EDITIONS, key=tuple(KEY)))
    require_matches(path, "subject_id", studies["subject_id"], table["subject_id"], FILMS)
    values = chest.read_labels(path, studies)
    keys = pd.MultiIndex.from_frame(studies[KEY])
    row = keys.get_indexer(pd.MultiIndex.from_frame(table[KEY]))
    unlabelled = row < 0
    tables.refuse_rows(
        path,
        studies,
        "study_id",
        np.full(len(studies), unlabelled.all()),
        "no study here is in the metadata table; they are not of one release",
    )
    values = np.where(unlabelled[:, None], np.nan, values[row])
    labels = (np.nan_to_num(values) != 0).astype(np.int64)
    return labels, (values == -1).sum(axis=1), int(unlabelled.sum())
