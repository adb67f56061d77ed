"""A simulated EMBED release: tables/ with the clinical (reduced) and the metadata table, images/cohort_<n>/ with DICOM mammograms.

The columns are those that public descriptions name (shared/data/schemas) and the header elements that decoding needs. Quirks written:
several findings an exam, of either breast, both or none; diagnostic exams; other views than CC and MLO; synthetic C-views; men; races of
every spelling, missing and declined; density missing and with a decimal point; assessment X; windows with two values, windows missing
from the table and windows missing from both; MONOCHROME1; pictures stored either way round, some without orientation, some upside down;
presentation states among the pictures; patients without any picture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from rollcall.rehearse.draw import scene, write_table

ROWS, COLUMNS, PREFIX = 128, 96, "1.2.826.0.1.3680043.10.1404."
MAMMOGRAM, PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.11.1"
RACES = (
    "African American  or Black",
    "Caucasian or White",
    "Asian",
    "Native Hawaiian or Other Pacific Islander",
    "American Indian or Alaskan Native",
    "Multiple",
    "Unknown, Unavailable or Unreported",
    "Not Recorded",
    "Patient Declines",
    "",
)
RACE_SHARES = (0.4, 0.36, 0.08, 0.02, 0.02, 0.02, 0.04, 0.02, 0.02, 0.02)
SITE = "/mnt/NAS2/mammo/anon_dicom/"  # the publisher's own folder, as the paths in the table begin


def write(root: Path, patients: int, seed: int) -> None:
    """Write the release of `patients` invented patients: about six images each."""
    rng = np.random.default_rng([seed, 1])
    clinical, metadata = [], []
    for patient in range(patients):
        empi = str(10_000_000 + int(rng.integers(0, 10_000)) * 8_000 + patient)
        person = {
            "empi_anon": empi,
            "cohort_num": 1 + patient % 2,
            "RACE_DESC": str(rng.choice(RACES, p=RACE_SHARES)),
            "ETHNIC_GROUP_DESC": str(
                rng.choice(["Non-Hispanic or Latino", "Hispanic or Latino", ""])
            ),
            "GENDER_DESC": "Male" if patient % 40 == 39 else "Female",
        }
        density, age = int(rng.choice(4, p=[0.15, 0.4, 0.35, 0.1])), float(rng.uniform(38, 84))
        for visit in range(1 + int(rng.random() < 0.4)):
            exam = {
                **person,
                "acc_anon": str(
                    10**15 + int(rng.integers(0, 10**9)) * 10**6 + 10 * patient + visit
                ),
                "study_date_anon": f"20{13 + visit}-0{1 + patient % 9}-1{patient % 10}",
            }
            diagnostic = rng.random() < 0.1
            exam["desc"] = (
                "MG Diagnostic Mammo Bilateral"
                if diagnostic
                else str(rng.choice(["MG Screening Bilateral w/CAD", "MG SCREEN TOMO BILATERAL"]))
            )
            exam["tissueden"] = (
                "5.0"
                if person["GENDER_DESC"] == "Male"
                else ""
                if rng.random() < 0.03
                else f"{density + 1}.0"
            )
            exam["age_at_study"] = f"{age + visit:.3f}" if rng.random() < 0.98 else ""
            clinical += _findings(exam, rng)
            if patient % 25 != 24:
                metadata += _images(root, exam, density, [seed, patient], visit, rng)
    columns = [
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
    ]
    write_table(
        root / "tables" / "EMBED_OpenData_clinical_reduced.csv", pd.DataFrame(clinical)[columns]
    )
    write_table(root / "tables" / "EMBED_OpenData_metadata.csv", pd.DataFrame(metadata))


def _findings(exam: dict, rng) -> list[dict]:
    """Most exams have one negative finding without a side; some have a few, of one breast or both."""
    if rng.random() < 0.6:
        return [exam | {"asses": "N", "numfind": 1, "side": "", "path_severity": ""}]
    sides = rng.choice(["L", "R", "B", ""], int(rng.integers(1, 4)))
    return [
        exam
        | {
            "asses": str(
                rng.choice(list("NABPSMKX"), p=[0.3, 0.3, 0.2, 0.05, 0.05, 0.04, 0.03, 0.03])
            ),
            "numfind": place + 1,
            "side": str(side),
            "path_severity": str(rng.choice(["", "", "", "0", "4"])),
        }
        for place, side in enumerate(sides)
    ]


def _images(root: Path, exam: dict, density: int, seed: list[int], visit: int, rng) -> list[dict]:
    """The pictures of one exam, written, and their rows."""
    views = [(side, view, "2D") for side in "LR" for view in ("CC", "MLO")] + [
        ("R", "XCCL", "2D")
    ] * (rng.random() < 0.1)
    views = [view for view in views if rng.random() > 0.05] + [("L", "MLO", "cview")] * (
        rng.random() < 0.5
    )
    rows, place = [], f"cohort_{exam['cohort_num']}/{exam['empi_anon']}/{exam['acc_anon']}"
    for number, (side, view, kind) in enumerate(views):
        shown = (
            density if rng.random() > 0.04 else int(rng.integers(0, 4))
        )  # here and there the picture shows another density: something to remember
        series, name = f"{rng.integers(0, 16**12):012x}", f"{rng.integers(0, 16**12):012x}"
        path = f"{place}/{series}/{name}.dcm"
        picture = scene(
            np.random.default_rng(seed),
            np.random.default_rng([*seed, visit, number]),
            ROWS,
            COLUMNS,
            (shown,),
            4,
        )
        element = _stored(picture, side, view, rng)
        _save(root / "images" / path, element, exam, side, view)
        window = {
            name: ""
            if rng.random() < 0.1 or name not in element
            else str(element[name]).replace("'", "")
            for name in ("WindowCenter",)
        }
        window["WindowWidth"] = (
            str(element["WindowWidth"]).replace("'", "") if window["WindowCenter"] else ""
        )
        rows.append(
            {
                "empi_anon": exam["empi_anon"],
                "acc_anon": exam["acc_anon"],
                "cohort_num": exam["cohort_num"],
                "study_date_anon": exam["study_date_anon"],
                "anon_dicom_path": SITE + path,
                "FinalImageType": kind,
                "ImageLateralityFinal": side,
                "ViewPosition": view,
                "spot_mag": "",
                "num_roi": 0,
                "ROI_coords": "()",
                "Rows": ROWS,
                "Columns": COLUMNS,
                "PhotometricInterpretation": element["PhotometricInterpretation"],
                "PatientSex": "M" if exam["GENDER_DESC"] == "Male" else "F",
                **window,
                "PatientOrientation": str(element.get("PatientOrientation", "")),
                "FieldOfViewHorizontalFlip": element.get("FieldOfViewHorizontalFlip", ""),
            }
        )
    if rng.random() < 0.1:  # in the tree, in no table, and without pixels
        _save(
            root / "images" / f"{place}/{rng.integers(0, 16**12):012x}/state.dcm",
            None,
            exam,
            "",
            "",
        )
    return rows


def _stored(picture: np.ndarray, side: str, view: str, rng) -> dict:
    """A picture with its chest wall on the left -> the elements of a file of some vendor, whose decoding gives the picture back."""
    bits = int(rng.choice([12, 14]))
    values = picture.astype(np.uint16) << (bits - 8)
    element = {
        "BitsStored": bits,
        "PhotometricInterpretation": "MONOCHROME2",
        "WindowCenter": str(2 ** (bits - 1)),
        "WindowWidth": str(2**bits),
    }
    vendor = int(rng.integers(0, 4))
    mirror = side == "R"
    if vendor == 0:  # two windows, of which the first counts, and no orientation
        element |= {
            "WindowCenter": [element["WindowCenter"], "700"],
            "WindowWidth": [element["WindowWidth"], "90"],
        }
    elif vendor == 1:  # the field of view is flipped, no orientation
        mirror, element["FieldOfViewHorizontalFlip"] = not mirror, "YES"
    else:
        upside_down = rng.random() < 0.1
        foot = (
            ("F" if view == "MLO" else "R" if side == "L" else "L")
            if not upside_down
            else ("H" if view == "MLO" else side)
        )
        element["PatientOrientation"] = ["P" if mirror else "A", foot]
        values = values[::-1] if upside_down else values
    if vendor == 2:
        element["PhotometricInterpretation"], values = (
            "MONOCHROME1",
            np.uint16(2**bits) - 1 - values,
        )
        if rng.random() < 0.3:
            del element["WindowCenter"], element["WindowWidth"]
    return element | {"values": np.ascontiguousarray(values[:, ::-1] if mirror else values)}


def _save(path: Path, element: dict | None, exam: dict, side: str, view: str) -> None:
    """A DICOM file, explicit VR little endian; without `element` a presentation state."""
    dataset, kind = Dataset(), MAMMOGRAM if element else PRESENTATION_STATE
    dataset.SOPClassUID, dataset.SOPInstanceUID = (
        kind,
        generate_uid(PREFIX, [str(path.name), exam["acc_anon"]]),
    )
    dataset.Modality, dataset.PatientID, dataset.AccessionNumber = (
        "MG" if element else "PR",
        exam["empi_anon"],
        exam["acc_anon"],
    )
    if element:
        values = element["values"]
        dataset.ImageLaterality, dataset.ViewPosition, dataset.PatientSex = (
            side,
            view,
            "M" if exam["GENDER_DESC"] == "Male" else "F",
        )
        (
            dataset.SamplesPerPixel,
            dataset.BitsAllocated,
            dataset.HighBit,
            dataset.PixelRepresentation,
        ) = 1, 16, element["BitsStored"] - 1, 0
        dataset.Rows, dataset.Columns = values.shape
        for name in element.keys() - {"values"}:
            setattr(dataset, name, element[name])
        dataset.add_new("PixelData", "OW", values.tobytes())
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = (
        kind,
        dataset.SOPInstanceUID,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
