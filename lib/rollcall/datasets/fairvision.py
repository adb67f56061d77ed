"""Harvard FairVision: scanning laser fundus images of 30,000 subjects.

10,000 subjects each for glaucoma, diabetic retinopathy (DR) and age-related macular degeneration
(AMD). Publisher: Harvard Ophthalmology AI Lab. Licence: CC BY-NC-ND 4.0, so that nothing made from
it may be passed on. Access: free for non-commercial research, after a request form. Paper: Luo et
al., arXiv 2310.02492.

The unit is the patient, one image each. Every disease counts its patients anew, so the key is g_,
d_ or a_ with the number in `filename`; whether a person is in two of the tables cannot be told.
Seven classes: healthy (glaucoma "no" or AMD "normal"), non-vision-threatening DR,
vision-threatening DR, glaucoma, early, intermediate and late AMD. The DR table has no class of its
own for subjects without DR: they are in "non-vision-threatening DR". That is the reference's
mapping, kept under both rules, since the table does not tell them apart.

The audit pool is `use` training and validation, the held-out test set `use` test: a split by
patient, as released. Quality: an image whose first channel, at its full size, has a standard
deviation of at most 3 or a mean of at most 1 is left out while preparing, and counted in the notes.
The reference keeps 19,982 records in the pool and 8,560 in the test set.

Attributes: race, race among healthy and non-vision-threatening DR alone (the reference's control
for the diagnosis), sex, label, and age in bands. Race and sex words are kept as found (in one
spelling); missing stays missing.

Folders: <Disease>/ReadMe/data_summary_<disease>.csv as published, or the table in <Disease>/ or at
the top; images <Disease>/[Dataset/]<Training|Validation|Test>/slo_fundus_<number>.jpg, or the
folders train, val and test and the names slo_<number>.jpg that the publisher's page has. The .npz
files beside them (OCT) are never opened.

`rules="paper"` tests race on Black, White and Asian and sex on Female and Male alone; the records
are the same. How training differs from the reference: see docs/deviations.md.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.cohort import Cohort
from rollcall.data.decode import FileInputs, SkipRecord
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import (
    RULES,
    check_choice,
    check_size,
    count_notes,
    missing_notes,
)
from rollcall.datasets.parts.demographics import age_bands
from rollcall.datasets.parts.editions import read_edition
from rollcall.datasets.parts.images import (
    depth_notes,
    other_endings,
    require_images,
    resize_image,
)
from rollcall.datasets.parts.pictures import open_image
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="fairvision",
    title="Harvard FairVision",
    licence="CC BY-NC-ND 4.0",
    access="Harvard, form",
    records="fundus images, 7 classes",
    rehearsable=True,
)
VERSION = 2
CLASSES = (
    "healthy",
    "non-vision-threatening DR",
    "vision-threatening DR",
    "glaucoma",
    "early AMD",
    "intermediate AMD",
    "late AMD",
)
DISEASES = {  # folder: (prefix of the patient, the label's words and their positions in CLASSES)
    "Glaucoma": ("g", {"no": 0, "yes": 3}),
    "DR": ("d", {"non-vision threatening dr": 1, "vision threatening dr": 2}),
    "AMD": ("a", {"normal": 0, "early amd": 4, "intermediate amd": 5, "late amd": 6}),
}
EXPECTED = {"records of Glaucoma": 10_000, "records of DR": 10_000, "records of AMD": 10_000}
EDITIONS = "Harvard-FairVision30k (2023); Harvard-GF, Harvard-DR and FairCLIP are other datasets"
USES = ("training", "validation", "test")
FOLDERS = (("Training", "Validation", "Test"), ("train", "val", "test"))  # of USES
IMAGE_PREFIXES = ("slo_fundus_", "slo_")
FILES_LOOKED_FOR = 100  # records whose files are looked for to tell the layouts apart
CONTROL = "race (healthy or non-vision-threatening DR)"
ATTRIBUTES = ("race", CONTROL, "sex", "label", "age")
MIN_STD, MIN_MEAN = 3, 1  # grey levels of the first channel; an image must exceed both


@dataclass(frozen=True)
class Subset:
    """Records of the pool or of the test set, with their labels (records,) and files."""

    records: pd.DataFrame
    labels: np.ndarray
    inputs: FileInputs


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """Find the three tables, each in <Disease>/ReadMe, in <Disease>, or at the top."""
    if root is None:
        raise InputError(
            "fairvision is not fetched: ROOT= must name the folder that holds Glaucoma/, DR/ and "
            "AMD/; the Harvard Ophthalmology AI Lab grants access at "
            "https://ophai.hms.harvard.edu/datasets/harvard-fairvision30k (see docs/datasets.md)"
        )
    files = {}
    for disease in DISEASES:
        table = f"data_summary_{disease.lower()}.csv"
        folders = (f"{disease}/ReadMe/", f"{disease}/", "")
        names = [f"{above}{table}{zipped}" for above in folders for zipped in ("", ".gz")]
        files[disease] = release.find_file(root, *names)
    return files


def read(files: dict[str, Path], root: Path, *, size: int = 64, rules: str = "default") -> Cohort:
    """Read the release.

    Inputs uint8 (images, size, size, 1), still files; labels int64 (images,).
    """
    check_size("fairvision", size, smallest=16)
    check_choice("fairvision", "rules", rules, RULES)
    by_disease = {disease: _read_table(files[disease], root, disease) for disease in DISEASES}

    def join(uses) -> Subset:
        return _join_diseases(
            [
                _subset(files[disease], table[table["use"].isin(uses)], root, size, rules)
                for disease, table in by_disease.items()
            ]
        )

    pool, test = join(USES[:2]), join(USES[2:])
    if not len(pool.records):
        raise InputError(
            f"{files['Glaucoma']}: no record of the three tables has 'use' training or validation"
        )
    counts = {f"records of {disease}": len(table) for disease, table in by_disease.items()}
    notes = count_notes(counts, EXPECTED)
    notes += missing_notes(pool.records, ("race", "sex", "age"))
    if counts == EXPECTED:
        notes.append(
            "after this quality filter the reference has 19,982 records in the pool and "
            "8,560 in the test set"
        )
    notes += depth_notes(pool.inputs)
    notes.append(f"test set: {len(test.records):,} records of as many patients")

    def cohort(subset: Subset, **more) -> Cohort:
        return Cohort(
            "fairvision",
            subset.records,
            subset.inputs,
            subset.labels,
            "multiclass",
            CLASSES,
            ATTRIBUTES,
            restricted=True,
            source="Harvard-FairVision30k, Harvard Ophthalmology AI Lab, CC BY-NC-ND 4.0, "
            "on request; Luo et al. 2023 (arXiv 2310.02492).",
            **more,
        )

    held_out = cohort(test) if len(test.records) else None
    return cohort(pool, notes=tuple(notes), test=held_out)


def _read_table(path: Path, root: Path, disease: str) -> pd.DataFrame:
    """Read one disease's table; adds the columns patient_id, label, years and file."""
    column = disease.lower()
    columns = ("filename", "age", "gender", "race", "use", column)
    table = read_edition(path, columns, f"{path.stem} of {EDITIONS}", key="filename")
    prefix, words = DISEASES[disease]
    number = table["filename"].str.extract(r"^data_([0-9]{1,8})\.npz$", expand=False)
    tables.refuse_rows(path, table, "filename", number.isna(), "expected data_<number>.npz")
    for name in (column, "use"):
        table[name] = table[name].str.strip().str.lower()
    labels = np.array(list(words.values()))[tables.read_codes(path, table, column, words)]
    use = tables.read_codes(path, table, "use", USES)
    years = tables.read_numbers(path, table, "age", missing=True, low=0, high=130)
    folders, image_prefix = _find_layout(root, disease, number, use)
    return table.assign(
        patient_id=prefix + "_" + number,
        label=labels,
        years=years,
        file=np.array(folders, dtype=object)[use] + "/" + image_prefix + number + ".jpg",
    )


def _find_layout(
    root: Path, disease: str, number: pd.Series, use: np.ndarray
) -> tuple[list[str], str]:
    """Find which of the known layouts holds the images.

    Returns the folder of each use, relative to root, and what the images' names begin with. If none
    holds any, it is the published one, so that a message names the file that should be there.
    """
    layouts = [
        ([f"{disease}/{middle}{folder}" for folder in folders], prefix)
        for middle in ("", "Dataset/")
        for folders in FOLDERS
        for prefix in IMAGE_PREFIXES
    ]
    sample = list(zip(number, use, strict=True))[:FILES_LOOKED_FOR]
    present = []
    for folders, prefix in layouts:
        names = [f"{folders[code]}/{prefix}{name}.jpg" for name, code in sample]
        present.append(sum((root / name).is_file() for name in other_endings(root, names)))
    return layouts[int(np.argmax(present))]


def _subset(path: Path, table: pd.DataFrame, root: Path, size: int, rules: str) -> Subset:
    """Take one disease's records of the pool or of the test set."""
    paper = rules == "paper"
    races = {"asian": "Asian", "black": "Black", "white": "White"}
    race = _spell(table["race"], races, paper)
    labels = table["label"].to_numpy(np.int64)
    records = pd.DataFrame(
        {
            "patient_id": table["patient_id"].to_numpy(dtype=object),
            "label": np.array(CLASSES, dtype=object)[labels],
            "race": race,
            CONTROL: race.where(np.isin(labels, [0, 1])),
            "sex": _spell(table["gender"], {"female": "Female", "male": "Male"}, paper),
            "age": table["years"].to_numpy(),
        }
    )
    inputs = FileInputs(
        root,
        table["file"].to_numpy(dtype=object),
        functools.partial(decode_fundus, height=size, width=size),
        (size, size, 1),
        "uint8",
        path,
        table.index.to_numpy() + 2,
    )
    return Subset(records, labels, require_images(inputs))


def _spell(values: pd.Series, known: dict[str, str], paper: bool) -> pd.Series:
    """Give every word one spelling: those in `known` by their beginning, others with a capital.

    paper: the others are NaN. Empty is NaN.
    """
    lower = values.str.strip().str.lower()
    words = pd.Series(np.nan, index=values.index, dtype=object)
    if not paper:
        words = lower.str.capitalize().astype(object).where(lower != "", np.nan)
    for beginning, word in known.items():
        words[lower.str.startswith(beginning)] = word
    return words.reset_index(drop=True)


def _join_diseases(subsets: list[Subset]) -> Subset:
    """Join the three diseases, one after another; attributes become categorical."""
    records = pd.concat([subset.records for subset in subsets], ignore_index=True)
    records = records.assign(
        label=pd.Categorical(records["label"], CLASSES),
        age=age_bands(records["age"]),
        **{name: records[name].astype("category") for name in ("race", CONTROL, "sex")},
    )
    files = [subset.inputs for subset in subsets]
    # there is one `where` for three tables: the row says which
    rows = [f"{row} of {inputs.where.name}" for inputs in files for row in inputs.rows]
    joined = replace(
        files[0],
        where=files[0].root,
        paths=np.concatenate([inputs.paths for inputs in files]),
        rows=np.array(rows, dtype=object),
    )
    return Subset(records, np.concatenate([subset.labels for subset in subsets]), joined)


def decode_fundus(path: Path, height: int, width: int) -> np.ndarray:
    """Decode a fundus image's first channel to uint8 (height, width, 1), resized as a whole.

    Raises SkipRecord if it is blank at its full size.
    """
    channel = open_image(path, "RGB").getchannel(0)
    values = np.asarray(channel, dtype=np.float64)
    if values.mean() <= MIN_MEAN or values.std() <= MIN_STD:
        raise SkipRecord(
            f"quality: standard deviation of at most {MIN_STD} or mean of at most {MIN_MEAN}"
        )
    return resize_image(channel, height, width)
