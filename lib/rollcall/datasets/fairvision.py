"""Harvard FairVision: scanning laser fundus pictures of 30,000 subjects, 10,000 each for glaucoma, diabetic retinopathy (DR) and AMD.

Publisher: Harvard Ophthalmology AI Lab. Access: free for non-commercial research, after a request form; CC BY-NC-ND 4.0, so that nothing
made from it may be passed on. Paper: Luo et al., arXiv 2310.02492.

The unit is the patient, one picture each. Every disease counts its patients anew, so the key is g_, d_ or a_ with the number in
`filename`; whether a person stands in two of the tables cannot be told. Seven classes: healthy (glaucoma "no" or AMD "normal"),
non-vision-threatening DR, vision-threatening DR, glaucoma, early, intermediate and late AMD. The DR table has no class of its own for
subjects without DR: they are in "non-vision-threatening DR". That is the reference's mapping, kept here by default and under
`rules="paper"`, since the table does not tell them apart.

The audit pool is `use` training and validation, the held-out test set `use` test: a split by patient, as released.
Quality: a picture whose first channel, at its full size, has a standard deviation of at most 3 or a mean of at most 1 is left out while
preparing, and counted in the notes. The reference keeps 19,982 records in the pool and 8,560 in the test set.

Attributes: race, race among healthy and non-vision-threatening DR alone (the reference's control for the diagnosis), sex, label, and age
in bands. Race and sex words are kept as found (in one spelling); missing stays missing.

Folders: <Disease>/ReadMe/data_summary_<disease>.csv as published, or the table in <Disease>/ or at the top; pictures
<Disease>/[Dataset/]<Training|Validation|Test>/slo_fundus_<number>.jpg, or the folders train, val and test and the names slo_<number>.jpg
that the publisher's page has. The .npz files beside them (OCT) are never opened.

Where the default differs from the reference: nothing chooses a checkpoint on the test set, and its metrics leave no record out
(W-T1, W-T2). `rules="paper"` tests race on Black, White and Asian and sex on Female and Male alone.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import release, tables
from rollcall.data.cohort import Cohort
from rollcall.data.decode import FileInputs, SkipRecord, require_files
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import (
    RULES,
    check_choice,
    check_size,
    count_notes,
    missing_notes,
)
from rollcall.datasets.parts.demographics import age_bands
from rollcall.datasets.parts.images import open_image, resize_image
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="fairvision",
    title="Harvard FairVision",
    licence="CC BY-NC-ND 4.0",
    access="Harvard, form",
    records="fundus images, 7 classes",
    rehearsable=True,
)
VERSION = 1
CLASSES = (
    "healthy",
    "non-vision-threatening DR",
    "vision-threatening DR",
    "glaucoma",
    "early AMD",
    "intermediate AMD",
    "late AMD",
)
DISEASES = {  # folder: (prefix of the patient, the label's words and their classes)
    "Glaucoma": ("g", {"no": 0, "yes": 3}),
    "DR": ("d", {"non-vision threatening dr": 1, "vision threatening dr": 2}),
    "AMD": ("a", {"normal": 0, "early amd": 4, "intermediate amd": 5, "late amd": 6}),
}
EXPECTED = {"records of Glaucoma": 10_000, "records of DR": 10_000, "records of AMD": 10_000}
USES = ("training", "validation", "test")
FOLDERS = (("Training", "Validation", "Test"), ("train", "val", "test"))
NAMES = ("slo_fundus_", "slo_")
CONTROL = "race (healthy or non-vision-threatening DR)"
ATTRIBUTES = ("race", CONTROL, "sex", "label", "age")
LOWEST_STD, LOWEST_MEAN = 3, 1


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """The three tables, each in <Disease>/ReadMe, in <Disease>, or at the top."""
    if root is None:
        raise InputError(
            "fairvision is not fetched: ROOT= must name the folder that holds Glaucoma/, DR/ and AMD/; the Harvard Ophthalmology AI Lab "
            "grants access at https://ophai.hms.harvard.edu/datasets/harvard-fairvision30k (see data/README.md)"
        )
    return {
        disease: release.find_file(
            root,
            *(
                f"{place}data_summary_{disease.lower()}.csv{zipped}"
                for place in (f"{disease}/ReadMe/", f"{disease}/", "")
                for zipped in ("", ".gz")
            ),
        )
        for disease in DISEASES
    }


def read(files: dict[str, Path], root: Path, *, size: int = 64, rules: str = "default") -> Cohort:
    """Read the release. Inputs uint8 (pictures, size, size, 1), still files; targets int64 (pictures,)."""
    check_size("fairvision", size, smallest=16)
    check_choice("fairvision", "rules", rules, RULES)
    by_disease = {disease: _table(files[disease], root, disease) for disease in DISEASES}
    parts = {
        name: [
            _part(files[disease], table[table["use"].isin(uses)], root, size, rules == "paper")
            for disease, table in by_disease.items()
        ]
        for name, uses in (("pool", USES[:2]), ("test", USES[2:]))
    }
    found = {f"records of {disease}": len(table) for disease, table in by_disease.items()}
    notes = count_notes(found, EXPECTED)
    pool, test = (_joined(parts[name]) for name in ("pool", "test"))
    if not len(pool[0]):
        raise InputError(
            f"{files['Glaucoma']}: no record of the three tables has 'use' training or validation"
        )
    notes += missing_notes(pool[0], ("race", "sex", "age"))
    if found == EXPECTED:
        notes.append(
            "after this quality filter the reference has 19,982 records in the pool and 8,560 in the test set"
        )
    notes.append(f"test set: {len(test[0]):,} records of as many patients")

    def cohort(records, targets, inputs, **more) -> Cohort:
        return Cohort(
            "fairvision",
            records,
            inputs,
            targets,
            "multiclass",
            CLASSES,
            ATTRIBUTES,
            restricted=True,
            source="Harvard-FairVision30k, Harvard Ophthalmology AI Lab, CC BY-NC-ND 4.0, on request; Luo et al. 2023 (arXiv 2310.02492).",
            **more,
        )

    return cohort(*pool, notes=tuple(notes), test=cohort(*test) if len(test[0]) else None)


def _table(path: Path, root: Path, disease: str) -> pd.DataFrame:
    """One disease's table with the columns patient_id, target, years and file added."""
    column = disease.lower()
    table = tables.read_table(
        path, ("filename", "age", "gender", "race", "use", column), key="filename"
    )
    prefix, words = DISEASES[disease]
    number = table["filename"].str.extract(r"^data_([0-9]{1,8})\.npz$", expand=False)
    tables.refuse_rows(path, table, "filename", number.isna(), "expected data_<number>.npz")
    table[column], table["use"] = (table[name].str.strip().str.lower() for name in (column, "use"))
    target = np.array(list(words.values()))[tables.read_codes(path, table, column, words)]
    use = tables.read_codes(path, table, "use", USES)
    years = tables.read_numbers(path, table, "age", missing=True, low=0, high=130)
    folders, name = _layout(root, disease, number, use)
    return table.assign(
        patient_id=prefix + "_" + number,
        target=target,
        years=years,
        file=np.array(folders, dtype=object)[use] + "/" + name + number + ".jpg",
    )


def _layout(root: Path, disease: str, number: pd.Series, use: np.ndarray) -> tuple[list[str], str]:
    """(the folder of each use, relative to root; what the pictures' names begin with): of the known layouts the one that is there."""
    places = [
        ([f"{disease}/{middle}{folder}" for folder in folders], name)
        for middle in ("", "Dataset/")
        for folders in FOLDERS
        for name in NAMES
    ]
    there = [
        sum(
            (root / folders[one] / f"{name}{which}.jpg").is_file()
            for which, one in zip(number[:100], use)
        )
        for folders, name in places
    ]
    return places[
        int(np.argmax(there))
    ]  # none: the published one, so that a message names the file that it should have


def _part(path: Path, table: pd.DataFrame, root: Path, size: int, paper: bool):
    """(records, targets, files) of one disease's pool or test set."""
    race = _words(table["race"], {"asian": "Asian", "black": "Black", "white": "White"}, paper)
    target = table["target"].to_numpy(np.int64)
    records = pd.DataFrame(
        {
            "patient_id": table["patient_id"].to_numpy(dtype=object),
            "label": np.array(CLASSES, dtype=object)[target],
            "race": race,
            CONTROL: race.where(np.isin(target, [0, 1])),
            "sex": _words(table["gender"], {"female": "Female", "male": "Male"}, paper),
            "age": table["years"].to_numpy(),
        }
    )
    decode = functools.partial(decode_fundus, height=size, width=size)
    inputs = FileInputs(
        root,
        table["file"].to_numpy(dtype=object),
        decode,
        (size, size, 1),
        "uint8",
        path,
        table.index.to_numpy() + 2,
    )
    return records, target, require_files(inputs)


def _words(values: pd.Series, known: dict[str, str], paper: bool) -> pd.Series:
    """One spelling a word: those in `known`, by their beginning; others as found with a capital, or, for paper, NaN; empty is NaN."""
    lower = values.str.strip().str.lower()
    words = (
        pd.Series(np.nan, index=values.index, dtype=object)
        if paper
        else lower.str.capitalize().astype(object).where(lower != "", np.nan)
    )
    for beginning, word in known.items():
        words[lower.str.startswith(beginning)] = word
    return words.reset_index(drop=True)


def _joined(parts) -> tuple[pd.DataFrame, np.ndarray, FileInputs]:
    """The three diseases one after another, attributes categorical."""
    records = pd.concat([part[0] for part in parts], ignore_index=True)
    records = records.assign(
        label=pd.Categorical(records["label"], CLASSES),
        age=age_bands(records["age"]),
        **{name: records[name].astype("category") for name in ("race", CONTROL, "sex")},
    )
    files = [part[2] for part in parts]
    rows = [
        f"{row} of {some.where.name}" for some in files for row in some.rows
    ]  # one `where` for three tables: the row says which
    joined = replace(
        files[0],
        where=files[0].root,
        paths=np.concatenate([some.paths for some in files]),
        rows=np.array(rows, dtype=object),
    )
    return records, np.concatenate([part[1] for part in parts]), joined


def decode_fundus(path: Path, height: int, width: int) -> np.ndarray:
    """A fundus picture's first channel as uint8 (height, width, 1), the whole picture resized; SkipRecord if it is blank at its full size."""
    channel = open_image(path, "RGB").getchannel(0)
    values = np.asarray(channel, dtype=np.float64)
    if values.mean() <= LOWEST_MEAN or values.std() <= LOWEST_STD:
        raise SkipRecord(
            f"quality: standard deviation of at most {LOWEST_STD} or mean of at most {LOWEST_MEAN}"
        )
    return resize_image(channel, height, width)
