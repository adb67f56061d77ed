"""How many of each group are at or above each risk, and if nothing leaked, as the gate lets out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups
from rollcall.report.gate import (
    PATIENTS,
    TOTAL,
    count_public,
    keep_apart,
    round_as_written,
    safe_curve,
)
from rollcall.report.gate.hiding import EXPOSED, count_groups
from rollcall.risk.groups.ranking import rank_score, share_top

LEVELS = np.array([0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9])  # risks that are asked for
NEAR = 0.02  # how far from them one may be that is shown
COLUMNS = (
    *("attribute", "group", PATIENTS, "level", "inside"),
    *("floor", "floor_low", "floor_high"),
)
BAND = (0.05, 0.95)  # of passes of redrawn membership


def count_levels(
    patients: pd.DataFrame,
    floors: pd.DataFrame,
    attributes: pd.DataFrame,
    statistic: np.ndarray,
    members: np.ndarray,
    shown: pd.DataFrame,
    cutoffs: pd.DataFrame,
    smallest: int = MIN_GROUP_SIZE,
) -> pd.DataFrame:
    """Count the patients of each group at or above each risk, what may not leave hidden.

    patients, floors: tables of assess_risk; attributes, a row per patient; statistic, members
    (M, P); shown, cutoffs: of gate.hide_groups, beside which this table stands.

    attribute, group    one row "(all)" for everybody at each level; no intersections
    patients            of the group
    level               a risk near one of LEVELS: a step of the curve that is drawn of all
    inside              of the group at or above it; NaN where hidden
    floor               as many when membership is redrawn, mean over passes; floor_low, floor_high:
                        5th and 95th pass
    """
    auc = patients["auc_joint"].to_numpy(float)
    public = count_public(patients, floors, smallest).values()
    levels = choose_levels(keep_apart(safe_curve(auc, smallest), public, smallest)[0])
    attributes = _choose_attributes(attributes, shown)
    flags = {EXPOSED: patients["exposed"].to_numpy(bool)}
    flags |= {f"{level:g}": auc > level - 1e-9 for level in levels}
    counts = count_groups(attributes, flags, smallest, [])
    counts = counts[counts[PATIENTS].notna()]
    listed = zip(shown["attribute"], shown["group"], strict=True)
    allowed = {(TOTAL, TOTAL), *listed}
    inside = {(TOTAL, TOTAL): np.ones(len(auc), bool)}
    inside |= {key[:2]: key[2] for key in iterate_groups(attributes) if key[:2] in allowed}
    rows = counts[["attribute", "group"]].itertuples(index=False, name=None)
    chosen = [row for row in rows if row in inside]
    groups = np.stack([inside[key] for key in chosen]) if chosen else np.zeros((0, len(auc)), bool)
    cells = counts.set_index(["attribute", "group"]).loc[chosen]
    tops = _list_tops(rank_score(statistic, members), cutoffs)
    passes = floors["auc_joint"].to_numpy(np.float32).reshape(-1, len(auc))
    tables = []
    for level in levels:
        name = f"{level:g}"
        count = cells[name].astype("Float64").to_numpy(float, na_value=np.nan)
        beside = _follow_from(groups, flags[name], chosen, tops, smallest)
        above = (passes > level - 1e-9).astype(np.float32) @ groups.T.astype(np.float32)
        low, high = np.quantile(above, BAND, axis=0) if len(chosen) else np.zeros((2, 0))
        tables.append(
            pd.DataFrame(chosen, columns=["attribute", "group"]).assign(
                patients=cells[PATIENTS].to_numpy(int),
                level=level,
                inside=np.where(beside, np.nan, count),
                floor=above.mean(0, dtype=np.float64),
                floor_low=low,
                floor_high=high,
            )
        )
    if not tables:
        return make_empty()
    table = pd.concat(tables).sort_index(kind="stable").reset_index(drop=True)[list(COLUMNS)]
    return round_as_written(table).assign(level=table["level"])


def make_empty() -> pd.DataFrame:
    """Make the table without a row."""
    words = {"attribute", "group"}
    return pd.DataFrame({name: np.empty(0, str if name in words else float) for name in COLUMNS})


def choose_levels(steps: np.ndarray) -> list[float]:
    """Choose the risks at which groups are counted: the steps of a curve near LEVELS, rising."""
    steps = steps[steps > 0]
    if not len(steps):
        return []
    nearest = [float(steps[np.abs(steps - level).argmin()]) for level in LEVELS]
    pairs = zip(LEVELS, nearest, strict=True)
    return sorted({round(step, 3) for level, step in pairs if abs(step - level) <= NEAR + 1e-9})


def _choose_attributes(attributes: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """Return the attributes of which a group is in the table of groups."""
    keys = set(zip(shown["attribute"], shown["group"], strict=True))
    names = [
        name
        for name in attributes
        if any(key[:2] in keys for key in iterate_groups(attributes[[name]]))
    ]
    return attributes[names]


def _list_tops(score: np.ndarray, cutoffs: pd.DataFrame) -> dict[tuple[str, str], list[np.ndarray]]:
    """List, by group, who is at the top at each cutoff of which that is shown, bool (P,) each."""
    known = cutoffs[~cutoffs["is_exposed"].astype(bool) & cutoffs["inside"].notna()]
    shares = {
        cut: share_top(score, max(1, round(cut * len(score)))) for cut in set(known["cutoff"])
    }
    tops: dict[tuple[str, str], list[np.ndarray]] = {}
    for attribute, group, cut in known[["attribute", "group", "cutoff"]].itertuples(index=False):
        tops.setdefault((attribute, group), []).extend((shares[cut] > 0, shares[cut] >= 1))
    return tops


def _follow_from(groups, flag, keys, tops, smallest: int) -> np.ndarray:
    """Tell of which groups a count would say, beside another shown one, how many few are apart."""
    result = np.zeros(len(keys), bool)
    for number, key in enumerate(keys):
        ours = groups[number] & flag
        for top in tops.get(key, ()):
            theirs = groups[number] & top
            more, fewer = (ours & ~theirs).sum(), (theirs & ~ours).sum()
            result[number] |= min(more, fewer) == 0 and 0 < max(more, fewer) < smallest
    return result
