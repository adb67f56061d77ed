"""Read CheXpert: 224,316 chest films of 65,240 patients, with 14 findings read from reports.

train.csv has 223,414 films of 64,540 patients, valid.csv 234 of 200.

Publisher: Stanford ML Group and Stanford AIMI. Access: free, after signing the Stanford University
Dataset Research Use Agreement; it may not be passed on. Paper: Irvin et al., AAAI 2019,
doi:10.1609/aaai.v33i01.3301590. Race: the separate table "CHEXPERT DEMO" of the same publisher, as
csv. Both releases are read: CheXpert-v1.0 (full size), as one tree or as its four zips unpack, and
CheXpert-v1.0-small.

The unit is the patient, from the film's path. The 14 findings are one multilabel task: 1 is
positive, -1 (uncertain) is taken as positive (U-Ones), 0 and empty are negative. The audit pool is
train.csv; valid.csv, 200 other patients read by three radiologists, is the held-out test set. Films
are resized as a whole (aspect ratio not kept). Ages stay as released (0 and the cap at 90
included).

Where the default differs from the reference (see docs/deviations.md):
- Sex "Unknown" (one record) is kept with sex missing; the reference drops the record. It can leak
  like any other.
- Race: the reference has Black, White, Asian and one group of all others and the missing, which its
  test leaves out. Here the others known are groups of their own (Hispanic, Other), and unknown or
  refused stays missing. A view that is not given (lateral films) stays missing.
- Records with none of the 14, "No Finding" included, keep 14 zeros, in training as in the attack:
  each finding is scored by its own logit. The reference trains them so but attacks them as "No
  Finding".
- Nothing chooses a checkpoint on valid.csv: it is only reported.
`rules="paper"` drops sex "Unknown" and tests race on Black, White and Asian and view on AP and PA
alone, all else being missing.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.data.cleaning import make_keys, strip_fields
from rollcall.data.cohort import Cohort
from rollcall.datasets.parts import chest
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import count_notes, count_text
from rollcall.datasets.parts.demographics import race_group
from rollcall.datasets.parts.editions import read_edition
from rollcall.datasets.parts.images import depth_notes, image_files, require_images
from rollcall.datasets.parts.joins import require_matches
from rollcall.datasets.release_tables.chexpert import film_paths, find_tables
from rollcall.util.errors import InputError

ABOUT = Dataset(
    name="chexpert",
    title="CheXpert",
    licence="Stanford University Dataset Research Use Agreement",
    access="Stanford, agreement",
    records="chest films, 14 findings",
    rehearsable=True,
)
VERSION = 2
EXPECTED = {"images": 223_414, "patients": 64_540, "test images": 234, "test patients": 200}
COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *chest.FINDINGS)
PATH = (
    r"CheXpert-v1\.0[^/\\]*/(?P<rest>(?P<set>train|valid)/(?P<folder>patient(?P<patient>[0-9]+))"
    r"/study[0-9]+/view[0-9]+_(?:frontal|lateral)\.jpg)"
)
EDITIONS = "train.csv and valid.csv of CheXpert-v1.0 or CheXpert-v1.0-small (2019)"
DEMOGRAPHICS = "CHEXPERT DEMO (2021): PATIENT, GENDER, AGE_AT_CXR, PRIMARY_RACE, ETHNICITY"
VIEWS = ("AP", "PA", "LL", "RL")
PAPER_VIEWS = ("AP", "PA")


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """Find train.csv, valid.csv and CHEXPERT_DEMO.csv; the last two may be absent."""
    if root is None:
        raise InputError(
            "chexpert is not fetched: ROOT= must name the folder CheXpert-v1.0 or "
            "CheXpert-v1.0-small, or the one that holds it; Stanford AIMI grants access at "
            "https://stanfordmlgroup.github.io/competitions/chexpert (see docs/datasets.md)"
        )
    return find_tables(root)


def read(files: dict[str, Path], root: Path, *, size: int = 64, rules: str = "default") -> Cohort:
    """Read the release.

    Inputs are uint8 (films, size, size, 1), still files; labels int64 (films, 14).
    """
    chest.check_options("chexpert", size, rules)
    paper = rules == "paper"
    train = _read_table(files["train"], "train")
    counts = {"images": len(train), "patients": train["patient"].nunique()}
    notes = []
    if "demographics" not in files:
        notes.append("race: missing for all records, since there is no CHEXPERT_DEMO.csv")
    unknown = train["Sex"] == "Unknown"
    if paper and unknown.any():
        train = train[~unknown]
        notes.append(f"{count_text(unknown.sum())} records dropped: sex is Unknown")
    splits = {"train": train}
    if "valid" in files:
        valid = _read_table(files["valid"], "valid")
        tables.refuse_rows(
            files["valid"],
            valid,
            "Path",
            valid["patient"].isin(train["patient"]),
            f"this patient is in {files['train'].name} as well",
        )
        counts |= {"test images": len(valid), "test patients": valid["patient"].nunique()}
        notes.append(
            f"test: {len(valid):,} records of {counts['test patients']:,} other patients "
            "(valid.csv)"
        )
        splits["valid"] = valid
    else:
        notes.append("test: none, since there is no valid.csv")
    race = pd.Series(dtype=object)
    if "demographics" in files:
        patients = pd.concat([table["patient"] for table in splits.values()])
        race, few = _read_races(files["demographics"], patients, paper)
        notes += [f"race: {note}" for note in few]
    views = PAPER_VIEWS if paper else VIEWS
    home = files["train"].parent
    contents, uncertain = {}, {}
    for name, table in splits.items():
        contents[name], uncertain[name] = _read_films(
            files[name], table, root, home, size, race, views
        )
    notes = [*count_notes(counts, {name: EXPECTED[name] for name in counts}), *notes]
    notes += [
        note
        for note in chest.record_notes(contents["train"]["records"], uncertain["train"])
        if "demographics" in files or not note.startswith("race")
    ]
    notes += depth_notes(contents["train"]["inputs"])
    make_cohort = functools.partial(
        Cohort,
        name="chexpert",
        task="multilabel",
        classes=chest.FINDINGS,
        attributes=chest.ATTRIBUTES,
        restricted=True,
        source="CheXpert, Stanford ML Group and Stanford AIMI "
        "(stanfordmlgroup.github.io/competitions/chexpert), under the Stanford University "
        "Dataset Research Use Agreement, not to be passed on; Irvin et al. 2019.",
    )
    test = make_cohort(**contents["valid"]) if "valid" in contents else None
    return make_cohort(**contents["train"], notes=tuple(notes), test=test)


def _read_table(path: Path, split: str) -> pd.DataFrame:
    """Read train.csv or valid.csv, its paths taken apart.

    Adds patient (digits), folder (the patient's), rest (the path below the release's folder), set.
    """
    table = read_edition(path, COLUMNS, EDITIONS, key="Path")
    parts = table["Path"].str.extract(rf"\A{PATH}\Z")
    tables.refuse_rows(
        path,
        table,
        "Path",
        parts["set"] != split,
        f"expected a path such as CheXpert-v1.0/{split}/patient00001/study1/view1_frontal.jpg",
    )
    return table.join(parts)


def _read_films(
    path: Path, table: pd.DataFrame, root: Path, home: Path, size: int, race: pd.Series, views
) -> tuple[dict, int]:
    """Turn one table into a cohort's records, labels and inputs.

    home: the release's folder. race: by patient. Returns them by name, and how many labels are
    uncertain.
    """
    values = chest.read_labels(path, table)
    labels = (np.nan_to_num(values) != 0).astype(np.int64)
    sex = np.array(["Female", "Male", None])[
        tables.read_codes(path, table, "Sex", ("Female", "Male", "Unknown"))
    ]
    age = tables.read_numbers(path, table, "Age", missing=True, low=0, high=150)
    view = np.array([None, *VIEWS])[tables.read_codes(path, table, "AP/PA", ("", *VIEWS))]
    tables.read_codes(path, table, "Frontal/Lateral", ("Frontal", "Lateral"))
    patient = table["patient"]
    race_of_film = race.reindex(patient).to_numpy()
    records = chest.make_records(patient, race_of_film, sex, age, view, views, labels)
    rows = table.index.to_numpy() + 2
    images = require_images(image_files(root, film_paths(root, home, table), path, rows, size, "L"))
    contents = {"records": records, "labels": labels, "inputs": images}
    return contents, int((values == -1).sum())


def _read_races(path: Path, patients: pd.Series, paper: bool) -> tuple[pd.Series, list[str]]:
    """Read the race group of each of `patients` (the number in `patient00001`).

    Returns a note as well, if the table has few of them.
    """
    table = read_edition(path, ("PATIENT", "PRIMARY_RACE"), DEMOGRAPHICS)
    number = strip_fields(table["PATIENT"]).str.removeprefix("patient")
    number = make_keys(number.str.replace(r"[.]0*$", "", regex=True))
    names = patients.drop_duplicates()
    notes = require_matches(path, "PATIENT", number, names, "train.csv")
    names = pd.Series(names.to_numpy(), index=make_keys(names))  # as the films' paths write them
    number = number.map(names)
    table, number = table[number.notna()], number[number.notna()]
    tables.refuse_rows(
        path,
        table,
        "PATIENT",
        number.duplicated(),
        "this PATIENT is in the table already; expected each once",
    )
    return race_group(table["PRIMARY_RACE"], paper).set_axis(number), notes
