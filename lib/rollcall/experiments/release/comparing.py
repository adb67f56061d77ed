"""Groups of the members of a release compared: who is named more often than whom."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups
from rollcall.risk.groups.exact import adjust_p_values, conditional_p_value
from rollcall.risk.groups.ratios import compare_within
from rollcall.stats.metrics import exact_limits

COLUMNS = (
    *("attribute", "group", "members", "named", "share", "share_low", "share_high"),
    *("outsiders", "outsiders_above", "blind_named", "ratio", "ratio_low", "ratio_high"),
    *("p", "p_adjusted", "may_show"),
)


def compare_release_groups(
    attributes: pd.DataFrame,
    label: np.ndarray,
    members: np.ndarray,
    named: np.ndarray,
    above: np.ndarray,
    blind_named: np.ndarray,
    smallest: int = MIN_GROUP_SIZE,
) -> pd.DataFrame:
    """Compare the members of each group with all other members whose attribute is known.

    attributes: a row per patient, as patient_attributes returns it; label int (P,): code of each
    patient's training label; members, named (a member whom the model exposes), above (an outsider
    who scores as high), blind_named (named without the model): bool (P,).

    members, named, share with its exact 95% interval: of the group. outsiders, outsiders_above:
    outsiders of the group, and those who score as high as a named member. ratio: of the shares,
    within label (Mantel and Haenszel), over patients of this one model. p: exact, within label;
    p_adjusted: Holm's. may_show: whether no count of the attribute's, but 0, is under `smallest`.
    Groups of fewer than 10 members, or that leave so few, are not compared and have no row.
    """
    strata = np.unique(label, return_inverse=True)[1]
    rows = []
    for attribute, name, group, known in iterate_groups(attributes):
        inside, others = group & members, known & ~group & members
        if min(inside.sum(), others.sum()) < MIN_GROUP_SIZE:
            continue
        contrast = compare_within(named * 1.0, inside[:, None], (known & members)[:, None], strata)
        reach = 1.96 * np.sqrt(contrast.patients[0])
        hits, count = int((named & inside).sum()), int(inside.sum())
        share = hits / count
        low, high = exact_limits(share, share * (1 - share) / count, count, count)
        outside = group & ~members
        rows.append(
            {
                "attribute": attribute,
                "group": name,
                "members": count,
                "named": hits,
                "share": share,
                "share_low": low,
                "share_high": high,
                "outsiders": int(outside.sum()),
                "outsiders_above": int((above & outside).sum()),
                "blind_named": int((blind_named & inside).sum()),
                "ratio": float(np.exp(contrast.estimate[0])),
                "ratio_low": float(np.exp(contrast.middle[0] - reach)),
                "ratio_high": float(np.exp(contrast.middle[0] + reach)),
                "p": _compute_p(inside, others, named, strata),
            }
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS[:-2]))
    table["p_adjusted"] = adjust_p_values(table["p"].to_numpy(float))
    shown = find_shown(attributes, members, named, smallest)
    table["may_show"] = table["attribute"].isin(shown)
    return table


def find_shown(
    attributes: pd.DataFrame, members: np.ndarray, named: np.ndarray, smallest: int
) -> set[str]:
    """Find the attributes of which every count of members may be shown: 0, or `smallest` and more.

    Of each group, and of those whose value is missing: the named and the others. Otherwise a hidden
    count could be had from the sum, so the attribute is hidden as a whole.
    """
    hidden, seen = set(), set()
    for attribute, _, group, known in iterate_groups(attributes):
        seen.add(attribute)
        for part in (group, known & ~group, ~known):
            counts = (part & members & named).sum(), (part & members & ~named).sum()
            if any(0 < count < smallest for count in counts):
                hidden.add(attribute)
    return seen - hidden


def _compute_p(
    inside: np.ndarray, others: np.ndarray, named: np.ndarray, strata: np.ndarray
) -> float:
    """Compute the exact p-value of a group's number of named, within strata; NaN if nobody is."""
    if not named.any():
        return np.nan
    count = int(strata.max()) + 1
    both = inside | others
    table = np.column_stack(
        [
            np.bincount(strata[inside & named], minlength=count),
            np.bincount(strata[inside], minlength=count),
            np.bincount(strata[both & named], minlength=count),
            np.bincount(strata[both], minlength=count),
        ]
    )
    return conditional_p_value(table)
