"""Take out of the tables of groups what the gate hides, and whatever would give it away."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups, iterate_intersections
from rollcall.report.gate.design import PATIENTS, TOTAL, is_small
from rollcall.report.gate.show import count_known
from rollcall.report.gate.suppression import protect
from rollcall.risk.groups.disparity import find_tested
from rollcall.risk.groups.exact import adjust_p_values
from rollcall.risk.groups.ranking import pair_score, share_top

EXPOSED, TESTED = "exposed", "tested"
KEY, TEST = ["attribute", "group"], ["p", "p_adjusted"]
MOST_AT_CUTOFFS = 50  # attributes, beyond which no cutoffs are shown: the gate would take minutes
# Numbers of a row of compare_groups that follow from how many of the group are exposed, and those
# that compare it with all others whose value is known.
FROM_EXPOSED = ("exposed", "exposed_share", "exposed_low", "exposed_high", "exposed_by_chance")
COMPARED = (
    *("risk_ratio", "ci_low", "ci_high", "ratio_within", "within_low", "within_high"),
    *("odds_ratio", "odds_low", "odds_high", "odds_p", "p", "p_adjusted"),
)
AT_CUTOFF = ("inside", "ratio", "ratio_low", "ratio_high")
PANEL = ("observed", "residual", "relative", "chi2", "p", "p_bonferroni")


def count_groups(
    attributes: pd.DataFrame, flags: Mapping[str, np.ndarray], smallest: int = MIN_GROUP_SIZE
) -> pd.DataFrame:
    """Count what may be shown, as protect; crossed are the attributes that are compared crossed.

    Every table of one cohort is made of it, so that all show the same sizes. Flags that are the
    same are looked at once.
    """
    first: dict[bytes, str] = {}
    same = {
        name: first.setdefault(np.packbits(flag).tobytes(), name) for name, flag in flags.items()
    }
    different = {name: np.asarray(flags[name]) for name in first.values()}
    counts = protect(attributes, different, smallest, iterate_intersections(attributes))
    return counts.assign(**{name: counts[other] for name, other in same.items()})


def hide_groups(
    disparity: pd.DataFrame,
    cutoffs: pd.DataFrame,
    patients: pd.DataFrame,
    attributes: pd.DataFrame,
    statistic: np.ndarray,
    members: np.ndarray,
    smallest: int = MIN_GROUP_SIZE,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hide what may not leave in the two tables of rollcall.risk.groups.compare, of its arguments.

    Rows whose size is hidden are left out. Where the count of exposed patients, or of those at a
    cutoff, is hidden, every number that follows from it is NaN; so are shares and ratios among the
    patients whose value is known, where they would say how many patients that are; and p-values,
    where the count that they test is hidden. Holm's adjustment is over the p-values shown. Of more
    than 50 attributes there are no cutoffs, and of tested counts only small ones are hidden, not
    others that would give them away.
    """
    exposed, label = patients["exposed"].to_numpy(bool), patients["stratum"].to_numpy()
    score = pair_score(statistic, members)
    flags, places = {EXPOSED: exposed}, {}
    tops = find_tested(score, exposed, label)
    if attributes.shape[1] > MOST_AT_CUTOFFS:
        cutoffs = cutoffs.iloc[:0]
    else:
        flags |= {f"{TESTED} {is_outcome}": top for is_outcome, top in tops.items()}
    for cutoff in sorted(cutoffs.loc[~cutoffs["is_exposed"], "cutoff"].unique(), reverse=True):
        share = share_top(score, max(1, round(cutoff * len(score))))
        names = [f"top {cutoff:g}", f"surely top {cutoff:g}"]
        flags |= dict(zip(names, (share > 0, share >= 1), strict=True))
        places[cutoff] = names
    counts = count_groups(attributes, flags, smallest)
    shown = _hide_disparity(disparity, counts)
    if attributes.shape[1] > MOST_AT_CUTOFFS:
        number = _cells_of(shown, _count_tested(attributes, tops, disparity))[TESTED]
        hidden = is_small(number, smallest) | is_small(shown["patients"] - number, smallest)
    else:
        cells, outcome = _cells_of(shown, counts), shown["is_outcome"].to_numpy(bool)
        hidden = np.where(outcome, cells[f"{TESTED} True"].isna(), cells[f"{TESTED} False"].isna())
    shown.loc[hidden, TEST] = np.nan
    known = shown["p"].notna()  # a hidden row's p-value may not show through another's adjusted one
    shown.loc[known, "p_adjusted"] = adjust_p_values(shown.loc[known, "p"])
    return shown, _hide_cutoffs(cutoffs, counts, places)


def _count_tested(
    attributes: pd.DataFrame, tops: Mapping[bool, np.ndarray], disparity: pd.DataFrame
) -> pd.DataFrame:
    """Count the patients at the top in each row's exact test, which its p-value may give away."""
    outcome = {(row.attribute, row.group): row.is_outcome for row in disparity.itertuples()}
    listed = chain(iterate_groups(attributes), iterate_intersections(attributes))
    rows = [
        (attribute, group, np.count_nonzero(inside & tops[bool(outcome[attribute, group])]))
        for attribute, group, inside, _ in listed
        if (attribute, group) in outcome
    ]
    return pd.DataFrame(rows, columns=[*KEY, TESTED])


def _hide_disparity(disparity: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    cells = _cells_of(disparity, counts)
    table = disparity[cells[PATIENTS].notna().to_numpy()].reset_index(drop=True)
    cells = cells[cells[PATIENTS].notna()].reset_index(drop=True)
    numbers = [*FROM_EXPOSED, *COMPARED, "share", "share_exposed"]
    table = table.astype(dict.fromkeys(numbers, float))
    few = cells[EXPOSED].isna().to_numpy()
    table.loc[few, [*FROM_EXPOSED, *COMPARED, "share_exposed"]] = np.nan
    known = _list_known(table["attribute"], counts)
    total = counts[counts["attribute"] == TOTAL].iloc[0]
    for place, row in enumerate(table.itertuples()):
        hidden = _tell_known(row, known[row.attribute], total)
        if hidden:
            table.loc[place, hidden] = np.nan  # pyright: ignore
    return table


def _cells_of(table: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Return the counts of each row of a table."""
    return table[KEY].merge(counts, on=KEY, how="left", validate="many_to_one")


def _list_known(names: pd.Series, counts: pd.DataFrame) -> dict[str, pd.Series]:
    """Tell of each attribute, by column, whether it may be shown of how many a value is known.

    Of an intersection, both values. A share of those known gives their number away.
    """
    plain = {part for name in names.unique() for part in (name, *name.split(" x "))}
    shown = {name: count_known(counts, name).notna() for name in plain}
    return {
        name: pd.DataFrame([shown[part] for part in (name, *name.split(" x "))]).all()
        for name in names.unique()
    }


def _tell_known(row, known: pd.Series, total: pd.Series) -> list[str]:
    """List the numbers of a row from which a hidden number of patients without a value follows.

    A number stays if it would be written the same were everybody's value known.
    """
    hidden: list[str] = []
    size, everybody = row.patients, float(total[PATIENTS])
    if not known[PATIENTS] and f"{row.share:.1%}" != f"{size / everybody:.1%}":
        hidden.append("share")
    if np.isnan(row.exposed) or (known[PATIENTS] and known[EXPOSED]):
        return hidden
    count, exposed = row.exposed, float(total[EXPOSED])
    if not known[EXPOSED] and f"{row.share_exposed:.1%}" != f"{count / max(exposed, 1):.1%}":
        hidden.append("share_exposed")
    if not _is_written_alike(row.risk_ratio, count, size, exposed, everybody):
        hidden += COMPARED
    return hidden


def _is_written_alike(
    ratio: float, count: float, size: float, everyone: float, everybody: float
) -> bool:
    """Tell whether a ratio is written as that of count of size to the rest of both totals is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.float64(everyone - count) / np.float64(everybody - size)
        return f"{ratio:.2f}" == f"{np.float64(count / size) / rest:.2f}"


def _hide_cutoffs(
    cutoffs: pd.DataFrame, counts: pd.DataFrame, places: Mapping[float, list[str]]
) -> pd.DataFrame:
    cells = _cells_of(cutoffs, counts)
    kept = cells[PATIENTS].notna().to_numpy()
    table, cells = cutoffs[kept].reset_index(drop=True), cells[kept].reset_index(drop=True)
    table = table.astype({"cutoff": float} | dict.fromkeys(["top", *AT_CUTOFF], float))
    total = counts[counts["attribute"] == TOTAL].iloc[0]
    known = _list_known(table["attribute"], counts)
    for is_exposed, cutoff in {(False, cutoff) for cutoff in places} | {(True, np.nan)}:
        names = [EXPOSED] if is_exposed else places[cutoff]
        at = table["is_exposed"] == is_exposed
        rows = np.flatnonzero(at if is_exposed else at & (table["cutoff"] == cutoff))
        hides = cells.loc[rows, names].isna().any(axis=1).to_numpy(copy=True)
        for place, row in enumerate(table.loc[rows].itertuples()):
            if not hides[place] and not known[row.attribute][[PATIENTS, *names]].all():
                numbers = row.inside, cells[PATIENTS][rows[place]], row.top, total[PATIENTS]
                hides[place] = not _is_written_alike(row.ratio, *map(float, numbers))
        table.loc[rows[hides], list(AT_CUTOFF)] = np.nan
    if pd.isna(total[EXPOSED]):  # how many are exposed is where the row stands
        table.loc[table["is_exposed"], ["cutoff", "top", "floor_low", "floor_high"]] = np.nan
    return table


def list_shown(attributes: pd.DataFrame, smallest: int = MIN_GROUP_SIZE) -> dict[str, list[str]]:
    """List the groups of each attribute whose sizes may be shown."""
    counts = count_groups(attributes, {}, smallest)
    shown = counts[counts[PATIENTS].notna() & ~counts["intersection"]]
    return {
        str(attribute): shown.loc[shown["attribute"] == attribute, "group"].tolist()
        for attribute in counts["attribute"].unique()
    }


def hide_panel(
    panel: pd.DataFrame,
    tops: Mapping[str, np.ndarray],
    patient_index: np.ndarray,
    attributes: pd.DataFrame,
    smallest: int = MIN_GROUP_SIZE,
) -> pd.DataFrame:
    """Hide what may not leave in a panel of rollcall.paper.panel.

    tops: by attribute, the records at the top, bool (records,), of find_tops; patient_index
    (records,); attributes, a row per patient. Where any of an attribute's counts of patients at the
    top is hidden, all that follows from them is NaN in all of its rows, and stars ""; so are
    numbers of records where all but a few records are of one of its groups.
    """
    behind = {f"top of {name}": np.bincount(patient_index, top) > 0 for name, top in tops.items()}
    counts = count_groups(attributes, behind, smallest)
    table = panel.astype(dict.fromkeys([*PANEL, "top_patients", "records"], float))
    cells = _cells_of(table, counts)
    table = table[cells[PATIENTS].notna().to_numpy()].reset_index(drop=True)
    for attribute, rows in table.groupby("attribute", sort=False):
        of_group = cells.loc[cells["attribute"] == attribute, f"top of {attribute}"]
        top = rows[["top_patients", "patients"]].to_numpy()
        few = is_small(np.stack([top[:, 0], top[:, 1] - top[:, 0]]), smallest)
        if of_group.isna().any() or few.any():
            table.loc[rows.index, [*PANEL, "top_patients"]] = np.nan
            table.loc[rows.index, "stars"] = ""
        rest = len(patient_index) - panel.loc[panel["attribute"] == attribute, "records"].sum()
        if 0 < rest < smallest:  # records without a value, of fewer patients still
            table.loc[rows.index, ["records", "share", "expected"]] = np.nan
    return table
