"""Published numbers, to be set beside a run's own.

Knolle et al., Disparate privacy risks from medical AI, Nature 656, 192-198 (2026),
doi:10.1038/s41586-026-10688-0. Aggregates from the first author's public companion page: the small
model of each dataset, 200 target models. Datasets and groups go by the names of rollcall.datasets;
`subgroups` has the published name where no cohort has another (ALIASES).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE

FOLDER = Path(__file__).parent
ALIASES = {  # (dataset, published attribute): the cohort's attribute
    ("embed", "birads"): "assessment",
    ("fitzpatrick17k", "skin_type"): "skin type",
    ("fitzpatrick17k", "diagnosis"): "label",
    ("fairvision", "diagnosis"): "label",
}
# Trainable numbers of the paper's small model of each data set, counted from its published code.
PARAMETERS = {
    "ptb_xl": 2_021_381,
    "fitzpatrick17k": 1_466_707,
    "embed": 1_466_548,
    "mimic_cxr": 1_467_838,
    "chexpert": 1_467_838,
    "mimic_iv_ed": 1_649_401,
    "fairvision": 1_466_935,
}
# Groups that a cohort names by a number and words: "0 additional evaluation" is the published "0".
FIRST_WORD = {("embed", "assessment")}


def aggregate() -> pd.DataFrame:
    """Return one row per dataset.

    dataset, modality, records, patients
    aggregate_lira_auc                    mean AUC of online LiRA over 10 target models
    max_patient_auc, median_patient_auc   of patients' largest record AUC
    """
    return pd.read_csv(FOLDER / "aggregate.csv")


def survival() -> pd.DataFrame:
    """Return how many patients are at or above each risk, by dataset.

    dataset, auc (0.5 to 1); patients with a largest record AUC of at least that; share of all
    patients of the dataset.
    """
    table = pd.read_csv(FOLDER / "survival.csv").rename(columns={"patient_auc_at_least": "auc"})
    return table.assign(
        share=table["patients"] / table.groupby("dataset")["patients"].transform("max")
    )


def at_or_above(risk: float) -> pd.DataFrame:
    """Return what share of patients has a largest record AUC of at least `risk`, by dataset.

    dataset, parameters (of the small model), share; in the order of PARAMETERS.
    """
    table = survival()
    share = table[table["auc"] > risk - 1e-9].groupby("dataset")["share"].max()
    names = list(PARAMETERS)
    return pd.DataFrame(
        {
            "dataset": names,
            "parameters": list(PARAMETERS.values()),
            "share": share.reindex(names).fillna(0).to_numpy(),
        }
    )


def subgroups() -> pd.DataFrame:
    """Return the published panel: one row per dataset, attribute and group.

    dataset, attribute, group   under the cohort's names
    train_share                 of all records whose value counts
    tail_share                  of the 1% of records of highest AUC
    tail_count, tail_records    of the group, and in all
    residual                    Pearson's, (count - expected) / sqrt(expected)
    chi2, p_bonferroni          of the attribute

    Groups under 10 records are left out; the tail is 1% of the records, so a group has about
    100 * tail_records * train_share.
    """
    table = pd.read_csv(FOLDER / "subgroups.csv", dtype={"group": str})
    table["attribute"] = [
        ALIASES.get((dataset, attribute), attribute)
        for dataset, attribute in zip(table["dataset"], table["attribute"], strict=True)
    ]
    expected = table["tail_records"] * table["train_share"]
    table["residual"] = (table["tail_count"] - expected) / np.sqrt(expected)
    return table[100 * expected >= MIN_GROUP_SIZE].reset_index(drop=True)


def key(dataset: str, attribute: str, group: str) -> tuple[str, str, str]:
    """Return what a group, a cohort's or a published one, is matched by: case does not count."""
    attribute, group = attribute.casefold(), str(group).casefold().strip()
    if group and (dataset, attribute) in FIRST_WORD:
        group = group.split()[0]
    return dataset, attribute, group


def beside(dataset: str, attributes, groups) -> pd.DataFrame:
    """Return the published row for each (attribute, group) of a cohort, in order.

    train_share, tail_share, residual; NaN where nothing is published.
    """
    columns = ["train_share", "tail_share", "residual"]
    table = subgroups()[["dataset", "attribute", "group", *columns]]
    published = {key(*row[:3]): row[3:] for row in table.itertuples(index=False, name=None)}
    nothing = (np.nan,) * len(columns)
    rows = [
        published.get(key(dataset, attribute, group), nothing)
        for attribute, group in zip(attributes, groups, strict=True)
    ]
    return pd.DataFrame(rows, columns=columns, dtype=float)
