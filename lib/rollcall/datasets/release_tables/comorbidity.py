"""Comorbidity flags of single ICD codes, in the groups of Charlson and of Elixhauser.

Source: Quan et al. 2005, Med Care 43:1130-1139; the lists of the enhanced ICD-9-CM and the ICD-10
columns, as code prefixes without dots. Each group is read on its own: no hierarchy between groups
(mild and severe, local and metastatic) is applied, so one code can set several flags.

The lists were written from knowledge of the published tables, not copied from the paper. All 35
groups agree, in both versions, with the tables of the package pycomorb 1.20261001, but for the
ICD-9 codes 497 to 499 in Pulmonary, which do not exist. Borders and choices worth knowing:
- Cancer1: melanoma (172, C43) counts, other skin cancer (173, C44) does not; 2386 counts, both
  here and in Lymphoma.
- 2965 is Depression, 29654 also Psychoses; F315 and F204 are Psychoses and Depression.
- NeuroOther: R56 and 7803 (convulsions) as a whole, R470 and 7843 (aphasia), 3319, G318, G319.
- Renal: V451, V56, Z490-Z492, Z992 (dialysis), V420, Z940 (transplant).
- Liver1: 0706, 0709 and the chronic viral hepatitis five-digit codes; K700, K703, K709 are in
  Alcohol too.
- Arrhythmia: 42611 is out (42610, 42612, 42613 are in); cardiac arrest (4275, I46) is out.
- ICD-10-CM categories that the paper's ICD-10 lacks (C4A, C7A, C7B, E08, E09, I16 and so on) are
  left out; codes below a listed prefix are taken with it. E116 and its like stay in DM1 as
  published, although ICD-10-CM uses them for specified complications.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd


def _codes(text: str) -> tuple[str, ...]:
    """Read a blank-separated list of prefixes.

    `A-B` is every code from A to B, both with the same letter and of the same length.
    """
    codes = []
    for item in text.split():
        first, _, last = item.partition("-")
        if not last:
            codes.append(first)
            continue
        letter = first[0] if first[0].isalpha() else ""
        digits = len(first) - len(letter)
        numbers = range(int(first[len(letter) :]), int(last[len(letter) :]) + 1)
        codes += [f"{letter}{number:0{digits}d}" for number in numbers]
    return tuple(codes)


def _diabetes(digits: str) -> str:
    """List E10 to E14, each followed by each of the digits."""
    return " ".join(f"E{category}{digit}" for category in range(10, 15) for digit in digits)


CHARLSON = {
    name: (_codes(icd9), _codes(icd10))
    for name, icd9, icd10 in (
        ("MI", "410 412", "I21 I22 I252"),
        (
            "CHF",
            "39891 40201 40211 40291 40401 40403 40411 40413 40491 40493 4254-4259 428",
            "I099 I110 I130 I132 I255 I420 I425-I429 I43 I50 P290",
        ),
        (
            "PVD",
            "0930 4373 440 441 4431-4439 4471 5571 5579 V434",
            "I70 I71 I731 I738 I739 I771 I790 I792 K551 K558 K559 Z958 Z959",
        ),
        ("Stroke", "36234 430-438", "G45 G46 H340 I60-I69"),
        ("Dementia", "290 2941 3312", "F00-F03 F051 G30 G311"),
        (
            "Pulmonary",
            "4168 4169 490-505 5064 5081 5088",
            "I278 I279 J40-J47 J60-J67 J684 J701 J703",
        ),
        ("Rheumatic", "4465 7100-7104 7140-7142 7148 725", "M05 M06 M315 M32-M34 M351 M353 M360"),
        ("PUD", "531-534", "K25-K28"),
        (
            "Liver1",
            "07022 07023 07032 07033 07044 07054 0706 0709 570 571 5733 5734 5738 5739 V427",
            "B18 K700-K703 K709 K713-K715 K717 K73 K74 K760 K762-K764 K768 K769 Z944",
        ),
        ("DM1", "2500-2503 2508 2509", _diabetes("01689")),
        ("DM2", "2504-2507", _diabetes("23457")),
        ("Paralysis", "3341 342 343 3440-3446 3449", "G041 G114 G801 G802 G81 G82 G830-G834 G839"),
        (
            "Renal",
            "40301 40311 40391 40402 40403 40412 40413 40492 40493 582 5830-5837 585 586 5880 "
            "V420 V451 V56",
            "I120 I131 N032-N037 N052-N057 N18 N19 N250 Z490-Z492 Z940 Z992",
        ),
        (
            "Cancer1",
            "140-172 174-194 1950-1958 200-208 2386",
            "C00-C26 C30-C34 C37-C41 C43 C45-C58 C60-C76 C81-C85 C88 C90-C97",
        ),
        ("Liver2", "4560-4562 5722-5728", "I850 I859 I864 I982 K704 K711 K721 K729 K765-K767"),
        ("Cancer2", "196-199", "C77-C80"),
        ("HIV", "042-044", "B20-B22 B24"),
    )
}

ELIXHAUSER = {
    name: (_codes(icd9), _codes(icd10))
    for name, icd9, icd10 in (
        (
            "Arrhythmia",
            "4260 42610 42612 42613 4267 4269 4270-4274 4276-4279 7850 99601 99604 V450 V533",
            "I441-I443 I456 I459 I47-I49 R000 R001 R008 T821 Z450 Z950",
        ),
        (
            "Valvular",
            "0932 394-397 424 7463-7466 V422 V433",
            "A520 I05-I08 I091 I098 I34-I39 Q230-Q233 Z952-Z954",
        ),
        ("PHTN", "4150 4151 416 4170 4178 4179", "I26 I27 I280 I288 I289"),
        ("HTN1", "401", "I10"),
        ("HTN2", "402-405", "I11-I13 I15"),
        (
            "NeuroOther",
            "3319 3320 3321 3334 3335 33392 334 335 3362 340 341 345 3481 3483 7803 7843",
            "G10-G13 G20-G22 G254 G255 G312 G318 G319 G32 G35-G37 G40 G41 G931 G934 R470 R56",
        ),
        ("Hypothyroid", "2409 243 244 2461 2468", "E00-E03 E890"),
        ("Lymphoma", "200-202 2030 2386", "C81-C85 C88 C96 C900 C902"),
        ("Coagulopathy", "286 2871 2873-2875", "D65-D68 D691 D693-D696"),
        ("Obesity", "2780", "E66"),
        ("WeightLoss", "260-263 7832 7994", "E40-E46 R634 R64"),
        ("FluidsLytes", "2536 276", "E222 E86 E87"),
        ("BloodLoss", "2800", "D500"),
        ("Anemia", "2801-2809 281", "D508 D509 D51-D53"),
        (
            "Alcohol",
            "2652 2911-2913 2915-2919 3030 3039 3050 3575 4255 5353 5710-5713 980 V113",
            "F10 E52 G621 I426 K292 K700 K703 K709 T51 Z502 Z714 Z721",
        ),
        ("Drugs", "292 304 3052-3059 V6542", "F11-F16 F18 F19 Z715 Z722"),
        (
            "Psychoses",
            "2938 295 29604 29614 29644 29654 297 298",
            "F20 F22-F25 F28 F29 F302 F312 F315",
        ),
        ("Depression", "2962 2963 2965 3004 309 311", "F204 F313-F315 F32 F33 F341 F412 F432"),
    )
}

NAMES = tuple("cci_" + name for name in CHARLSON) + tuple("eci_" + name for name in ELIXHAUSER)


@functools.cache
def _columns_by_prefix() -> dict[tuple[int, str], list[int]]:
    """Map (ICD version, prefix) to the columns of NAMES that the prefix sets."""
    columns: dict[tuple[int, str], list[int]] = {}
    for column, (icd9, icd10) in enumerate([*CHARLSON.values(), *ELIXHAUSER.values()]):
        for version, prefixes in ((9, icd9), (10, icd10)):
            for prefix in prefixes:
                columns.setdefault((version, prefix), []).append(column)
    return columns


def code_flags(codes: pd.Series, versions: np.ndarray) -> np.ndarray:
    """Say whether each code lies in each group of NAMES.

    codes: (rows,) without dots; blanks around them and case do not matter. versions: (rows,), the
    ICD version of each, 9 or 10. A missing code, or another version, sets nothing. Returns bool
    (rows, groups).
    """
    versions = np.asarray(versions)
    if len(versions) != len(codes):
        raise ValueError(f"{len(codes)} codes but {len(versions)} versions")
    columns = _columns_by_prefix()
    lengths = sorted({len(prefix) for _, prefix in columns})
    # each different pair of code and version is looked up once; `pair` is (code + 1) * 3 + version
    code_ids, unique_codes = pd.factorize(codes)  # -1: missing
    version_ids = np.where(versions == 9, 1, np.where(versions == 10, 2, 0))
    pairs, inverse = np.unique((code_ids + 1) * 3 + version_ids, return_inverse=True)
    flags = np.zeros((len(pairs), len(NAMES)), dtype=bool)
    for row, pair in enumerate(pairs.tolist()):
        code_id, version = pair // 3 - 1, (None, 9, 10)[pair % 3]
        if code_id < 0 or version is None:
            continue
        code = str(unique_codes[code_id]).strip().upper()
        for length in lengths:
            if length <= len(code):
                flags[row, columns.get((version, code[:length]), [])] = True
    return flags[inverse]
