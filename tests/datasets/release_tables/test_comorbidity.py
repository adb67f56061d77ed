"""Comorbidity flags: single codes with the groups they must set, input forms, and a loop twin."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rollcall.datasets.release_tables.comorbidity import CHARLSON, ELIXHAUSER, NAMES, code_flags

CHARLSON_NAMES = [
    "MI",
    "CHF",
    "PVD",
    "Stroke",
    "Dementia",
    "Pulmonary",
    "Rheumatic",
    "PUD",
    "Liver1",
    "DM1",
    "DM2",
    "Paralysis",
    "Renal",
    "Cancer1",
    "Liver2",
    "Cancer2",
    "HIV",
]
ELIXHAUSER_NAMES = [
    "Arrhythmia",
    "Valvular",
    "PHTN",
    "HTN1",
    "HTN2",
    "NeuroOther",
    "Hypothyroid",
    "Lymphoma",
    "Coagulopathy",
    "Obesity",
    "WeightLoss",
    "FluidsLytes",
    "BloodLoss",
    "Anemia",
    "Alcohol",
    "Drugs",
    "Psychoses",
    "Depression",
]

# One case a line: version, code, then every group it sets (none: nothing).
CASES = """
9 41071 MI
9 412 MI
9 4110
9 4139
9 39891 CHF
9 4280 CHF
9 4254 CHF
9 4259 CHF
9 4253
9 4255 CHF Alcohol
9 4290
9 40291 CHF HTN2
9 40290 HTN2
9 40391 Renal HTN2
9 40390 HTN2
9 40491 CHF HTN2
9 40492 Renal HTN2
9 40493 CHF Renal HTN2
9 4019 HTN1
9 4059 HTN2
9 4400 PVD
9 4439 PVD
9 4430
9 V434 PVD
9 4373 PVD Stroke
9 0930 PVD
9 09320 Valvular
9 43491 Stroke
9 430 Stroke
9 4389 Stroke
9 439
9 36234 Stroke
9 36233
9 2900 Dementia
9 29410 Dementia
9 2940
9 3312 Dementia
9 496 Pulmonary
9 49390 Pulmonary
9 490 Pulmonary
9 505 Pulmonary
9 4871
9 5064 Pulmonary
9 5060
9 4168 Pulmonary PHTN
9 4160 PHTN
9 41519 PHTN
9 4171
9 7100 Rheumatic
9 7105
9 7140 Rheumatic
9 7143
9 53140 PUD
9 5349 PUD
9 53500
9 53530 Alcohol
9 5715 Liver1
9 5712 Liver1 Alcohol
9 07054 Liver1
9 07051
9 5722 Liver2
9 5721
9 4560 Liver2
9 45621 Liver2
9 4563
9 25000 DM1
9 25033 DM1
9 25040 DM2
9 25070 DM2
9 25080 DM1
9 2490
9 34290 Paralysis
9 3441 Paralysis
9 3448
9 3341 Paralysis NeuroOther
9 5856 Renal
9 5830 Renal
9 5839
9 5849
9 V5611 Renal
9 V451 Renal
9 V4501 Arrhythmia
9 1629 Cancer1
9 1400 Cancer1
9 1720 Cancer1
9 1739
9 1749 Cancer1
9 1958 Cancer1
9 20280 Cancer1 Lymphoma
9 20300 Cancer1 Lymphoma
9 20310 Cancer1
9 20500 Cancer1
9 2386 Cancer1 Lymphoma
9 2387
9 1960 Cancer2
9 1991 Cancer2
9 209
9 042 HIV
9 42731 Arrhythmia
9 4275
9 42613 Arrhythmia
9 42611
9 4241 Valvular
9 3940 Valvular
9 3989
9 34590 NeuroOther
9 3320 NeuroOther
9 3330
9 2449 Hypothyroid
9 2869 Coagulopathy
9 2874 Coagulopathy
9 2872
9 27801 Obesity
9 2781
9 262 WeightLoss
9 264
9 2761 FluidsLytes
9 2767 FluidsLytes
9 2800 BloodLoss
9 2809 Anemia
9 2819 Anemia
9 2829
9 30390 Alcohol
9 2910
9 30500 Alcohol
9 3051
9 30560 Drugs
9 30400 Drugs
9 V6542 Drugs
9 V6541
9 29570 Psychoses
9 29604 Psychoses
9 29603
9 29654 Psychoses Depression
9 29650 Depression
9 29620 Depression
9 311 Depression
9 30000
9 E8600
9 E8700
10 I214 MI
10 I252 MI
10 I251
10 I2510
10 I24
10 I509 CHF
10 I420 CHF
10 I421
10 I425 CHF
10 I426 CHF Alcohol
10 I427 CHF
10 I43 CHF
10 I44
10 I110 CHF HTN2
10 I119 HTN2
10 I10 HTN1
10 I120 Renal HTN2
10 I130 CHF HTN2
10 I131 Renal HTN2
10 I132 CHF HTN2
10 I14
10 I159 HTN2
10 I160
10 I7020 PVD
10 I739 PVD
10 I730
10 Z959 PVD
10 I639 Stroke
10 G459 Stroke
10 I69354 Stroke
10 H340 Stroke
10 H341
10 F0390 Dementia
10 G309 Dementia
10 F051 Dementia
10 F05
10 F04
10 J449 Pulmonary
10 J47 Pulmonary
10 J48
10 J18
10 I279 Pulmonary PHTN
10 I270 PHTN
10 I2699 PHTN
10 M069 Rheumatic
10 M329 Rheumatic
10 M350
10 K259 PUD
10 K29
10 K746 Liver1
10 K703 Liver1 Alcohol
10 K704 Liver2
10 B182 Liver1
10 B171
10 K767 Liver2
10 I8501 Liver2
10 E119 DM1
10 E1165 DM1
10 E1122 DM2
10 E107 DM2
10 E15
10 E0800
10 G8190 Paralysis
10 G838
10 G114 Paralysis NeuroOther
10 N186 Renal
10 N179
10 Z992 Renal
10 Z940 Renal
10 Z944 Liver1
10 C3490 Cancer1
10 C439 Cancer1
10 C44
10 C4492
10 C27
10 C56 Cancer1
10 C59
10 C61 Cancer1
10 C76 Cancer1
10 C77 Cancer2
10 C7951 Cancer2
10 C80 Cancer2
10 C7A00
10 C833 Cancer1 Lymphoma
10 C86
10 C9000 Cancer1 Lymphoma
10 C901 Cancer1
10 C9200 Cancer1
10 B20 HIV
10 B23
10 B24 HIV
10 I4891 Arrhythmia
10 I440
10 I441 Arrhythmia
10 I469
10 Z950 Arrhythmia
10 I350 Valvular
10 Z952 Valvular
10 Z951
10 I099 CHF
10 G20 NeuroOther
10 G40909 NeuroOther
10 G23
10 E039 Hypothyroid
10 E04
10 D689 Coagulopathy
10 D692
10 D696 Coagulopathy
10 E660 Obesity
10 E6601 Obesity
10 E67
10 E43 WeightLoss
10 R634 WeightLoss
10 R630
10 E871 FluidsLytes
10 E860 FluidsLytes
10 E88
10 D500 BloodLoss
10 D509 Anemia
10 D519 Anemia
10 D501
10 D649
10 F1020 Alcohol
10 T510 Alcohol
10 F1120 Drugs
10 F17
10 F199 Drugs
10 F209 Psychoses
10 F204 Psychoses Depression
10 F21
10 F312 Psychoses
10 F313 Depression
10 F315 Psychoses Depression
10 F329 Depression
10 F32 Depression
10 F341 Depression
10 F340
"""


def _cases():
    for line in CASES.split("\n"):
        if line:
            version, code, *groups = line.split()
            yield code, int(version), set(groups)


def _groups(code, version):
    """Group names, without the index prefix, set by one code."""
    row = code_flags(pd.Series([code], dtype=object), np.array([version]))[0]
    return {name.split("_")[1] for name, hit in zip(NAMES, row, strict=True) if hit}


def test_names():
    assert list(CHARLSON) == CHARLSON_NAMES
    assert list(ELIXHAUSER) == ELIXHAUSER_NAMES
    assert (
        tuple(["cci_" + n for n in CHARLSON_NAMES] + ["eci_" + n for n in ELIXHAUSER_NAMES])
        == NAMES
    )
    assert len(NAMES) == 35


def test_prefixes_are_plain_and_not_redundant():
    for name, lists in [*CHARLSON.items(), *ELIXHAUSER.items()]:
        for prefixes in lists:
            assert prefixes, name
            assert len(set(prefixes)) == len(prefixes), name
            for p in prefixes:
                assert 3 <= len(p) <= 5, (name, p)
                assert p.isalnum(), (name, p)
                assert p == p.upper(), (name, p)
                assert not any(p != q and p.startswith(q) for q in prefixes), (name, p)
        assert all(p[0].isdigit() or p[0] == "V" for p in lists[0])
        assert all(p[0].isalpha() for p in lists[1])


def test_ranges_are_written_out():
    assert CHARLSON["HIV"] == (("042", "043", "044"), ("B20", "B21", "B22", "B24"))
    assert CHARLSON["Liver2"][0] == (
        "4560",
        "4561",
        "4562",
        "5722",
        "5723",
        "5724",
        "5725",
        "5726",
        "5727",
        "5728",
    )
    assert {"C00", "C09", "C10", "C26"} <= set(CHARLSON["Cancer1"][1])
    assert len(CHARLSON["DM1"][1]) == len(CHARLSON["DM2"][1]) == 25
    assert not set(CHARLSON["DM1"][1]) & set(CHARLSON["DM2"][1])


@pytest.mark.parametrize(("code", "version", "groups"), list(_cases()))
def test_cases(code, version, groups):
    assert _groups(code, version) == groups


def test_cases_cover_every_name_in_both_versions():
    for version in (9, 10):
        seen = set().union(*(groups for _, v, groups in _cases() if v == version))
        assert seen == set(CHARLSON_NAMES + ELIXHAUSER_NAMES)
    assert len(list(_cases())) >= 70
    assert sum(not groups for _, _, groups in _cases()) >= 30


@pytest.mark.parametrize(
    ("code", "version", "groups"),
    [
        ("4280   ", 9, {"CHF"}),
        ("  4280", 9, {"CHF"}),
        ("i509 ", 10, {"CHF"}),
        (" e6601", 10, {"Obesity"}),
        ("v434", 9, {"PVD"}),
        ("042  ", 9, {"HIV"}),
        ("", 9, set()),
        ("   ", 10, set()),
        ("42", 9, set()),
        ("I", 10, set()),
        (None, 9, set()),
        (np.nan, 10, set()),
        ("4280", 10, set()),
        ("25000", 10, set()),
        ("I509", 9, set()),
        ("E119", 9, set()),
        ("4280", 0, set()),
        ("4280", 11, set()),
    ],
)
def test_input_forms(code, version, groups):
    assert _groups(code, version) == groups


def test_no_icd9_case_counts_as_icd10_and_the_reverse():
    for code, version, _ in _cases():
        if code[0].isdigit() or version == 10:
            assert _groups(code, 19 - version) == set(), code


def test_shape_index_and_dtypes():
    codes, versions = ["4280", "I509", "4280", "I509 "], np.array([9, 10, 10, 10])
    want = code_flags(pd.Series(codes), versions)
    assert want.shape == (4, 35)
    assert want.dtype == bool
    assert want[:, NAMES.index("cci_CHF")].tolist() == [True, True, False, True]
    assert want.sum() == 3
    for series in (
        pd.Series(codes, index=[7, 7, 1, 0]),
        pd.Series(codes, dtype="category"),
        pd.Series(codes, dtype="string"),
    ):
        assert np.array_equal(code_flags(series, versions.astype("int8")), want)
    assert code_flags(pd.Series([], dtype=object), np.array([], dtype=int)).shape == (0, 35)
    with pytest.raises(ValueError):
        code_flags(pd.Series(codes), versions[:2])


def _twin(codes, versions):
    """The same flags, one row, one group and one prefix at a time."""
    out = []
    for code, version in zip(codes, versions, strict=True):
        row = []
        for lists in list(CHARLSON.values()) + list(ELIXHAUSER.values()):
            hit = False
            for prefix in lists[0] if version == 9 else lists[1]:
                if code.strip().upper().startswith(prefix):
                    hit = True
            row.append(hit)
        out.append(row)
    return np.array(out)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_twin_on_random_codes(seed):
    rng = np.random.default_rng(seed)
    known = [
        p
        for lists in [*CHARLSON.values(), *ELIXHAUSER.values()]
        for prefixes in lists
        for p in prefixes
    ]
    codes = []
    for _ in range(1500):
        tail = "".join(rng.choice(list("0123456789"), rng.integers(0, 4)))
        if rng.random() < 0.6:
            start = str(rng.choice(known))
            start = start[: rng.integers(2, len(start) + 1)]
        else:
            start = (
                str(rng.choice(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")))
                + f"{rng.integers(0, 100):02d}"
            )
        code = start + tail
        code = code.lower() if rng.random() < 0.3 else code
        codes.append(" " * rng.integers(0, 2) + code + " " * rng.integers(0, 3))
    codes = codes + codes[:300]
    versions = rng.choice([9, 10], len(codes))
    got = code_flags(pd.Series(codes), versions)
    assert np.array_equal(got, _twin(codes, versions))
    assert got.any(axis=0).sum() >= 30
