"""CheXpert: 224,316 chest films of 65,240 patients, with 14 findings read from reports (train.csv: 223,414 of 64,540; valid.csv: 234 of 200).

Publisher: Stanford ML Group and Stanford AIMI. Access: free, after signing the Stanford University Dataset Research Use Agreement; it may
not be passed on. Paper: Irvin et al., AAAI 2019, doi:10.1609/aaai.v33i01.3301590. Race: the separate table "CHEXPERT DEMO" of the same
publisher, as csv. Both releases are read: CheXpert-v1.0 (full size) and CheXpert-v1.0-small, whole or split into batches.

The unit is the patient, from the film's path. The 14 findings are one multilabel task: 1 is positive, -1 (uncertain) is taken as
positive (U-Ones), 0 and empty are negative. The audit pool is train.csv; valid.csv, 200 other patients read by three radiologists, is
the held-out test set. Films are resized as a whole (aspect ratio not kept). Ages stay as released (0 and the cap at 90 included).

Where the default differs from the reference:
- Sex "Unknown" (one record) is kept with sex missing; the reference drops the record. It can leak like any other.
- Race: the reference has Black, White, Asian and one group of all others and the missing, which its test leaves out. Here the others
  known are groups of their own (Hispanic, Other), and unknown or refused stays missing. A view that is not given (lateral films) stays missing.
- Records with none of the 14, "No Finding" included, keep 14 zeros, in training as in the attack: each finding is scored by its own
  logit. The reference trains them so but attacks them as "No Finding" (W-A4).
- Nothing chooses a checkpoint on valid.csv (W-T1, W-T2): it is only reported.
`rules="paper"` drops sex "Unknown" and tests race on Black, White and Asian and view on AP and PA alone, all else being missing.
"""

from __future__ import annotations

import os
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
    name="chexpert",
    title="CheXpert",
    licence="Stanford University Dataset Research Use Agreement",
    access="Stanford, agreement",
    records="chest films, 14 findings",
    rehearsable=True,
)
VERSION = 1
EXPECTED = {"images": 223_414, "patients": 64_540, "test images": 234, "test patients": 200}
COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *chest.FINDINGS)
PATH = r"CheXpert-v1\.0[^/\\]*/(?P<rest>(?P<set>train|valid)/(?P<folder>patient(?P<patient>[0-9]+))/study[0-9]+/view[0-9]+_(?:frontal|lateral)\.jpg)"
VIEWS = ("AP", "PA", "LL", "RL")
BATCH = "CheXpert-v1.0 batch"
SHEET = ("CHEXPERT DEMO.xlsx", "CHEXPERT_DEMO.xlsx")


def locate(root: Path | None, folder: Path) -> dict[str, Path]:
    """train.csv, and where they are there valid.csv (beside it) and CHEXPERT_DEMO.csv (there, in ROOT, or in a folder of ROOT)."""
    if root is None:
        raise InputError(
            "chexpert is not fetched: ROOT= must name the folder CheXpert-v1.0 or CheXpert-v1.0-small, or the one that holds it; "
            "Stanford AIMI grants access at https://stanfordmlgroup.github.io/competitions/chexpert (see data/README.md)"
        )
    train = release.find_table(root, "train.csv")
    valid = _beside(root, [train.parent], ["valid.csv"])
    places = [train.parent, root, *sorted(place for place in root.iterdir() if place.is_dir())]
    demographics = _beside(root, places, ["CHEXPERT_DEMO.csv", "CHEXPERT DEMO.csv"])
    if demographics is None and (
        sheet := next(
            (place / name for place in places for name in SHEET if (place / name).is_file()), None
        )
    ):
        raise InputError(
            f"{sheet}: a spreadsheet; open it and save it as CSV (UTF-8) under the name CHEXPERT_DEMO.csv in the same folder"
        )
    return {
        name: path
        for name, path in {"train": train, "valid": valid, "demographics": demographics}.items()
        if path is not None
    }


def _beside(root: Path, places: list[Path], names: list[str]) -> Path | None:
    """The first of `names`, plain or .gz, in the first of `places`, all under root, that has one."""
    found = [
        place / f"{name}{suffix}"
        for place in places
        for name in names
        for suffix in ("", ".gz")
        if (place / f"{name}{suffix}").is_file()
    ]
    return release.resolve_inside(root, found[0].relative_to(root)) if found else None


def read(files: dict[str, Path], root: Path, *, size: int = 64, rules: str = "default") -> Cohort:
    """Read the release. Inputs uint8 (films, size, size, 1), still files; targets int64 (films, 14)."""
    chest.check_options("chexpert", size, rules)
    paper = rules == "paper"
    train = _table(files["train"], "train")
    found = {"images": len(train), "patients": train["patient"].nunique()}
    notes = (
        []
        if "demographics" in files
        else ["race: missing for all records, since there is no CHEXPERT_DEMO.csv"]
    )
    unknown = train["Sex"] == "Unknown"
    if paper and unknown.any():
        train = train[~unknown]
        notes.append(f"{count_text(unknown.sum())} records dropped: sex is Unknown")
    splits = {"train": train}
    if "valid" in files:
        valid = _table(files["valid"], "valid")
        tables.refuse_rows(
            files["valid"],
            valid,
            "Path",
            valid["patient"].isin(train["patient"]),
            f"this patient is in {files['train'].name} as well",
        )
        found |= {"test images": len(valid), "test patients": valid["patient"].nunique()}
        notes.append(
            f"test: {len(valid):,} records of {found['test patients']:,} other patients (valid.csv)"
        )
        splits["valid"] = valid
    else:
        notes.append("test: none, since there is no valid.csv beside train.csv")
    everyone = pd.concat([table["patient"] for table in splits.values()])
    race = (
        _races(files["demographics"], everyone, paper)
        if "demographics" in files
        else pd.Series(dtype=object)
    )
    parts = {
        name: _part(files[name], table, root, files["train"].parent, size, race, paper)
        for name, table in splits.items()
    }
    notes = [*count_notes(found, {name: EXPECTED[name] for name in found}), *notes]
    pool = parts["train"]
    notes += [
        note
        for note in chest.record_notes(pool["records"], pool.pop("uncertain"))
        if "demographics" in files or not note.startswith("race")
    ]
    common = dict(
        name="chexpert",
        task="multilabel",
        classes=chest.FINDINGS,
        attributes=chest.ATTRIBUTES,
        restricted=True,
        source="CheXpert, Stanford ML Group and Stanford AIMI (stanfordmlgroup.github.io/competitions/chexpert), under the Stanford University "
        "Dataset Research Use Agreement, not to be passed on; Irvin et al. 2019.",
    )
    test = None
    if "valid" in parts:
        parts["valid"].pop("uncertain")
        test = Cohort(**common, **parts["valid"])
    return Cohort(**common, **pool, notes=tuple(notes), test=test)


def _table(path: Path, split: str) -> pd.DataFrame:
    """One of the release's two tables, its paths taken apart: the film's patient, the patient's folder, the path below the release's."""
    table = tables.read_table(path, COLUMNS, key="Path")
    parts = table["Path"].str.extract(rf"\A{PATH}\Z")
    tables.refuse_rows(
        path,
        table,
        "Path",
        parts["set"] != split,
        f"expected a path such as CheXpert-v1.0/{split}/patient00001/study1/view1_frontal.jpg",
    )
    return table.join(parts)


def _part(
    path: Path, table: pd.DataFrame, root: Path, home: Path, size: int, race: pd.Series, paper: bool
) -> dict:
    """records, targets and inputs of one table, and how many of its labels are uncertain."""
    values = chest.read_labels(path, table)
    targets = (np.nan_to_num(values) != 0).astype(np.int64)
    sex = np.array(["Female", "Male", None])[
        tables.read_codes(path, table, "Sex", ("Female", "Male", "Unknown"))
    ]
    age = tables.read_numbers(path, table, "Age", missing=True, low=0, high=150)
    view = np.array([None, *VIEWS])[tables.read_codes(path, table, "AP/PA", ("", *VIEWS))]
    tables.read_codes(path, table, "Frontal/Lateral", ("Frontal", "Lateral"))
    records = chest.make_records(
        table["patient"],
        race.reindex(table["patient"]).to_numpy(),
        sex,
        age,
        view,
        VIEWS[:2] if paper else VIEWS,
        targets,
    )
    rows = table.index.to_numpy() + 2
    return {
        "records": records,
        "labels": targets,
        "uncertain": int((values == -1).sum()),
        "inputs": require_files(
            image_files(root, _placed(root, home, table), path, rows, size, "L")
        ),
    }


def _races(path: Path, patients: pd.Series, paper: bool) -> pd.Series:
    """Race group by patient (the number in `patient00001`), of the patients asked for."""
    table = tables.read_table(path, ("PATIENT", "PRIMARY_RACE"))
    number = table["PATIENT"].str.strip().str.removeprefix("patient")
    wanted = number.isin(set(patients))
    if not wanted.any():
        raise InputError(
            f"{path}: row 2, column 'PATIENT': {table['PATIENT'].iloc[0][:40]!r}; no row names a patient of train.csv, "
            "expected such as patient00001"
        )
    table, number = table[wanted], number[wanted]
    tables.refuse_rows(
        path,
        table,
        "PATIENT",
        number.duplicated(),
        "this PATIENT is in the table already; expected each once",
    )
    return race_group(table["PRIMARY_RACE"], paper).set_axis(number)


def _placed(root: Path, home: Path, table: pd.DataFrame) -> np.ndarray:
    """Each film's path relative to root: below the release's folder `home`, or below the batch that holds the patient's folder."""
    prefix = home.relative_to(root)
    if not home.name.startswith(BATCH) or (home / "train").is_dir():
        return (
            (f"{prefix.as_posix()}/" + table["rest"]).to_numpy()
            if prefix.parts
            else table["rest"].to_numpy()
        )
    if home == root:
        raise InputError(
            f"{root}: one batch of the release; ROOT must name the folder that holds all of its '{BATCH} ...' folders"
        )
    above = "".join(f"{part}/" for part in prefix.parts[:-1])
    batch = {}
    for place in sorted(path.name for path in home.parent.glob(f"{BATCH}*")):
        for split in ("train", "valid"):
            inner = release.resolve_inside(root, f"{above}{place}/{split}")
            if inner.is_dir():
                batch |= {f"{split}/{entry}": f"{above}{place}/" for entry in os.listdir(inner)}
    return (
        (table["set"] + "/" + table["folder"]).map(batch).fillna(f"{prefix.as_posix()}/")
        + table["rest"]
    ).to_numpy()
