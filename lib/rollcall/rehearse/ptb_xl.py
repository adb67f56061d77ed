"""Write a simulated PTB-XL release, as version 1.0.3 is laid out.

    ptbxl_database.csv, scp_statements.csv
    records100/00000/00001_lr.{hea,dat}, records500/00000/00001_hr.{hea,dat}

Each thousand records have a folder; each record has a WFDB header and a signal file.
Quirks written: patient ids as floats, ages of 300 and without, free text with commas and quotes,
SCP statements with likelihood 0, records without any diagnostic statement, several superclasses a
record, extra beats in many spellings, gaps in the record numbers, folds by patient, and signals
that show another class than their statements say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.datasets.ptb_xl import DUPLICATES, LEADS
from rollcall.rehearse.drawing import write_table

DIAGNOSTIC = {  # superclass: its statements
    "NORM": "NORM",
    "MI": "IMI ASMI ILMI AMI ALMI INJAS LMI INJAL IPLMI IPMI INJIN INJLA PMI INJIL",
    "STTC": "NDT NST_ DIG LNGQT ISC_ ISCAL ISCIN ISCIL ISCAS ISCLA ANEUR EL ISCAN",
    "CD": "LAFB IRBBB 1AVB IVCD CRBBB CLBBB LPFB WPW ILBBB 3AVB 2AVB",
    "HYP": "LVH LAO/LAE RVH RAO/RAE SEHYP",
}
FORM = "ABQRS PVC STD_ VCLVH QWAVE LOWT NT_ PAC LPR INVT LVOLT HVOLT TAB_ STE_ PRC(S)"
DIAGNOSTIC_FORM = "NDT NST_ DIG LNGQT"  # statements that are both
RHYTHM = "SR AFIB STACH SARRH SBRAD PACE SVARR BIGU AFLT SVTAC PSVT TRIGU"
RHYTHM_SHARES = [0.8] + [0.2 / 11] * 11
SHARES = {"NORM": 0.44, "MI": 0.25, "STTC": 0.24, "CD": 0.22, "HYP": 0.12}
LIKELIHOODS = {100.0: 0.6, 80.0: 0.15, 50.0: 0.1, 15.0: 0.1, 0.0: 0.05}  # their shares
BEATS = ("1ES", "VES", "3ES", "SVES", "ES,", "alles, VES")
WRONG_SHARE = 0.06  # of signals that show another class: something to remember
SAMPLES, SAMPLING_RATE = 5_000, 500  # of a signal as it is drawn; Hz


def write(root: Path, patients: int, seed: int) -> None:
    """Write the release of `patients` invented patients, one to five records each, in ten folds."""
    _write_statements(root)
    rng = np.random.default_rng([seed, 0])
    rows, number = [], 0
    for patient in range(patients):
        person = _draw_person(rng, patient)
        for _ in range(1 + int(rng.choice([0, 1, 2, 4], p=[0.75, 0.15, 0.07, 0.03]))):
            number += 1 + int(rng.choice([0, 3, 17], p=[0.8, 0.15, 0.05]))
            while number in DUPLICATES:  # numbers that version 1.0.3 does not have
                number += 1
            classes, codes = _draw_diagnosis(rng, number)
            shown = classes
            if rng.random() <= WRONG_SHARE:
                shown = {str(rng.choice([name for name in SHARES if name not in classes]))}
            _write_record(root, number, shown, [seed, 1, patient], [seed, 2, number])
            rows.append(_draw_row(rng, number, person, codes))
    write_table(root / "ptbxl_database.csv", pd.DataFrame(rows))


def _draw_person(rng: np.random.Generator, patient: int) -> dict:
    age = float(int(np.clip(rng.normal(62, 18), 3, 99)))
    if age > 89 or patient % 41 == 4:
        age = 300.0  # as the release writes an age over 89
    return {
        "patient_id": float(10007 + 37 * patient % 9973 + 9973 * (patient // 9973)),
        "age": None if patient % 53 == 7 else age,
        "sex": int(rng.random() < 0.48),
        "height": float(rng.integers(150, 195)) if rng.random() < 0.3 else None,
        "weight": float(rng.integers(48, 110)) if rng.random() < 0.4 else None,
        "strat_fold": 1 + patient % 10,
    }


def _draw_diagnosis(rng: np.random.Generator, number: int) -> tuple[set[str], dict[str, float]]:
    """Draw the superclasses of a record and its SCP statements with their likelihoods."""
    diseases = list(SHARES)[1:]
    if rng.random() < SHARES["NORM"]:
        classes = {"NORM"}
    elif number % 43 == 11:  # no diagnostic statement at all
        classes = set()
    else:
        classes = {name for name in diseases if rng.random() < SHARES[name] / 0.5}
        classes = classes or {str(rng.choice(diseases))}
    likelihoods, shares = list(LIKELIHOODS), list(LIKELIHOODS.values())
    codes = {
        str(rng.choice(DIAGNOSTIC[name].split())): float(rng.choice(likelihoods, p=shares))
        for name in SHARES
        if name in classes
    }
    if rng.random() < 0.4:
        codes[str(rng.choice(FORM.split()))] = 0.0
    codes[str(rng.choice(RHYTHM.split(), p=RHYTHM_SHARES))] = 0.0
    return classes, codes


def _draw_row(rng: np.random.Generator, number: int, person: dict, codes: dict) -> dict:
    """Draw a record's row of ptbxl_database.csv."""
    folder = _folder(number)
    return {
        "ecg_id": number,
        **{name: person[name] for name in ("patient_id", "age", "sex", "height", "weight")},
        "nurse": float(rng.integers(0, 12)),
        "site": float(rng.integers(0, 4)),
        "device": str(rng.choice(["CS-12   E", "AT-6 C", "AT-60    3", "CS100    3"])),
        "recording_date": _draw_date(rng),
        "report": f'invented report, number {number}: "nothing real"',
        "scp_codes": str(codes),
        "heart_axis": rng.choice(["MID", "LAD", "ALAD", None]),
        "infarction_stadium1": "Stadium II" if rng.random() < 0.1 else None,
        "infarction_stadium2": None,
        "validated_by": float(rng.integers(0, 12)) if rng.random() < 0.6 else None,
        "second_opinion": bool(rng.random() < 0.02),
        "initial_autogenerated_report": bool(rng.random() < 0.3),
        "validated_by_human": bool(rng.random() < 0.75),
        "baseline_drift": " , V6" if rng.random() < 0.07 else None,
        "static_noise": " , I-V1,  " if rng.random() < 0.15 else None,
        "burst_noise": "alles" if rng.random() < 0.03 else None,
        "electrodes_problems": "V6" if rng.random() < 0.01 else None,
        "extra_beats": str(rng.choice(BEATS)) if rng.random() < 0.09 else None,
        "pacemaker": "ja, pacemaker" if rng.random() < 0.01 else None,
        "strat_fold": person["strat_fold"],
        "filename_lr": f"records100/{folder}/{number:05d}_lr",
        "filename_hr": f"records500/{folder}/{number:05d}_hr",
    }


def _draw_date(rng: np.random.Generator) -> str:
    day = f"{rng.integers(1985, 2002)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
    return f"{day} {rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}:11"


def _folder(number: int) -> str:
    return f"{number // 1000 * 1000:05d}"


def _write_statements(root: Path) -> None:
    superclass = {code: name for name, codes in DIAGNOSTIC.items() for code in codes.split()}
    form, rhythm = f"{DIAGNOSTIC_FORM} {FORM}".split(), RHYTHM.split()
    rows = []
    for code in dict.fromkeys([*superclass, *form, *rhythm]):
        name = superclass.get(code)
        rows.append(
            {
                "": code,
                "description": f"statement {code}",
                "diagnostic": 1.0 if name else None,
                "form": 1.0 if code in form else None,
                "rhythm": 1.0 if code in rhythm else None,
                "diagnostic_class": name,
                "diagnostic_subclass": code if name else None,
                "Statement Category": "invented",
                "SCP-ECG Statement Description": f"statement {code}, in words",
                "AHA code": None,
                "aECG REFID": None,
                "CDISC Code": None,
                "DICOM Code": None,
            }
        )
    write_table(root / "scp_statements.csv", pd.DataFrame(rows))


def _write_record(
    root: Path, number: int, shown: set[str], patient_seed: list[int], record_seed: list[int]
) -> None:
    """Write one ECG at both rates; the slower is every fifth sample of the faster."""
    patient_rng, record_rng = map(np.random.default_rng, (patient_seed, record_seed))
    microvolts = draw_ecg(shown, patient_rng, record_rng)
    for rate, suffix in ((100, "lr"), (500, "hr")):
        stored, name = microvolts[:: SAMPLING_RATE // rate], f"{number:05d}_{suffix}"
        folder = root / f"records{rate}" / _folder(number)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.dat").write_bytes(stored.astype("<i2").tobytes())
        lines = [f"{name} {len(LEADS)} {rate} {len(stored)}"]
        for lead, first, total in zip(
            LEADS, stored[0], stored.sum(axis=0, dtype=np.int64), strict=True
        ):
            lines.append(f"{name}.dat 16 1000.0(0)/mV 16 0 {first} {total % 65536} 0 {lead}")
        (folder / f"{name}.hea").write_text("\n".join(lines) + "\n", encoding="utf-8")


def draw_ecg(
    shown: set[str], patient_rng: np.random.Generator, record_rng: np.random.Generator
) -> np.ndarray:
    """Draw an ECG as int16 microvolts (5000, 12), in the shape of the superclasses shown.

    A beat is five waves; their heights and the heart rate are the patient's own.
    """
    heights = {"P": 0.12, "Q": -0.08, "R": 1.0, "S": -0.2, "T": 0.3}  # mV
    centres = {"P": -0.18, "Q": -0.035, "R": 0.0, "S": 0.035, "T": 0.28}  # seconds from R
    widths = {"P": 0.025, "Q": 0.01, "R": 0.012, "S": 0.012, "T": 0.05}  # seconds
    if "MI" in shown:
        heights["Q"], widths["Q"] = -0.5, 0.02
    if "STTC" in shown:
        heights["T"] = -0.25
    if "CD" in shown:
        widths |= {"R": 0.035, "S": 0.04}
    if "HYP" in shown:
        heights |= {"R": 2.2, "S": -0.9}
    sizes = patient_rng.uniform(0.85, 1.15, len(heights))
    beat = patient_rng.uniform(0.7, 1.1) * record_rng.uniform(0.95, 1.05)  # seconds
    axis = patient_rng.uniform(0.4, 1.0)
    time = np.arange(SAMPLES) / SAMPLING_RATE
    phase = (time + record_rng.uniform(0, beat)) % beat - 0.4 * beat
    waves = np.stack(
        [
            heights[name] * size * np.exp(-0.5 * ((phase - centres[name]) / widths[name]) ** 2)
            for name, size in zip(heights, sizes, strict=True)
        ]
    )
    one = waves.T @ np.array([1, 1, axis, 1, 0.8])
    two = waves.T @ np.array([1.2, 1, 1, 1, 1])
    limbs = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    chest = [
        waves.T @ np.array([0.6, 0.5, 0.2 + 0.2 * lead, 2.2 - 0.4 * lead, 0.4 + 0.15 * lead])
        for lead in range(6)
    ]
    leads = np.stack([*limbs, *chest], axis=1)
    cycles, start = (
        record_rng.uniform(0.1, 0.4),
        record_rng.uniform(0, 6),
    )  # of the baseline's drift
    drift = 0.05 * np.sin(2 * np.pi * cycles * time + start)[:, None]
    noise = record_rng.normal(0, 0.02, leads.shape)
    return np.rint(1000 * (leads + drift + noise)).astype(np.int16)
