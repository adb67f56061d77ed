"""A simulated PTB-XL release, as version 1.0.3 is laid out: ptbxl_database.csv, scp_statements.csv, and records100/ and records500/ with a
folder for each thousand records, a WFDB header (.hea) and signal file (.dat) each.

Quirks written: patient ids as floats, ages of 300 and without, free text with commas and quotes, SCP statements with likelihood 0, records
without any diagnostic statement, several superclasses a record, extra beats in many spellings, gaps in the record numbers, folds by
patient, and signals that show another class than their statements say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.rehearse.draw import write_table

DIAGNOSTIC = {  # the statements of each superclass
    "NORM": "NORM",
    "MI": "IMI ASMI ILMI AMI ALMI INJAS LMI INJAL IPLMI IPMI INJIN INJLA PMI INJIL",
    "STTC": "NDT NST_ DIG LNGQT ISC_ ISCAL ISCIN ISCIL ISCAS ISCLA ANEUR EL ISCAN",
    "CD": "LAFB IRBBB 1AVB IVCD CRBBB CLBBB LPFB WPW ILBBB 3AVB 2AVB",
    "HYP": "LVH LAO/LAE RVH RAO/RAE SEHYP",
}
FORM = "NDT NST_ DIG LNGQT ABQRS PVC STD_ VCLVH QWAVE LOWT NT_ PAC LPR INVT LVOLT HVOLT TAB_ STE_ PRC(S)".split()
RHYTHM = "SR AFIB STACH SARRH SBRAD PACE SVARR BIGU AFLT SVTAC PSVT TRIGU".split()
SHARES = {"NORM": 0.44, "MI": 0.25, "STTC": 0.24, "CD": 0.22, "HYP": 0.12}
BEATS = ("1ES", "VES", "3ES", "SVES", "ES,", "alles, VES")
LEADS = ("I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6")
SKIPPED = {
    137,
    139,
    140,
    141,
    142,
    143,
    145,
    456,
    458,
    459,
    461,
    462,
}  # numbers that version 1.0.3 does not have
WRONG = 0.06


def write(root: Path, patients: int, seed: int) -> None:
    """Write the release of `patients` invented patients with one to five records each, in ten folds."""
    _statements(root)
    rng, rows, number = np.random.default_rng([seed, 0]), [], 0
    for patient in range(patients):
        person = _person(rng, patient)
        for _ in range(1 + int(rng.choice([0, 1, 2, 4], p=[0.75, 0.15, 0.07, 0.03]))):
            number += 1 + int(rng.choice([0, 3, 17], p=[0.8, 0.15, 0.05]))
            while number in SKIPPED:
                number += 1
            has, codes = _diagnosis(rng, number)
            shown = (
                has
                if rng.random() > WRONG
                else {str(rng.choice([name for name in SHARES if name not in has]))}
            )  # something to remember
            _record(root, number, shown, [seed, 1, patient], [seed, 2, number])
            rows.append(_row(rng, number, person, codes))
    write_table(root / "ptbxl_database.csv", pd.DataFrame(rows))


def _person(rng, patient: int) -> dict:
    age = float(int(np.clip(rng.normal(62, 18), 3, 99)))
    return {
        "patient_id": float(10007 + 37 * patient % 9973 + 9973 * (patient // 9973)),
        "age": None if patient % 53 == 7 else 300.0 if age > 89 or patient % 41 == 4 else age,
        "sex": int(rng.random() < 0.48),
        "height": float(rng.integers(150, 195)) if rng.random() < 0.3 else None,
        "weight": float(rng.integers(48, 110)) if rng.random() < 0.4 else None,
        "strat_fold": 1 + patient % 10,
    }


def _diagnosis(rng, number: int) -> tuple[set[str], dict[str, float]]:
    """The superclasses of a record and its SCP statements with their likelihoods."""
    if rng.random() < SHARES["NORM"]:
        has = {"NORM"}
    elif number % 43 == 11:  # no diagnostic statement at all
        has = set()
    else:
        has = {name for name in list(SHARES)[1:] if rng.random() < SHARES[name] / 0.5}
        has = has or {str(rng.choice(list(SHARES)[1:]))}
    codes = {
        str(rng.choice(DIAGNOSTIC[name].split())): float(
            rng.choice([100.0, 80.0, 50.0, 15.0, 0.0], p=[0.6, 0.15, 0.1, 0.1, 0.05])
        )
        for name in SHARES
        if name in has
    }
    codes |= {str(rng.choice(FORM[4:])): 0.0} if rng.random() < 0.4 else {}
    return has, codes | {str(rng.choice(RHYTHM, p=[0.8] + [0.2 / 11] * 11)): 0.0}


def _row(rng, number: int, person: dict, codes: dict) -> dict:
    text, folder = (
        f'invented report, number {number}: "nothing real"',
        f"{number // 1000 * 1000:05d}",
    )
    return {
        "ecg_id": number,
        **{name: person[name] for name in ("patient_id", "age", "sex", "height", "weight")},
        "nurse": float(rng.integers(0, 12)),
        "site": float(rng.integers(0, 4)),
        "device": str(rng.choice(["CS-12   E", "AT-6 C", "AT-60    3", "CS100    3"])),
        "recording_date": f"{rng.integers(1985, 2002)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d} "
        f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}:11",
        "report": text,
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


def _statements(root: Path) -> None:
    superclass = {code: name for name, codes in DIAGNOSTIC.items() for code in codes.split()}
    rows = []
    for code in dict.fromkeys([*superclass, *FORM, *RHYTHM]):
        name = superclass.get(code)
        rows.append(
            {
                "": code,
                "description": f"statement {code}",
                "diagnostic": 1.0 if name else None,
                "form": 1.0 if code in FORM else None,
                "rhythm": 1.0 if code in RHYTHM else None,
                "diagnostic_class": name,
                "diagnostic_subclass": name and code,
                "Statement Category": "invented",
                "SCP-ECG Statement Description": f"statement {code}, in words",
                "AHA code": None,
                "aECG REFID": None,
                "CDISC Code": None,
                "DICOM Code": None,
            }
        )
    write_table(root / "scp_statements.csv", pd.DataFrame(rows))


def _record(
    root: Path, number: int, shown: set[str], patient: list[int], record: list[int]
) -> None:
    """Write one ECG at both rates; the slower is every fifth sample of the faster."""
    microvolts = ecg(shown, np.random.default_rng(patient), np.random.default_rng(record))
    for folder, rate, suffix in (("records100", 100, "lr"), ("records500", 500, "hr")):
        stored, name = microvolts[:: 500 // rate], f"{number:05d}_{suffix}"
        place = root / folder / f"{number // 1000 * 1000:05d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.dat").write_bytes(stored.astype("<i2").tobytes())
        lines = [
            f"{name}.dat 16 1000.0(0)/mV 16 0 {stored[0, lead]} {int(stored[:, lead].sum(dtype=np.int64)) % 65536} 0 {LEADS[lead]}"
            for lead in range(12)
        ]
        (place / f"{name}.hea").write_text(
            "\n".join([f"{name} 12 {rate} {len(stored)}", *lines]) + "\n"
        )


def ecg(shown: set[str], patient: np.random.Generator, record: np.random.Generator) -> np.ndarray:
    """int16 microvolts (5000, 12): beats of five waves, of the patient's own height and rate, in the shape of the superclasses shown."""
    heights = {"P": 0.12, "Q": -0.08, "R": 1.0, "S": -0.2, "T": 0.3}
    centres, widths = (
        {"P": -0.18, "Q": -0.035, "R": 0.0, "S": 0.035, "T": 0.28},
        {"P": 0.025, "Q": 0.01, "R": 0.012, "S": 0.012, "T": 0.05},
    )
    if "MI" in shown:
        heights["Q"], widths["Q"] = -0.5, 0.02
    if "STTC" in shown:
        heights["T"] = -0.25
    if "CD" in shown:
        widths |= {"R": 0.035, "S": 0.04}
    if "HYP" in shown:
        heights |= {"R": 2.2, "S": -0.9}
    own, beat = (
        patient.uniform(0.85, 1.15, 5),
        patient.uniform(0.7, 1.1) * record.uniform(0.95, 1.05),
    )
    axis = patient.uniform(0.4, 1.0)
    time = np.arange(5000) / 500
    phase = (time + record.uniform(0, beat)) % beat - 0.4 * beat
    waves = np.stack(
        [
            heights[name] * size * np.exp(-0.5 * ((phase - centres[name]) / widths[name]) ** 2)
            for name, size in zip(heights, own)
        ]
    )
    one, two = (
        waves.T @ np.array([1, 1, axis, 1, 0.8]),
        waves.T @ np.array([1.2, 1, 1, 1, 1]),
    )  # leads I and II; the other limb leads follow
    chest = [
        waves.T @ np.array([0.6, 0.5, 0.2 + 0.2 * place, 2.2 - 0.4 * place, 0.4 + 0.15 * place])
        for place in range(6)
    ]
    leads = np.stack(
        [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, *chest], axis=1
    )
    drift = (
        0.05 * np.sin(2 * np.pi * record.uniform(0.1, 0.4) * time + record.uniform(0, 6))[:, None]
    )
    return np.rint(1000 * (leads + drift + record.normal(0, 0.02, leads.shape))).astype(np.int16)
