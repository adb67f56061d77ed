"""Who is more exposed than whom: the groups of patients compared."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.risk.groups.cutoffs import compare_cutoffs
from rollcall.risk.groups.disparity import compare_groups
from rollcall.risk.groups.listing import NothingToCompareError, list_groups
from rollcall.risk.groups.ranking import pair_score, rank_score

# The columns of both tables; where no group is large enough, of empty ones.
KEYS = {"attribute": str, "group": str, "intersection": bool}
DISPARITY = (
    *("is_outcome", "patients", "share", "records", "exposed", "exposed_share", "exposed_low"),
    *("exposed_high", "exposed_by_chance", "share_exposed", "risk_ratio", "ci_low", "ci_high"),
    *("ratio_within", "within_low", "within_high", "shift", "shift_low", "shift_high"),
    *("deconvolved_share", "deconvolved_others", "deconvolved_ratio", "deconvolved_low"),
    *("deconvolved_high", "odds_ratio", "odds_low", "odds_high", "odds_p", "odds_method", "p"),
    "p_adjusted",
)
CUTOFFS = (
    *("cutoff", "top", "is_exposed", "inside", "ratio", "ratio_low", "ratio_high"),
    *("floor_low", "floor_high"),
)
NO_NUMBERS = {"is_outcome": bool, "is_exposed": bool, "odds_method": str}

__all__ = [
    "compare",
    "compare_cutoffs",
    "compare_groups",
    "list_groups",
    "pair_score",
    "rank_score",
]


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
    it; statistic (M, P), members bool (M, P): the joint statistic, in pairs or not; pairs of
    attributes to cross as in iterate_intersections. Columns: compare_groups, compare_cutoffs. Both
    are empty where no attribute has two groups that are large enough. InputError if rows do not
    match.
    """
    try:
        groups = list_groups(attributes, patients["label"].to_numpy(), pairs)
    except NothingToCompareError:
        return {"disparity": _make_empty(DISPARITY), "cutoffs": _make_empty(CUTOFFS)}
    return {
        "disparity": compare_groups(groups, patients, attributes, statistic, members),
        "cutoffs": compare_cutoffs(
            groups, statistic, members, patients["exposed"].to_numpy(), seed
        ),
    }


def _make_empty(columns: tuple[str, ...]) -> pd.DataFrame:
    """Make a table of groups without a row."""
    kinds = KEYS | {name: NO_NUMBERS.get(name, float) for name in columns}
    return pd.DataFrame({name: np.empty(0, kind) for name, kind in kinds.items()})
