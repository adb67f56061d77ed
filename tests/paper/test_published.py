import csv
import math

import numpy as np

from rollcall.paper import published


def rows_of(name):
    with open(published.FOLDER / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_published_residuals_add_up_to_the_published_chi_square():
    chi_squares, table = {}, published.subgroups()
    for row in rows_of("subgroups"):
        expected = float(row["tail_records"]) * float(row["train_share"])
        chi_squares.setdefault((row["dataset"], row["attribute"]), []).append(
            (float(row["tail_count"]) - expected) ** 2 / expected
        )
        row_of_table = table[
            (table["dataset"] == row["dataset"])
            & (table["group"] == row["group"])
            & np.isclose(table["tail_share"], float(row["tail_share"]))
        ]
        if expected >= 0.1:
            assert (
                (
                    row_of_table["residual"]
                    - (float(row["tail_count"]) - expected) / math.sqrt(expected)
                ).abs()
                < 1e-12
            ).any()
    for row in rows_of("subgroups"):
        assert math.isclose(
            sum(chi_squares[row["dataset"], row["attribute"]]),
            float(row["chi2"]),
            rel_tol=5e-3,
            abs_tol=0.06,
        )
    assert len(chi_squares) == 22
    assert set(table.loc[table["dataset"] == "embed", "attribute"]) == {
        "density",
        "assessment",
        "race",
        "view",
    }
    small = [
        row
        for row in rows_of("subgroups")
        if 100 * float(row["tail_records"]) * float(row["train_share"]) < 10
    ]
    assert [row["group"] for row in small] == ["5"]
    assert len(table) == len(rows_of("subgroups")) - 1


def test_published_curves_agree_with_the_published_medians_and_sizes():
    curves, whole = published.survival(), published.aggregate().set_index("dataset")
    assert set(curves["dataset"]) == set(whole.index)
    assert len(whole) == 7
    for dataset, curve in curves.groupby("dataset"):
        assert curve["share"].iloc[0] == 1
        assert curve["auc"].is_monotonic_increasing
        assert curve["share"].is_monotonic_decreasing
        assert curve["patients"].iloc[0] == whole.loc[dataset, "patients"]
        median = whole.loc[dataset, "median_patient_auc"]
        assert (
            curve.loc[curve["auc"] <= median - 0.003, "share"].min()
            >= 0.5
            >= curve.loc[curve["auc"] >= median + 0.003, "share"].max()
        )
        largest = curve.loc[curve["patients"] > 0, "auc"].max()
        assert largest - 0.0006 <= whole.loc[dataset, "max_patient_auc"] <= largest + 0.0031


def test_every_published_group_has_a_group_of_our_cohorts_to_stand_beside():
    from rollcall.datasets import (
        chexpert,
        embed,
        fairvision,
        fitzpatrick17k,
        mimic_cxr,
        mimic_iv_ed,
        ptb_xl,
    )
    from rollcall.datasets.parts import chest, demographics

    modules = {
        "chexpert": chest,
        "mimic_cxr": chest,
        "embed": embed,
        "fairvision": fairvision,
        "fitzpatrick17k": fitzpatrick17k,
        "mimic_iv_ed": mimic_iv_ed,
        "ptb_xl": ptb_xl,
    }
    race, sex, no_yes = demographics.RACES, ("Female", "Male"), ("no", "yes")
    named = {
        ("fitzpatrick17k", "skin type"): fitzpatrick17k.SKIN_TYPES,
        ("fitzpatrick17k", "label"): fitzpatrick17k.CLASSES,
        ("fairvision", "label"): fairvision.CLASSES,
        ("embed", "density"): embed.DENSITIES,
        ("embed", "assessment"): tuple(embed.ASSESSMENTS.values()),
        ("embed", "view"): ("CC", "MLO"),
        ("chexpert", "view"): chexpert.VIEWS,
        ("mimic_cxr", "view"): mimic_cxr.PAPER_VIEWS,
        ("mimic_iv_ed", "insurance"): ("Medicare", "Medicaid"),
    }
    table = published.subgroups()
    for (dataset, attribute), rows in table.groupby(["dataset", "attribute"]):
        assert attribute in modules[dataset].ATTRIBUTES
        groups = named.get(
            (dataset, attribute),
            race if attribute == "race" else sex if attribute == "sex" else no_yes,
        )
        beside = published.beside(dataset, [attribute] * len(groups), groups)
        assert sorted(beside["train_share"].dropna()) == sorted(rows["train_share"]), (
            dataset,
            attribute,
        )
    none = published.beside("simulated", ["sex"], ["female"])
    assert none.shape == (1, 3)
    assert none.isna().all(axis=None)
    assert published.beside("ptb_xl", ["SEX", "sex"], ["male", "neither"])["train_share"].tolist()[
        :1
    ] == [0.521504]
