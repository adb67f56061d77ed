"""Take out of the tables of groups what the gate hides, and whatever would give it away."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups, iterate_intersections
from rollcall.report.gate.design import PATIENTS, TOTAL, choose_clearest, is_small
from rollcall.report.gate.partitions import (
    MOST_SHOWN,
    list_showable,
    split_crossed,
)
from rollcall.report.gate.show import count_known, round_as_written
from rollcall.report.gate.suppression import protect
from rollcall.risk.groups import compare_cutoffs, compare_groups, list_groups
from rollcall.risk.groups.disparity import find_tested
from rollcall.risk.groups.exact import adjust_p_values
from rollcall.risk.groups.listing import Groups
from rollcall.risk.groups.ranking import rank_score, share_top

EXPOSED, TESTED = "exposed", "tested"
KEY, TEST = ["attribute", "group"], ["p", "p_adjusted"]
# Numbers of a row of compare_groups that follow from how many of the group are exposed, and those
# that compare it with all others whose value is known.
FROM_EXPOSED = ("exposed", "exposed_share", "exposed_low", "exposed_high", "exposed_by_chance")
COMPARED = (
    *("risk_ratio", "ci_low", "ci_high", "ratio_within", "within_low", "within_high"),
    *("odds_ratio", "odds_low", "odds_high", "odds_p", "p", "p_adjusted"),
)
# Estimates, and no counts; but where nearly all at risk are exposed they come near a hidden one.
ESTIMATED = tuple(f"deconvolved_{name}" for name in ("share", "others", "ratio", "low", "high"))
AT_CUTOFF = ("inside", "ratio", "ratio_low", "ratio_high")
PANEL = ["observed", "residual", "relative", "chi2", "p", "p_bonferroni"]
FROM_RECORDS = ["records", "share", "expected"]


def count_groups(
    attributes: pd.DataFrame,
    flags: Mapping[str, np.ndarray],
    smallest: int = MIN_GROUP_SIZE,
    pairs: list[tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """Count what may be shown, as protect; pairs of attributes to cross as in
    iterate_intersections.

    Every table of one cohort is made of it, so that all show the same sizes. Flags that are the
    same are looked at once. Of more than MOST_SHOWN attributes the first that are showable are
    counted, none of them crossed.
    """
    if attributes.shape[1] > MOST_SHOWN:
        showable = list_showable(attributes, smallest)
        attributes, pairs = attributes.loc[:, showable[:MOST_SHOWN]], []
    first: dict[bytes, str] = {}
    same = {
        name: first.setdefault(np.packbits(flag).tobytes(), name) for name, flag in flags.items()
    }
    different = {name: np.asarray(flags[name]) for name in first.values()}
    counts = protect(attributes, different, smallest, iterate_intersections(attributes, pairs))
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
    cutoff, is hidden, every number that follows from it is NaN; and p-values, where the count that
    they test is hidden. Holm's adjustment is over the p-values shown. Where it may not be told of
    how many patients an attribute is known, in any column, its groups are compared with everybody
    else, those without a value too. Numbers are as exact as tables write them: figures are drawn,
    and files written, of what is returned. Of more than MOST_SHOWN attributes so many are kept,
    those of the smallest p-values (choose_clearest), and none that are crossed; Holm's adjustment
    counts the rows left out.
    """
    exposed, label = patients["exposed"].to_numpy(bool), patients["stratum"].to_numpy()
    score = rank_score(statistic, members)
    tops = find_tested(score, exposed, label)
    flags = {EXPOSED: exposed} | {f"{TESTED} {is_outcome}": top for is_outcome, top in tops.items()}
    rows, pairs, places = len(disparity), None, {}
    if attributes.shape[1] > MOST_SHOWN:
        chosen = choose_clearest(disparity, attributes, flags, smallest)
        attributes, pairs = attributes.loc[:, chosen], []
        disparity, cutoffs = (_keep_rows(table, attributes) for table in (disparity, cutoffs))
    left_out = rows - len(disparity)
    for cutoff in sorted(cutoffs.loc[~cutoffs["is_exposed"], "cutoff"].unique(), reverse=True):
        share = share_top(score, max(1, round(cutoff * len(score))))
        names = [f"top {cutoff:g}", f"surely top {cutoff:g}"]
        flags |= dict(zip(names, (share > 0, share >= 1), strict=True))
        places[cutoff] = names
    counts = count_groups(attributes, flags, smallest, pairs)
    disparity, cutoffs = _count_as_others(
        _list_untold(disparity, counts, attributes),
        *(disparity, cutoffs, patients, attributes, statistic, members, pairs),
    )
    shown = _hide_disparity(disparity, counts)
    cells, outcome = _cells_of(shown, counts), shown["is_outcome"].to_numpy(bool)
    hidden = np.where(outcome, cells[f"{TESTED} True"].isna(), cells[f"{TESTED} False"].isna())
    shown.loc[hidden, TEST] = np.nan
    known = shown["p"].notna()  # a hidden row's p-value may not show through another's adjusted one
    shown.loc[known, "p_adjusted"] = adjust_p_values(shown.loc[known, "p"], left_out)
    shown = shown.drop(columns="records")  # beside patients they would say who has several
    return round_as_written(shown), round_as_written(_hide_cutoffs(cutoffs, counts, places))


def _keep_rows(table: pd.DataFrame, attributes: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of the groups of some attributes, none crossed."""
    keys = {key[:2] for key in iterate_groups(attributes)}
    is_kept = [key in keys for key in zip(table["attribute"], table["group"], strict=True)]
    return table[np.array(is_kept, bool) & ~table["intersection"]].reset_index(drop=True)


def _hide_disparity(disparity: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    cells = _cells_of(disparity, counts)
    table = disparity[cells[PATIENTS].notna().to_numpy()].reset_index(drop=True)
    cells = cells[cells[PATIENTS].notna()].reset_index(drop=True)
    numbers = [*FROM_EXPOSED, *COMPARED, "share", "share_exposed"]
    table = table.astype(dict.fromkeys(numbers, float))
    few = cells[EXPOSED].isna().to_numpy()
    table.loc[few, [*FROM_EXPOSED, *COMPARED, *ESTIMATED, "share_exposed"]] = np.nan
    table.loc[few, "odds_method"] = ""
    return table


def _cells_of(table: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Return the counts of each row of a table."""
    return table[KEY].merge(counts, on=KEY, how="left", validate="many_to_one")


def _list_untold(
    disparity: pd.DataFrame, counts: pd.DataFrame, attributes: pd.DataFrame
) -> list[str]:
    """List the attributes of which it may not be said, in some column, of how many they are known.

    Of an intersection: where any of its cells is hidden. Not where all are known: they are compared
    with everybody else already.
    """
    columns = list(counts.columns[list(counts.columns).index(PATIENTS) :])
    shown = counts.loc[counts["attribute"] == TOTAL, columns].iloc[0].notna()
    columns = [column for column in columns if shown[column]]
    untold = []
    for name, crossed in disparity[["attribute", "intersection"]].drop_duplicates().to_numpy():
        parts = split_crossed(name, attributes.columns) if crossed else (name,)
        if not any(part in attributes and attributes[part].isna().any() for part in parts):
            continue
        rows = counts[(counts["attribute"] == name) & (counts["intersection"] == crossed)]
        cells = rows[columns] if crossed else count_known(counts, name)[columns]
        if cells.isna().to_numpy().any():
            untold.append(name)
    return untold


def _count_as_others(
    untold: list[str],
    disparity: pd.DataFrame,
    cutoffs: pd.DataFrame,
    patients: pd.DataFrame,
    attributes: pd.DataFrame,
    statistic: np.ndarray,
    members: np.ndarray,
    pairs: list[tuple[str, str]] | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare the groups of some attributes with everybody else, patients without a value too.

    So that no number says how many these are. The other rows stay as they are.
    """
    if not untold:
        return disparity, cutoffs
    groups = list_groups(attributes, patients["label"].to_numpy(), pairs)
    chosen = groups.table["attribute"].isin(untold).to_numpy()
    packed = groups.packed[:, chosen].copy()
    packed[1] = np.packbits(np.ones(groups.size, bool))
    table = groups.table[chosen].reset_index(drop=True)
    table["share"] = table["patients"] / groups.size
    everybody = Groups(table, packed, groups.size)
    tables = [
        (disparity, compare_groups(everybody, patients, attributes, statistic, members)),
    ]
    if len(cutoffs):
        exposed = patients["exposed"].to_numpy(bool)
        tables.append((cutoffs, compare_cutoffs(everybody, statistic, members, exposed)))
    replaced = [_replace_rows(table, new, untold) for table, new in tables]
    return replaced[0], replaced[1] if len(cutoffs) else cutoffs


def _replace_rows(table: pd.DataFrame, new: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Put new rows in the places of those of some attributes, which they have the order of."""
    places = table["attribute"].isin(names).to_numpy()
    table = table.reset_index(drop=True)
    new = new.set_axis(np.flatnonzero(places), axis=0).reindex(columns=table.columns)
    return pd.concat([table[~places], new]).sort_index()


def _hide_cutoffs(
    cutoffs: pd.DataFrame, counts: pd.DataFrame, places: Mapping[float, list[str]]
) -> pd.DataFrame:
    cells = _cells_of(cutoffs, counts)
    kept = cells[PATIENTS].notna().to_numpy()
    table, cells = cutoffs[kept].reset_index(drop=True), cells[kept].reset_index(drop=True)
    table = table.astype({"cutoff": float} | dict.fromkeys(["top", *AT_CUTOFF], float))
    total = counts[counts["attribute"] == TOTAL].iloc[0]
    for is_exposed, cutoff in {(False, cutoff) for cutoff in places} | {(True, np.nan)}:
        names = [EXPOSED] if is_exposed else places[cutoff]
        at = table["is_exposed"] == is_exposed
        rows = np.flatnonzero(at if is_exposed else at & (table["cutoff"] == cutoff))
        hides = cells.loc[rows, names].isna().any(axis=1).to_numpy()
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
    top is hidden, all that follows from them is NaN in all of its rows, and stars "". So is
    everything where a group, or all records outside of those shown, has a few records more than
    patients: it would say that at most so few patients have several, or have some of another group.
    How many patients the records at the top are of is not shown, for the same reason.
    """
    behind = {f"top of {name}": np.bincount(patient_index, top) > 0 for name, top in tops.items()}
    counts = count_groups(attributes, behind, smallest)
    table = panel.astype(dict.fromkeys([*PANEL, *FROM_RECORDS], float))
    cells = _cells_of(table, counts)
    table = table[cells[PATIENTS].notna().to_numpy()].reset_index(drop=True)
    for attribute, rows in table.groupby("attribute", sort=False):
        is_tested = attribute in attributes and attributes[attribute].dtype != bool
        of_group = cells.loc[cells["attribute"] == attribute, f"top of {attribute}"]
        top = rows[["top_patients", "patients"]].to_numpy()
        few = is_small(np.stack([top[:, 0], top[:, 1] - top[:, 0]]), smallest)
        if of_group.isna().any() or few.any():
            table.loc[rows.index, PANEL] = np.nan
            table.loc[rows.index, "stars"] = ""
        sizes = cells.loc[cells["attribute"] == attribute, PATIENTS].dropna().to_numpy(float)
        more = _count_more(rows["records"].to_numpy(), sizes, patient_index, is_tested)
        if is_small(more, smallest).any():
            table.loc[rows.index, [*PANEL, *FROM_RECORDS]] = np.nan
            table.loc[rows.index, "stars"] = ""
    return table.drop(columns=["patients", "top_patients"])


def _count_more(
    records: np.ndarray, patients: np.ndarray, patient_index: np.ndarray, is_partition: bool
) -> np.ndarray:
    """Count how many more records than patients groups have, and all outside of them; and how many
    records are outside. Groups that overlap are taken one at a time.
    """
    number, everybody = len(patient_index), len(np.unique(patient_index))
    inside = np.stack([records, records - patients])
    held = inside.sum(1, keepdims=True) if is_partition else inside
    outside = np.array([[number], [number - everybody]]) - held
    return np.concatenate([inside.ravel(), outside.ravel()])
