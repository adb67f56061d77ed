"""Read EMBED: 480,323 mammograms of 23,253 patients, with breast density and race.

That is the open release, 20% of 110,000 patients.

Publisher: Emory University, HITI lab, on the AWS Open Data registry. Access: free, after Emory's
EMBED research use agreement (a form); it may not be passed on. Paper: Jeong et al., Radiology:
Artificial Intelligence 2023, 5(1):e220047, doi:10.1148/ryai.220047.

The unit is the patient (`empi_anon`), the record one image, the label breast density A to D
(BI-RADS, `tissueden` 1 to 4). Kept, in this order: exams whose `desc` has "screen" in it; images of
those exams, once each (`anon_dicom_path`); views MLO and CC, 2D and synthetic C-view; no density 5
(male), no male patient, no missing density. Held out: 500 patients drawn at random from a fixed
seed, or one fifth where there are fewer than 2,500. Attributes: race, image type, view, density,
assessment, age in bands.

Images: DICOM, windowed and turned as `rollcall.datasets.parts.dicom` says, or PNGs that someone
made from them, <empi_anon>/<name of the DICOM file>.png or in the DICOM file's place (option
`pictures`: "dicom", "png", or "auto": the one that is there). PNGs are taken as they are; those of
16 bits are scaled from their own range. `anon_dicom_path` begins with a
folder of the publisher's site: what counts is what follows its last "images/", or else all from
"cohort_" on, below ROOT/images (or ROOT, if that has no folder images). A cohort_ folder that is
not there at all was not downloaded: its images are left out, and a note says how many.

Where the default differs from the reference (see docs/deviations.md):
- Records without race are kept with race missing; the reference drops them. They can leak like any
  other.
- Race: the reference has Black, White, Asian and one group of all others, which its test leaves
  out. Here several races, Native American and Pacific Islander are "Other"; unknown, not recorded
  and declined stay missing.
- The tables meet on patient and exam. The clinical table has a row per finding, and the reference
  keeps whichever comes first, be it of the other breast. Here an image gets the assessment of its
  own side (`side` L or R; B or empty is both), the most serious of several: 6 known malignancy, 5,
  4, 0 (incomplete: more imaging is needed), 3, 2, 1. Density, race and age are the exam's: the
  first one given.
- Nothing chooses a checkpoint on the test set: it is only reported.
`rules="paper"` drops records without race, keeps the first row of each exam, and tests race on
Black, White and Asian alone. Assessment X is missing in both.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release
from rollcall.data.cohort import Cohort
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import (
    RULES,
    check_choice,
    check_size,
    count_notes,
    missing_notes,
)
from rollcall.datasets.parts.demographics import EMORY, age_bands, race_group
from rollcall.datasets.parts.joins import require_matches
from rollcall.datasets.release_tables.embed import (
    ASSESSMENTS,
    count_note,
    read_exams,
    read_images,
    worst_assessments,
)
from rollcall.datasets.release_tables.embed_files import find_files
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="embed",
    title="EMBED, the open release",
    licence="research use agreement",
    access="Emory, agreement",
    records="mammograms, breast density",
    rehearsable=True,
)
VERSION = 2
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
DENSITIES = ("A", "B", "C", "D")
RACES = ("Asian", "Black", "Other", "White")
ATTRIBUTES = ("race", "image type", "view", "density", "assessment", "age")
FILE_TYPES = ("auto", "dicom", "png")
TEST_PATIENTS, SPLIT_SEED = 500, 420
MIN_PATIENTS_FOR_FULL_TEST = 2_500  # with fewer, one fifth are held out
MAX_MESSAGE = 600  # characters


ENDINGS = {"clinical": ("_reduced", ""), "metadata": ("", "_reduced")}  # in order of preference


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """Find the clinical and the metadata table.

    They are in ROOT/tables or ROOT, whole or reduced, csv or csv.gz.
    """
    if root is None:
        raise InputError(
            "embed is not fetched: ROOT= must name the folder that holds its tables/ and images/ "
            "(see docs/datasets.md); Emory grants access at "
            "https://registry.opendata.aws/emory-breast-imaging-dataset-embed"
        )
    names = {kind: _name_tables(kind, endings) for kind, endings in ENDINGS.items()}
    missing = [
        f"no EMBED_OpenData_{kind}.csv and no EMBED_OpenData_{kind}_reduced.csv"
        for kind, some in names.items()
        if not any((root / name).is_file() for name in some)
    ]
    if missing:
        raise InputError(
            f"{root}: holds {', '.join(missing)}, in tables/ or at the top; ROOT must name the "
            "folder of the release (see docs/datasets.md)"
        )
    return {kind: release.find_file(root, *some) for kind, some in names.items()}


def _name_tables(kind: str, endings: tuple[str, ...]) -> list[str]:
    return [
        f"{folder}EMBED_OpenData_{kind}{ending}.csv{suffix}"
        for ending in endings
        for folder in ("tables/", "")
        for suffix in ("", ".gz")
    ]


def read(
    files: dict[str, Path],
    root: Path,
    *,
    size: int = 64,
    rules: str = "default",
    pictures: str = "auto",
) -> Cohort:
    """Read the release.

    Inputs are uint8 (images, size, 3/4 size, 1), still files; labels int64 (images,), density A to
    D.
    """
    check_size("embed", size, smallest=16, multiple=4)
    check_choice("embed", "rules", rules, RULES)
    check_choice("embed", "pictures", pictures, FILE_TYPES)
    paper = rules == "paper"
    clinical = read_exams(files["clinical"], paper)
    metadata = read_images(files["metadata"])
    few = require_matches(
        files["metadata"],
        "empi_anon",
        metadata["empi_anon"],
        clinical.exams["exam"].str.partition(" ")[0],
        "the clinical table",
    )
    images, notes = _select_images(metadata, clinical.exams, paper)
    notes = few + clinical.notes + notes
    if not len(images):
        raise InputError(
            f"{files['metadata']}: no image is left ({'; '.join(notes)})"[:MAX_MESSAGE]
        )
    images, inputs, folder_notes = find_files(files["metadata"], images, root, size, pictures)
    assessments = images["asses"] if paper else worst_assessments(images, clinical.findings)
    records = _make_records(images, np.asarray(assessments), paper)
    labels = images["tissueden"].to_numpy(dtype=np.int64) - 1
    counts = clinical.counts | {
        "metadata rows": len(metadata),
        "images": len(images),
        "patients": records["patient_id"].nunique(),
        "exams": images["exam"].nunique(),
    }
    for code, density in enumerate(DENSITIES):
        counts[f"density {density}"] = int((labels == code).sum())
    patients = np.unique(records["patient_id"].to_numpy(dtype=str))
    held_out = _draw_test_patients(patients)
    test = records["patient_id"].isin(held_out).to_numpy()
    notes = [
        *count_notes(counts, EXPECTED),
        *count_notes(counts, EXPECTED_PAPER if paper else {}, "in the reference after cleaning"),
        *notes,
        *folder_notes,
        *missing_notes(records, ATTRIBUTES),
        f"test set: {test.sum():,} records of {len(held_out):,} patients",
    ]

    def make_cohort(chosen: np.ndarray, **more) -> Cohort:
        return Cohort(
            name="embed",
            records=records[chosen].reset_index(drop=True),
            inputs=inputs.take(chosen),
            labels=labels[chosen],
            task="multiclass",
            classes=DENSITIES,
            attributes=ATTRIBUTES,
            restricted=True,
            source="Emory Breast Imaging Dataset (EMBED) open data release, Emory University, "
            "under its research use agreement; Jeong et al. 2023 (doi:10.1148/ryai.220047).",
            **more,
        )

    held_out_cohort = make_cohort(test) if len(held_out) else None
    return make_cohort(~test, notes=tuple(notes), test=held_out_cohort)


def _select_images(
    metadata: pd.DataFrame, exams: pd.DataFrame, paper: bool
) -> tuple[pd.DataFrame, list[str]]:
    """Join the images with their exams and drop those that the dataset leaves out.

    Returns a row per image, its index the row in the metadata table, and notes on what is dropped.
    """
    images = metadata.drop_duplicates("file")
    notes = count_note(
        len(metadata) - len(images), "metadata rows dropped: the same anon_dicom_path again"
    )
    joined = images.merge(exams, on="exam", how="inner").set_index("row")
    notes += count_note(
        len(images) - len(joined),
        "images dropped: not of a screening exam in the clinical table",
    )
    gender = joined["GENDER_DESC"].str.casefold()
    reasons = {"race missing": joined["RACE_DESC"] == ""} if paper else {}
    reasons |= {
        "view other than MLO and CC": ~joined["ViewPosition"].isin(["MLO", "CC"]),
        "density 5, male": joined["tissueden"] == 5,
        "male": gender.isin(["male", "m"]) | (joined["PatientSex"] == "M"),
        "density missing": joined["tissueden"].isna(),
    }
    kept = np.ones(len(joined), bool)
    for reason, concerned in reasons.items():  # an image counts under its first reason
        dropped = kept & concerned.to_numpy(dtype=bool)
        notes += count_note(int(dropped.sum()), f"images dropped: {reason}")
        kept &= ~dropped
    return joined[kept], notes


def _make_records(images: pd.DataFrame, assessments: np.ndarray, paper: bool) -> pd.DataFrame:
    """Build the table of records, a row per image; assessments are letters."""
    density = pd.Categorical.from_codes(
        images["tissueden"].astype(int).to_numpy() - 1, DENSITIES, ordered=True
    )
    image_type = images["FinalImageType"].where(images["FinalImageType"] != "")
    assessment = pd.Series(assessments).map(ASSESSMENTS)
    return pd.DataFrame(
        {
            "patient_id": images["empi_anon"].to_numpy(dtype=object),
            "label": density,
            "race": pd.Categorical(race_group(images["RACE_DESC"], paper, EMORY), RACES),
            "image type": image_type.astype("category").array,
            "view": pd.Categorical(images["ViewPosition"], ("CC", "MLO")),
            "density": density,
            "assessment": pd.Categorical(assessment, list(ASSESSMENTS.values()), ordered=True),
            "age": age_bands(images["age_at_study"]),
        }
    )


def _draw_test_patients(patients: np.ndarray) -> np.ndarray:
    """Draw the held-out patients from the sorted ids of all."""
    many = len(patients) >= MIN_PATIENTS_FOR_FULL_TEST
    count = TEST_PATIENTS if many else len(patients) // 5
    return np.random.default_rng(SPLIT_SEED).choice(patients, count, replace=False)
