"""Who is more exposed than whom: the groups of patients compared."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.risk.groups.cutoffs import compare_cutoffs
from rollcall.risk.groups.disparity import compare_groups
from rollcall.risk.groups.listing import list_groups
from rollcall.risk.groups.ranking import pair_score

__all__ = ["compare", "compare_cutoffs", "compare_groups", "list_groups", "pair_score"]


def compare(
    patients: pd.DataFrame,
    attributes: pd.DataFrame,
    statistic: np.ndarray,
    members: np.ndarray,
    seed: int = 0,
    pairs: list[tuple[str, str]] | None = None,
) -> dict[str, pd.DataFrame]:
    """Compare the groups of every attribute: the tables `disparity` and `cutoffs`.

    patients as assess_risk returns it; attributes, a row per patient, as patient_attributes returns
    it; statistic (2K, P), members bool (2K, P): the joint statistic, paired; pairs of attributes to
    cross as in iterate_intersections. Columns: compare_groups, compare_cutoffs. InputError if rows
    do not match, or no attribute has two groups that are large enough.
    """
    groups = list_groups(attributes, patients["label"].to_numpy(), pairs)
    return {
        "disparity": compare_groups(groups, patients, attributes, statistic, members),
        "cutoffs": compare_cutoffs(
            groups, statistic, members, patients["exposed"].to_numpy(), seed
        ),
    }
