"""Write a simulated EMBED release.

    tables/EMBED_OpenData_{clinical_reduced,metadata}.csv
    images/cohort_<n>/<empi_anon>/<acc_anon>/<series>/<name>.dcm

The columns are those that public descriptions name, and the header elements that decoding needs.
Quirks written: several findings an exam, of either breast, both or none; diagnostic exams; other
views than CC and MLO; synthetic C-views; men; races of every spelling, missing and declined;
density missing and with a decimal point; assessment X; windows with two values, windows missing
from the table and windows missing from both; MONOCHROME1; images stored either way round, some
without orientation, some upside down; presentation states among the images; patients without any
image.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from rollcall.rehearse.drawing import draw_scene, write_table

ROWS, COLUMNS = 128, 96
UID_PREFIX = "1.2.826.0.1.3680043.10.1404."
MAMMOGRAM, PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.11.1"
RACES = {  # as written: its share
    "African American  or Black": 0.4,
    "Caucasian or White": 0.36,
    "Asian": 0.08,
    "Native Hawaiian or Other Pacific Islander": 0.02,
    "American Indian or Alaskan Native": 0.02,
    "Multiple": 0.02,
    "Unknown, Unavailable or Unreported": 0.04,
    "Not Recorded": 0.02,
    "Patient Declines": 0.02,
    "": 0.02,
}
ETHNICITIES = ("Non-Hispanic or Latino", "Hispanic or Latino", "")
DENSITY_SHARES = (0.15, 0.4, 0.35, 0.1)
ASSESSMENT_SHARES = (0.3, 0.3, 0.2, 0.05, 0.05, 0.04, 0.03, 0.03)  # of N A B P S M K X
SCREENING = ("MG Screening Bilateral w/CAD", "MG SCREEN TOMO BILATERAL")
SITE = "/mnt/NAS2/mammo/anon_dicom/"  # the publisher's own folder, as the paths in the table begin
WRONG_SHARE = 0.04  # of images that show another density than the table: something to remember
CLINICAL_COLUMNS = (
    "empi_anon",
    "acc_anon",
    "cohort_num",
    "study_date_anon",
    "desc",
    "tissueden",
    "asses",
    "numfind",
    "side",
    "path_severity",
    "RACE_DESC",
    "ETHNIC_GROUP_DESC",
    "GENDER_DESC",
    "age_at_study",
)


def write(root: Path, patients: int, seed: int) -> None:
    """Write the release of `patients` invented patients: about six images each."""
    rng = np.random.default_rng([seed, 1])
    clinical, metadata = [], []
    for patient in range(patients):
        person = {
            "empi_anon": str(10_000_000 + int(rng.integers(0, 10_000)) * 8_000 + patient),
            "cohort_num": 1 + patient % 2,
            "RACE_DESC": str(rng.choice(list(RACES), p=list(RACES.values()))),
            "ETHNIC_GROUP_DESC": str(rng.choice(ETHNICITIES)),
            "GENDER_DESC": "Male" if patient % 40 == 39 else "Female",
        }
        density, age = int(rng.choice(4, p=DENSITY_SHARES)), float(rng.uniform(38, 84))
        visits = 2 if rng.random() < 0.4 else 1
        for visit in range(visits):
            exam = person | _draw_exam(rng, person, patient, visit, density, age + visit)
            clinical += _draw_findings(rng, exam)
            if patient % 25 != 24:
                metadata += _write_images(root, rng, exam, density, [seed, patient], visit)
    table = pd.DataFrame(clinical)[list(CLINICAL_COLUMNS)]
    write_table(root / "tables" / "EMBED_OpenData_clinical_reduced.csv", table)
    write_table(root / "tables" / "EMBED_OpenData_metadata.csv", pd.DataFrame(metadata))


def _draw_exam(
    rng: np.random.Generator, person: dict, patient: int, visit: int, density: int, age: float
) -> dict:
    """Draw what the clinical table says of one exam, the findings aside."""
    number = 10**15 + int(rng.integers(0, 10**9)) * 10**6 + 10 * patient + visit
    if rng.random() < 0.1:
        description = "MG Diagnostic Mammo Bilateral"
    else:
        description = str(rng.choice(SCREENING))
    if person["GENDER_DESC"] == "Male":
        tissue = "5.0"
    else:
        tissue = "" if rng.random() < 0.03 else f"{density + 1}.0"
    return {
        "acc_anon": str(number),
        "study_date_anon": f"20{13 + visit}-0{1 + patient % 9}-1{patient % 10}",
        "desc": description,
        "tissueden": tissue,
        "age_at_study": f"{age:.3f}" if rng.random() < 0.98 else "",
    }


def _draw_findings(rng: np.random.Generator, exam: dict) -> list[dict]:
    """Draw the rows of one exam.

    Most have one negative finding without a side; some have a few, of one breast or both.
    """
    if rng.random() < 0.6:
        return [exam | {"asses": "N", "numfind": 1, "side": "", "path_severity": ""}]
    sides = rng.choice(["L", "R", "B", ""], int(rng.integers(1, 4)))
    return [
        exam
        | {
            "asses": str(rng.choice(list("NABPSMKX"), p=ASSESSMENT_SHARES)),
            "numfind": number,
            "side": str(side),
            "path_severity": str(rng.choice(["", "", "", "0", "4"])),
        }
        for number, side in enumerate(sides, start=1)
    ]


def _draw_views(rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """Draw the images of one exam: (side, view, kind) of each."""
    views = [(side, view, "2D") for side in "LR" for view in ("CC", "MLO")]
    if rng.random() < 0.1:
        views.append(("R", "XCCL", "2D"))
    views = [view for view in views if rng.random() > 0.05]
    if rng.random() < 0.5:
        views.append(("L", "MLO", "cview"))
    return views


def _write_images(
    root: Path, rng: np.random.Generator, exam: dict, density: int, seed: list[int], visit: int
) -> list[dict]:
    """Write the images of one exam, and return their rows of the metadata table."""
    rows = []
    folder = f"cohort_{exam['cohort_num']}/{exam['empi_anon']}/{exam['acc_anon']}"
    for number, (side, view, kind) in enumerate(_draw_views(rng)):
        shown = density if rng.random() > WRONG_SHARE else int(rng.integers(0, 4))
        path = f"{folder}/{_draw_name(rng)}/{_draw_name(rng)}.dcm"
        image = draw_scene(
            np.random.default_rng(seed),
            np.random.default_rng([*seed, visit, number]),
            ROWS,
            COLUMNS,
            (shown,),
            4,
        )
        elements, stored = _store(rng, image, side, view)
        _save_mammogram(root / "images" / path, elements, stored, exam, side, view)
        named = ("empi_anon", "acc_anon", "cohort_num", "study_date_anon")
        rows.append(
            {name: exam[name] for name in named}
            | {
                "anon_dicom_path": SITE + path,
                "FinalImageType": kind,
                "ImageLateralityFinal": side,
                "ViewPosition": view,
                "spot_mag": "",
                "num_roi": 0,
                "ROI_coords": "()",
                "Rows": ROWS,
                "Columns": COLUMNS,
                "PhotometricInterpretation": elements["PhotometricInterpretation"],
                "PatientSex": _sex(exam),
                **_window_cells(elements, missing=rng.random() < 0.1),
                "PatientOrientation": str(elements.get("PatientOrientation", "")),
                "FieldOfViewHorizontalFlip": elements.get("FieldOfViewHorizontalFlip", ""),
            }
        )
    if rng.random() < 0.1:  # in the tree, in no table, and without pixels
        path = root / "images" / folder / _draw_name(rng) / "state.dcm"
        dataset = _new_dataset(path, PRESENTATION_STATE, exam)
        dataset.Modality = "PR"
        _save(dataset, path)
    return rows


def _draw_name(rng: np.random.Generator) -> str:
    return f"{rng.integers(0, 16**12):012x}"


def _sex(exam: dict) -> str:
    return "M" if exam["GENDER_DESC"] == "Male" else "F"


def _window_cells(elements: dict, missing: bool) -> dict[str, str]:
    """Write the window as the metadata table does: "540" or "[540, 580]", or nothing."""
    names = ("WindowCenter", "WindowWidth")
    if missing or "WindowCenter" not in elements:
        return dict.fromkeys(names, "")
    return {name: str(elements[name]).replace("'", "") for name in names}


def _store(
    rng: np.random.Generator, image: np.ndarray, side: str, view: str
) -> tuple[dict, np.ndarray]:
    """Turn an image with its chest wall on the left into the file of some vendor.

    Returns header elements and stored values, whose decoding gives the image back.
    """
    bits = int(rng.choice([12, 14]))
    values = image.astype(np.uint16) << (bits - 8)
    elements = {
        "BitsStored": bits,
        "PhotometricInterpretation": "MONOCHROME2",
        "WindowCenter": str(2 ** (bits - 1)),
        "WindowWidth": str(2**bits),
    }
    vendor = int(rng.integers(0, 4))
    mirror = side == "R"
    if vendor == 0:  # two windows, of which the first counts, and no orientation
        elements["WindowCenter"] = [elements["WindowCenter"], "700"]
        elements["WindowWidth"] = [elements["WindowWidth"], "90"]
    elif vendor == 1:  # the field of view is flipped, no orientation
        mirror = not mirror
        elements["FieldOfViewHorizontalFlip"] = "YES"
    else:
        upside_down = rng.random() < 0.1
        if view == "MLO":
            down = "H" if upside_down else "F"
        else:
            other_side = "R" if side == "L" else "L"
            down = side if upside_down else other_side
        elements["PatientOrientation"] = ["P" if mirror else "A", down]
        values = values[::-1] if upside_down else values
    if vendor == 2:
        elements["PhotometricInterpretation"] = "MONOCHROME1"
        values = np.uint16(2**bits) - 1 - values
        if rng.random() < 0.3:
            del elements["WindowCenter"], elements["WindowWidth"]
    return elements, np.ascontiguousarray(values[:, ::-1] if mirror else values)


def _save_mammogram(
    path: Path, elements: dict, stored: np.ndarray, exam: dict, side: str, view: str
) -> None:
    dataset = _new_dataset(path, MAMMOGRAM, exam)
    dataset.Modality = "MG"
    dataset.ImageLaterality = side
    dataset.ViewPosition = view
    dataset.PatientSex = _sex(exam)
    dataset.SamplesPerPixel = 1
    dataset.BitsAllocated = 16
    dataset.HighBit = elements["BitsStored"] - 1
    dataset.PixelRepresentation = 0
    dataset.Rows, dataset.Columns = stored.shape
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.add_new("PixelData", "OW", stored.tobytes())
    _save(dataset, path)


def _new_dataset(path: Path, kind: str, exam: dict) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = kind
    dataset.SOPInstanceUID = generate_uid(UID_PREFIX, [path.name, exam["acc_anon"]])
    dataset.PatientID = exam["empi_anon"]
    dataset.AccessionNumber = exam["acc_anon"]
    return dataset


def _save(dataset: Dataset, path: Path) -> None:
    """Write a DICOM file, explicit VR little endian."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
