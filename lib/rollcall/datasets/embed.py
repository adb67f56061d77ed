"""EMBED: 480,323 mammograms of 23,253 patients in the open release (20% of 110,000 patients), with breast density and race.

Publisher: Emory University, HITI lab, on the AWS Open Data registry. Access: free, after Emory's EMBED research use agreement (a form);
it may not be passed on. Paper: Jeong et al., Radiology: Artificial Intelligence 2023, 5(1):e220047, doi:10.1148/ryai.220047.

The unit is the patient (`empi_anon`), the record one image, the target breast density A to D (BI-RADS, `tissueden` 1 to 4). Kept, in this
order: exams whose `desc` has "screen" in it; images of those exams, once each (`anon_dicom_path`); views MLO and CC, 2D and synthetic
C-view; no density 5 (male), no male patient, no missing density. Held out: 500 patients drawn at random from a fixed seed, or one fifth
where there are fewer than 2,500. Attributes: race, image type, view, density, assessment, age in bands.

Images: DICOM, windowed and turned as `rollcall.datasets.parts.dicom` says, or PNGs <empi_anon>/<name of the DICOM file>.png made from them by someone
else, taken as they are (option `pictures`: "dicom", "png", or "auto": the one that is there). `anon_dicom_path` begins with a folder of the
publisher's site: what counts is what follows its last "images/", or else all from "cohort_" on, below ROOT/images (or ROOT, if that has
no folder images). A cohort_ folder that is not there at all was not downloaded: its images are left out, and a note says how many.

Where the default differs from the reference:
- Records without race are kept with race missing; the reference drops them. They can leak like any other.
- Race: the reference has Black, White, Asian and one group of all others, which its test leaves out. Here several races, Native American
  and Pacific Islander are "Other"; unknown, not recorded and declined stay missing.
- The tables meet on patient and exam. The clinical table has a row per finding, and the reference keeps whichever comes first, be it of
  the other breast. Here an image gets the assessment of its own side (`side` L or R; B or empty is both), the most serious of several:
  6 known malignancy, 5, 4, 0 (incomplete: more imaging is needed), 3, 2, 1. Density, race and age are the exam's: the first one given.
- Nothing chooses a checkpoint on the test set (W-T1, W-T2): it is only reported.
`rules="paper"` drops records without race, keeps the first row of each exam, and tests race on Black, White and Asian alone. Assessment X
is missing in both.
"""

from __future__ import annotations

import functools
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
    check_size,
    count_text,
    missing_notes,
)
from rollcall.datasets.parts.demographics import EMORY, age_bands, race_group
from rollcall.datasets.parts.dicom import FIRST_NUMBER, decode_mammogram
from rollcall.datasets.parts.images import decode_image
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="embed",
    title="EMBED, the open release",
    licence="research use agreement",
    access="Emory, agreement",
    records="mammograms, breast density",
    rehearsable=True,
)
VERSION = 1
EXPECTED = {
    "clinical rows": 81_776,
    "clinical patients": 23_253,
    "clinical exams": 72_770,
    "metadata rows": 480_323,
}
EXPECTED_PAPER = {
    "images": 360_159,
    "patients": 19_429,
    "exams": 53_817,
    "density A": 41_899,
    "density B": 153_523,
    "density C": 146_108,
    "density D": 18_629,
}
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
HEADER = (
    "WindowCenter",
    "WindowWidth",
    "PatientOrientation",
    "FieldOfViewHorizontalFlip",
)  # in the full metadata table only
ASSESSMENTS = {
    "A": "0 additional evaluation",
    "N": "1 negative",
    "B": "2 benign",
    "P": "3 probably benign",
    "S": "4 suspicious",
    "M": "5 highly suggestive of malignancy",
    "K": "6 known malignancy",
}
SERIOUS = "NBPASMK"  # from the least to the most
DENSITIES = ("A", "B", "C", "D")
ATTRIBUTES = ("race", "image type", "view", "density", "assessment", "age")
TEST_PATIENTS, SMALL, SEED = 500, 2_500, 420
LOOK = 100  # records whose files are looked for to tell DICOM from PNG


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """The clinical and the metadata table, in ROOT/tables or ROOT, whole or reduced, csv or csv.gz."""
    if root is None:
        raise InputError(
            "embed is not fetched: ROOT= must name the folder that holds its tables/ and images/; Emory grants access at "
            "https://registry.opendata.aws/emory-breast-imaging-dataset-embed (see data/README.md)"
        )
    return {
        "clinical": _table(root, "clinical", ("_reduced", "")),
        "metadata": _table(root, "metadata", ("", "_reduced")),
    }


def _table(root: Path, kind: str, endings) -> Path:
    names = [
        f"{place}EMBED_OpenData_{kind}{ending}.csv{zipped}"
        for ending in endings
        for place in ("tables/", "")
        for zipped in ("", ".gz")
    ]
    if not any((root / name).is_file() for name in names):
        raise InputError(
            f"{root}: holds no EMBED_OpenData_{kind}.csv and no EMBED_OpenData_{kind}_reduced.csv, in tables/ or at the top; "
            "ROOT must name the folder of the release (see data/README.md)"
        )
    return release.find_file(root, *names)


def read(
    files: dict[str, Path],
    root: Path,
    *,
    size: int = 64,
    rules: str = "default",
    pictures: str = "auto",
) -> Cohort:
    """Read the release. Inputs uint8 (images, size, 3/4 size, 1), still files; targets int64 (images,), density A to D."""
    check_size("embed", size, smallest=16, multiple=4)
    check_choice("embed", "rules", rules, RULES)
    check_choice("embed", "pictures", pictures, ("auto", "dicom", "png"))
    paper, notes = rules == "paper", []
    exams, findings, found = _exams(files["clinical"], paper, notes)
    images = _images(files["metadata"])
    found["metadata rows"] = len(images)
    images = images.drop_duplicates("file")
    _note(
        notes,
        found["metadata rows"] - len(images),
        "metadata rows dropped: the same anon_dicom_path again",
    )
    table = images.merge(exams, on="exam", how="inner").set_index("row")
    _note(
        notes,
        len(images) - len(table),
        "images dropped: not of a screening exam in the clinical table",
    )
    for why, dropped in (
        ("race missing", lambda: paper & (table["RACE_DESC"] == "")),
        ("view other than MLO and CC", lambda: ~table["ViewPosition"].isin(["MLO", "CC"])),
        ("density 5, male", lambda: table["tissueden"] == 5),
        (
            "male",
            lambda: (
                table["GENDER_DESC"].str.casefold().isin(["male", "m"])
                | (table["PatientSex"] == "M")
            ),
        ),
        ("density missing", lambda: table["tissueden"].isna()),
    ):
        out = np.broadcast_to(dropped(), len(table))
        _note(notes, int(out.sum()), f"images dropped: {why}")
        table = table[~out]
    if not len(table):
        raise InputError(f"{files['metadata']}: no image is left ({'; '.join(notes)})"[:600])
    table, inputs = _inputs(files["metadata"], table, root, size, pictures, notes)
    records = _records(table, findings, paper)
    targets = table["tissueden"].to_numpy(dtype=np.int64) - 1
    found |= {
        "images": len(table),
        "patients": records["patient_id"].nunique(),
        "exams": table["exam"].nunique(),
    }
    found |= {
        f"density {name}": int((targets == place).sum()) for place, name in enumerate(DENSITIES)
    }
    notes = [
        f"{name}: {found[name]:,} found, {count:,} {whose}"
        for whose, counts in (
            ("in the publisher's release", EXPECTED),
            ("in the reference after cleaning", EXPECTED_PAPER if paper else {}),
        )
        for name, count in counts.items()
        if found[name] != count
    ] + notes
    notes += missing_notes(records, ATTRIBUTES)

    patients = np.unique(records["patient_id"].to_numpy(dtype=str))
    held = TEST_PATIENTS if len(patients) >= SMALL else len(patients) // 5
    test = (
        records["patient_id"]
        .isin(np.random.default_rng(SEED).choice(patients, held, replace=False))
        .to_numpy()
    )
    notes.append(f"test set: {test.sum():,} records of {held:,} patients")

    def part(keep: np.ndarray, **more) -> Cohort:
        some = replace(
            inputs,
            paths=inputs.paths[keep],
            rows=inputs.rows[keep],
            arguments=tuple(column[keep] for column in inputs.arguments),
        )
        return Cohort(
            "embed",
            records[keep].reset_index(drop=True),
            some,
            targets[keep],
            "multiclass",
            DENSITIES,
            ATTRIBUTES,
            restricted=True,
            source="Emory Breast Imaging Dataset (EMBED) open data release, Emory University, under its research use agreement; "
            "Jeong et al. 2023 (doi:10.1148/ryai.220047).",
            **more,
        )

    return part(~test, notes=tuple(notes), test=part(test) if held else None)


def _exams(
    path: Path, paper: bool, notes: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """(a row per screening exam: density, gender, race, age; a row per finding of them: exam, side, asses; counts of the whole table)."""
    table = tables.read_table(path, CLINICAL)
    _exam_key(path, table)
    found = {
        "clinical rows": len(table),
        "clinical patients": table["empi_anon"].nunique(),
        "clinical exams": table["exam"].nunique(),
    }
    table = table[table["desc"].str.contains("screen", case=False)].copy()
    if not len(table):
        raise InputError(
            f"{path}: no exam whose 'desc' has 'screen' in it; expected screening exams"
        )
    tables.read_codes(path, table, "asses", (*ASSESSMENTS, "X", ""))
    tables.read_codes(path, table, "side", ("L", "R", "B", ""))
    table["tissueden"] = _kept(path, table, "tissueden", 1, 5)
    table["age_at_study"] = _kept(path, table, "age_at_study", 0, 130)
    tables.refuse_rows(
        path,
        table,
        "tissueden",
        table["tissueden"] % 1 > 0,
        "expected a whole number from 1 to 5 or nothing",
    )
    exam = ["tissueden", "age_at_study", "GENDER_DESC", "RACE_DESC"]
    if paper:
        first = table.drop_duplicates("exam")
        return first[["exam", *exam, "asses"]], table[["exam", "side", "asses"]], found
    several = int((table.groupby("exam")["tissueden"].nunique() > 1).sum())
    _note(notes, several, "exams have several densities; the first one counts")
    text = ["GENDER_DESC", "RACE_DESC"]
    known = table.assign(
        **{column: table[column].where(table[column].str.strip() != "") for column in text}
    )
    exams = (
        known.groupby("exam", sort=False)[exam].first().reset_index()
    )  # of each column the first that is not missing
    return (
        exams.assign(**{column: exams[column].fillna("") for column in text}),
        table[["exam", "side", "asses"]],
        found,
    )


def _images(path: Path) -> pd.DataFrame:
    """The metadata table with the columns exam, file (below images/) and row (its place in the table)."""
    table = tables.read_table(path, METADATA, optional=(*HEADER, "PatientSex"))
    _exam_key(path, table)
    tables.read_codes(path, table, "ImageLateralityFinal", ("L", "R", "B", ""))
    text = table["anon_dicom_path"]
    below = text.str.extract(r"^(?:.*/)?images/(.*)$", expand=False)
    table["file"] = below.fillna(text.str.extract(r"(?:^|/)(cohort_[0-9]+/.*)$", expand=False))
    tables.refuse_rows(
        path,
        table,
        "anon_dicom_path",
        table["file"].isna() | ~text.str.endswith(".dcm"),
        "expected a path with images/ or cohort_<number>/ in it that ends in .dcm",
    )
    tables.refuse_rows(
        path,
        table,
        "anon_dicom_path",
        table["file"].str.contains(r"(?:^|/)\.\.(?:/|$)|\\|\x00|^/"),
        "leads out of the release",
    )
    again = table[table.duplicated("file", keep=False)]
    tables.refuse_rows(
        path,
        again,
        "anon_dicom_path",
        again.groupby("file")["empi_anon"].transform("nunique") > 1,
        "this image stands under two patients",
    )
    for column in (*HEADER, "PatientSex"):
        if column not in table:
            table[column] = ""
    for column in ("WindowCenter", "WindowWidth"):
        number = pd.to_numeric(
            table[column].str.extract(FIRST_NUMBER, expand=False), errors="coerce"
        )
        bad = number.isna() | ((number <= 0) if column == "WindowWidth" else False)
        wanted = (
            "expected a number"
            + (" above 0" if column == "WindowWidth" else "")
            + ", several, or nothing"
        )
        tables.refuse_rows(path, table, column, bad & (table[column] != ""), wanted)
    half = (table["WindowWidth"] == "") != (table["WindowCenter"] == "")
    tables.refuse_rows(
        path, table, "WindowWidth", half, "expected both WindowCenter and WindowWidth, or neither"
    )
    return table.assign(row=table.index)


def _exam_key(path: Path, table: pd.DataFrame) -> None:
    """Patient and exam as digits (a table saved with them as floats ends in .0), and both in one column `exam`."""
    for column in ("empi_anon", "acc_anon"):
        table[column] = table[column].str.removesuffix(".0")
        tables.read_ids(path, table, column)
    table["exam"] = table["empi_anon"] + " " + table["acc_anon"]


def _kept(path: Path, table: pd.DataFrame, column: str, low: float, high: float) -> np.ndarray:
    return tables.read_numbers(path, table, column, missing=True, low=low, high=high)


def _inputs(
    path: Path, table: pd.DataFrame, root: Path, size: int, pictures: str, notes: list[str]
) -> tuple[pd.DataFrame, FileInputs]:
    """The images as files, and the rows of the table that they belong to: those of a cohort_ folder that is not there are dropped."""
    base = "images/" if (root / "images").is_dir() else ""
    dicom = (base + table["file"]).to_numpy(dtype=object)
    png = (
        base
        + table["empi_anon"]
        + "/"
        + table["file"].str.extract(r"([^/]*)\.dcm$", expand=False)
        + ".png"
    ).to_numpy(dtype=object)
    if pictures == "auto":
        there = [sum((root / name).is_file() for name in names[:LOOK]) for names in (dicom, png)]
        pictures = (
            "png" if there[1] > there[0] or (not there[0] and not _cohorts(root, base)) else "dicom"
        )
    shape, rows = (size, size * 3 // 4, 1), table.index.to_numpy() + 2
    if pictures == "png":
        decode = functools.partial(decode_image, height=shape[0], width=shape[1], mode="L")
        return table, require_files(FileInputs(root, png, decode, shape, "uint8", path, rows))
    folder = table["file"].str.extract(r"^(cohort_[0-9]+)/", expand=False)
    gone = ~folder.isin(_cohorts(root, base)).to_numpy() & folder.notna().to_numpy()
    if gone.any() and not gone.all():
        for name, count in folder[gone].value_counts(sort=False).items():
            notes.append(f"{count:,} images dropped: the folder {name} is not there")
        table, dicom, rows = table[~gone], dicom[~gone], rows[~gone]
    arguments = tuple(
        table[column].to_numpy(dtype=object)
        for column in ("ImageLateralityFinal", "ViewPosition", *HEADER)
    )
    return table, require_files(
        FileInputs(
            root,
            dicom,
            functools.partial(decode_mammogram, height=shape[0], width=shape[1]),
            shape,
            "uint8",
            path,
            rows,
            arguments,
        )
    )


def _cohorts(root: Path, base: str) -> list[str]:
    return [place.name for place in (root / base).glob("cohort_*") if place.is_dir()]


def _records(table: pd.DataFrame, findings: pd.DataFrame, paper: bool) -> pd.DataFrame:
    """The records' table, a row per image."""
    density = pd.Categorical.from_codes(
        table["tissueden"].astype(int).to_numpy() - 1, DENSITIES, ordered=True
    )
    asses = table["asses"].to_numpy() if paper else _of_side(table, findings)
    return pd.DataFrame(
        {
            "patient_id": table["empi_anon"].to_numpy(dtype=object),
            "label": density,
            "race": pd.Categorical(
                race_group(table["RACE_DESC"], paper, EMORY), ("Asian", "Black", "Other", "White")
            ),
            "image type": table["FinalImageType"]
            .where(table["FinalImageType"] != "")
            .astype("category")
            .array,
            "view": pd.Categorical(table["ViewPosition"], ("CC", "MLO")),
            "density": density,
            "assessment": pd.Categorical(
                pd.Series(asses).map(ASSESSMENTS), list(ASSESSMENTS.values()), ordered=True
            ),
            "age": age_bands(table["age_at_study"]),
        }
    )


def _of_side(table: pd.DataFrame, findings: pd.DataFrame) -> np.ndarray:
    """(images,) the most serious assessment letter among the exam's findings on the image's side, both sides or no side; else ""."""
    letters = np.array([*SERIOUS, ""])
    rank = (
        findings["asses"]
        .map({letter: place for place, letter in enumerate(SERIOUS)})
        .fillna(-1)
        .astype(int)
    )
    result = np.full(len(table), -1)
    for side in ("L", "R", "B", ""):
        concerned = findings["side"].isin([side, "B", ""])
        worst = rank[concerned].groupby(findings["exam"][concerned]).max()
        here = (table["ImageLateralityFinal"] == side).to_numpy()
        result[here] = worst.reindex(table["exam"][here]).fillna(-1).astype(int)
    return letters[result]


def _note(notes: list[str], count: int, what: str) -> None:
    if count:
        notes.append(f"{count_text(count)} {what}")
