"""MIMIC-CXR-JPG: 377,110 chest films of 65,379 patients of one hospital in Boston, with 14 findings read from reports.

Publisher: PhysioNet, doi:10.13026/8360-t248 (2.0.0). Access: credentialed users who have done the training and signed the PhysioNet
Credentialed Health Data Use Agreement 1.5.0; it may not be passed on. Papers: Johnson et al. 2019, arXiv:1901.07042; Goldberger et al.,
Circulation 2000. Race, sex and age come from two tables of MIMIC-IV (doi:10.13026/kpb9-mt58), hosp/admissions and hosp/patients, which need
an agreement of their own and lie under ROOT too; without them those attributes are missing.

The unit is the patient, `subject_id`. The 14 findings are one multilabel task, by the NegBio labeller as in the reference, or by the
CheXpert labeller with `labels="chexpert"`: 1 is positive, -1 (uncertain) is taken as positive (U-Ones), 0 and empty are negative; a study
without labels has 14 zeros, and is counted. Age is anchor_age + year of the study - anchor_year; 91 stands for all above 89 in
anchor_age. Films are resized as a whole (aspect ratio not kept).

Where the default differs from the reference:
- Split: the official test patients are the held-out test set, the official training and validation patients the audit pool. The
  reference ignores the split, audits all and tests on CheXpert's films.
- Race: a patient's admissions may say several things. The reference makes two different strings Unknown, "WHITE" and "WHITE - RUSSIAN"
  included (W-D7). Here each string is put in its group first, what is unknown or refused does not count, and only a patient with several
  groups is missing. Known others are groups of their own (Hispanic, Other); the reference's test leaves them out.
- Records with none of the 14, "No Finding" included, keep 14 zeros, in training as in the attack (W-A4: the reference attacks them as
  "No Finding"). Missing sex stays missing (the reference: 0). Every view that the release names is a group.
- Nothing chooses a checkpoint on the test set (W-T1): it is only reported.
`rules="paper"`: all records in the pool, no test set, race by the reference's rule and only of Black, White and Asian, view only of AP, PA,
LATERAL and LL, all else being missing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.cohort import Cohort
from rollcall.data.decode import require_files
from rollcall.datasets.parts import chest
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import count_notes, count_text
from rollcall.datasets.parts.demographics import race_group
from rollcall.datasets.parts.images import image_files
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="mimic_cxr",
    title="MIMIC-CXR-JPG",
    licence="Credentialed Health Data Use Agreement 1.5.0",
    access="PhysioNet, credentialed",
    records="chest films, 14 findings",
    rehearsable=True,
)
VERSION = 1
LABELLERS = ("negbio", "chexpert")
EXPECTED = {"images": 377_110, "patients": 65_379, "test images": 5_159, "test patients": 293}
SPLITS = ("train", "validate", "test")
PAPER_VIEWS = ("AP", "PA", "LATERAL", "LL")
TABLE = "mimic-cxr-2.0.0-{}.csv"
KEY = ["subject_id", "study_id"]


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """The release's metadata, split and label tables, and MIMIC-IV's admissions and patients where they are under root."""
    if root is None:
        raise InputError(
            "mimic_cxr is not fetched: ROOT= must name the folder with mimic-cxr-2.0.0-metadata.csv(.gz) and files/; PhysioNet grants "
            "access at https://physionet.org/content/mimic-cxr-jpg (see data/README.md)"
        )
    files = {
        "metadata": release.find_table(root, TABLE.format("metadata")),
        "split": release.find_table(root, TABLE.format("split")),
    }
    files |= {
        labeller: release.find_table(root, TABLE.format(labeller), required=False)
        for labeller in LABELLERS
    }
    for name in ("admissions", "patients"):
        files[name] = release.find_table(
            root, f"hosp/{name}.csv", required=False
        ) or release.find_table(root, f"{name}.csv", required=False)
    return {name: path for name, path in files.items() if path is not None}


def read(
    files: dict[str, Path],
    root: Path,
    *,
    size: int = 64,
    rules: str = "default",
    labels: str = "negbio",
) -> Cohort:
    """Read the release. Inputs uint8 (films, size, size, 1), still files; targets int64 (films, 14)."""
    chest.check_options("mimic_cxr", size, rules)
    if labels not in LABELLERS:
        raise InputError(
            f"option labels of cohort 'mimic_cxr' is {labels!r}; expected one of {', '.join(map(repr, LABELLERS))}"
        )
    if labels not in files:
        raise InputError(
            f"{root}: holds no {TABLE.format(labels)} or {TABLE.format(labels)}.gz, which option labels={labels} asks for; complete the release"
        )
    paper = rules == "paper"
    path = files["metadata"]
    table = tables.read_table(path, ("dicom_id", *KEY, "ViewPosition", "StudyDate"), key="dicom_id")
    for column in KEY:
        tables.read_ids(path, table, column)
    named = table["dicom_id"].str.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}")
    tables.refuse_rows(
        path, table, "dicom_id", ~named, "expected five groups of eight hexadecimal digits"
    )
    tables.refuse_rows(
        path,
        table,
        "StudyDate",
        ~table["StudyDate"].str.fullmatch(r"[0-9]{8}"),
        "expected a date such as 21800506",
    )
    tables.refuse_rows(
        path,
        table,
        "ViewPosition",
        table["ViewPosition"].str.len() > 32,
        "expected the short code of a view",
    )
    test = _test(files["split"], path, table)
    targets, uncertain, unlabelled = _targets(files[labels], table)
    sex, age, race, notes = _demographics(files, table, paper)
    view = table["ViewPosition"].where(table["ViewPosition"] != "")
    records = chest.make_records(
        table["subject_id"],
        race,
        sex,
        age,
        view,
        PAPER_VIEWS if paper else sorted(view.dropna().unique()),
        targets,
    )
    subject, study = table["subject_id"], table["study_id"]
    home = "".join(f"{part}/" for part in path.parent.relative_to(root).parts)
    paths = (
        f"{home}files/p"
        + subject.str[:2]
        + "/p"
        + subject
        + "/s"
        + study
        + "/"
        + table["dicom_id"]
        + ".jpg"
    ).to_numpy()
    rows = table.index.to_numpy() + 2

    found = {
        "images": len(table),
        "patients": subject.nunique(),
        "test images": int(test.sum()),
        "test patients": subject[test].nunique(),
    }
    notes = [*count_notes(found, EXPECTED), *notes]
    if unlabelled:
        notes.append(
            f"labels: {count_text(unlabelled)} records are of studies that {files[labels].name} does not have; all 14 are 0"
        )
    if paper:
        notes.append(
            "test: none; the records of the official test set are in the audit pool (rules=paper)"
        )
        test = np.zeros(len(table), bool)
    else:
        notes.append(
            f"test: {found['test images']:,} records of {found['test patients']:,} other patients (the official test set)"
        )
    common = dict(
        name="mimic_cxr",
        task="multilabel",
        classes=chest.FINDINGS,
        attributes=chest.ATTRIBUTES,
        restricted=True,
        source="MIMIC-CXR-JPG, PhysioNet (doi:10.13026/8360-t248), with MIMIC-IV's admissions and patients, under the PhysioNet Credentialed "
        "Health Data Use Agreement 1.5.0, not to be passed on; Johnson et al. 2019.",
    )

    def part(chosen: np.ndarray) -> dict:
        return {
            "records": records[chosen].reset_index(drop=True),
            "labels": targets[chosen],
            "inputs": require_files(
                image_files(root, paths[chosen], path, rows[chosen], size, "L")
            ),
        }

    pool = part(~test)
    notes += chest.record_notes(pool["records"], int(uncertain[~test].sum()))
    return Cohort(
        **common,
        **pool,
        notes=tuple(notes),
        test=Cohort(**common, **part(test)) if test.any() else None,
    )


def _test(path: Path, metadata_path: Path, table: pd.DataFrame) -> np.ndarray:
    """bool (records,): in the official test set. Every record has a row there, of the same study and patient, and no patient test_shares_patients."""
    split = tables.read_table(path, ("dicom_id", *KEY, "split"), key="dicom_id")
    codes = tables.read_codes(path, split, "split", SPLITS)
    place = pd.Index(split["dicom_id"]).get_indexer(table["dicom_id"])
    tables.refuse_rows(
        metadata_path, table, "dicom_id", place < 0, f"not in {path.name}; complete the release"
    )
    used = np.zeros(len(split), bool)
    used[place] = True
    for column in KEY:
        other = np.full(len(split), "", dtype=object)
        other[place] = table[column]
        tables.refuse_rows(
            path,
            split,
            column,
            used & (split[column].to_numpy() != other),
            f"another {column} than in {metadata_path.name}",
        )
    held_out = codes == SPLITS.index("test")
    straddling = held_out & split["subject_id"].isin(split["subject_id"][~held_out]).to_numpy()
    tables.refuse_rows(
        path,
        split,
        "subject_id",
        straddling,
        "this patient is in the test set and outside it; expected each in one of the two",
    )
    return held_out[place]


def _targets(path: Path, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, int]:
    """(records, 14) int64, the number of uncertain labels of each record, and how many records have no labels."""
    studies = tables.read_table(path, (*KEY, *chest.FINDINGS), key=tuple(KEY))
    values = chest.read_labels(path, studies)
    place = pd.MultiIndex.from_frame(studies[KEY]).get_indexer(pd.MultiIndex.from_frame(table[KEY]))
    tables.refuse_rows(
        path,
        studies,
        "study_id",
        np.full(len(studies), (place < 0).all()),
        "no study here is in the metadata table; they are not of one release",
    )
    values = np.where((place < 0)[:, None], np.nan, values[place])
    return (
        (np.nan_to_num(values) != 0).astype(np.int64),
        (values == -1).sum(axis=1),
        int((place < 0).sum()),
    )


def _demographics(
    files: dict[str, Path], table: pd.DataFrame, paper: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """sex, age and race of each record, missing where MIMIC-IV's tables are or do not have the patient; notes on what is not there."""
    needed = {"admissions": "race", "patients": "sex and age"}
    notes = [
        f"{what}: MIMIC-IV's hosp/{name}.csv is not under ROOT"
        for name, what in needed.items()
        if name not in files
    ]
    sex, age, race = (
        np.full(len(table), None, object),
        np.full(len(table), np.nan),
        np.full(len(table), np.nan, object),
    )
    if "patients" in files:
        path = files["patients"]
        patients = tables.read_table(
            path, ("subject_id", "gender", "anchor_age", "anchor_year"), key="subject_id"
        )
        names = np.array(["Female", "Male", None])[
            np.append(tables.read_codes(path, patients, "gender", ("F", "M")), -1)
        ]
        born = tables.read_numbers(
            path, patients, "anchor_year", low=1800, high=2400
        ) - tables.read_numbers(path, patients, "anchor_age", low=0, high=150)
        place = pd.Index(patients["subject_id"]).get_indexer(table["subject_id"])
        sex = names[place]
        age = table["StudyDate"].str[:4].astype(int).to_numpy() - np.append(born, np.nan)[place]
        if (age < 0).any():
            notes.append(
                f"age: {count_text((age < 0).sum())} records are dated before birth; taken as missing"
            )
            age[age < 0] = np.nan
    if "admissions" in files:
        admissions = tables.read_table(files["admissions"], ("subject_id", "race"))
        admissions = admissions[admissions["subject_id"].isin(table["subject_id"])]
        groups, several = races(admissions["subject_id"], admissions["race"], paper)
        race = groups.reindex(table["subject_id"]).to_numpy()
        if several:
            notes.append(
                f"race: {count_text(several)} patients whose admissions name more than one; taken as missing"
            )
    return sex, age, race, notes


def races(subject: pd.Series, race: pd.Series, paper: bool) -> tuple[pd.Series, int]:
    """(group by subject, number of subjects with several) from one row per admission; NaN is missing.

    Default: each string to its group, unknown ones aside, then missing if the groups differ. paper: missing if the strings differ.
    """
    kept = race if paper else race_group(race, paper=False)
    pairs = (
        pd.DataFrame({"subject": subject.to_numpy(), "race": kept.to_numpy()})
        .dropna()
        .drop_duplicates()
    )
    several = pairs["subject"].duplicated(keep=False)
    single = pairs[~several].set_index("subject")["race"]
    return race_group(single, paper=True) if paper else single, int(
        pairs["subject"][several].nunique()
    )
