"""Counts of who is named by which combination of ways, as the gate lets them leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import PATIENTS, count_public, protect
from rollcall.report.gate.design import is_small
from rollcall.risk import Risk

ENOUGH = 0.8  # of those named, that combinations show; else fewer sets may show more
PATTERN = "pattern"
HALVES = ("one half of models", "other half")
SETS = {"auc_joint": "joint statistic", "auc_mean": "mean of records", "auc_max": "largest record"}


class Beside(NamedTuple):
    """What stands elsewhere: how many some sets name, NaN where hidden; and who is exposed."""

    sizes: Mapping[str, float]
    exposed: Mapping[str, np.ndarray]


NOTHING = Beside({}, {})


def list_beside(risk: Risk, smallest: int = MIN_GROUP_SIZE) -> Beside:
    """List what else a report says of who is named: count_public's numbers, and the exposed."""
    public = count_public(risk.patients, risk.floors, smallest)
    sizes = {words: public[name] for name, words in SETS.items()}
    exposed = {"exposed": risk.patients["exposed"].to_numpy(bool)}
    return Beside(sizes, {} if np.isnan(public["exposed"]) else exposed)


def count_overlaps(
    sets: Mapping[str, np.ndarray],
    chosen: Sequence[str],
    pairs: Sequence[tuple[str, str, str]] = (),
    smallest: int = MIN_GROUP_SIZE,
    beside: Beside = NOTHING,
) -> tuple[pd.DataFrame, dict[str, float], set[tuple[str, str]]]:
    """Count the patients of each combination of sets, as the gate lets them leave.

    chosen: of which sets the combinations are counted; pairs: which of all sets are compared with
    which, in a table beside. Where a size that stands elsewhere could not stand beside what is
    shown here, nothing is counted.
    (a row per combination that occurs, with a bool column for each chosen set and `patients`, NaN
    where hidden, nobody's left out, the largest first; the size of each set, NaN where hidden;
    the pairs whose counts may be told).
    """
    table = pd.DataFrame({name: np.asarray(each, bool) for name, each in sets.items()})
    pattern = table[list(chosen)].to_numpy() @ (1 << np.arange(len(chosen)))
    hidden = {name for name, size in beside.sizes.items() if np.isnan(size)}
    known = {name: each for name, each in sets.items() if name not in hidden} | dict(beside.exposed)
    attributes = {name: pd.Categorical(np.where(each, "yes", "no")) for name, each in known.items()}
    without_few = []
    for _, first, second in pairs:
        code = table[first].to_numpy() + 2 * table[second].to_numpy()
        if not is_small(np.bincount(code), smallest).any() and not {first, second} & hidden:
            without_few.append((first, second))
            attributes[f"{first} and {second}"] = pd.Categorical(code.astype(str))
    attributes[PATTERN] = pd.Categorical(pattern.astype(str))
    counts = protect(pd.DataFrame(attributes), {}, smallest)
    by_name = dict(iter(counts.groupby("attribute")))
    size = {name: _number(rows[rows["group"] == "yes"][PATIENTS]) for name, rows in by_name.items()}
    size |= dict.fromkeys(hidden, np.nan)
    if np.isnan([size[name] for name in {*beside.sizes, *beside.exposed} - hidden]).any():
        nothing = pd.DataFrame(columns=[*chosen, PATIENTS])
        return nothing, {name: beside.sizes.get(name, np.nan) for name in sets}, set()
    clear = {pair for pair in without_few if by_name[" and ".join(pair)][PATIENTS].notna().all()}
    shown = by_name[PATTERN].set_index("group")[PATIENTS]
    rows = []
    for code in np.unique(pattern[pattern > 0]):
        inside = {name: bool(code >> number & 1) for number, name in enumerate(chosen)}
        count = shown.get(str(code), pd.NA)
        rows.append(inside | {PATIENTS: np.nan if pd.isna(count) else float(count)})
    listed = pd.DataFrame(rows, columns=[*chosen, PATIENTS])
    listed = listed.sort_values(PATIENTS, ascending=False, kind="stable", na_position="last")
    return listed.reset_index(drop=True), {name: size[name] for name in sets}, clear


def choose_overlaps(
    sets: Mapping[str, np.ndarray],
    pairs: Sequence[tuple[str, str, str]] = (),
    smallest: int = MIN_GROUP_SIZE,
    beside: Beside = NOTHING,
) -> tuple[pd.DataFrame, dict[str, float], set[tuple[str, str]]]:
    """Return what count_overlaps gives of all sets, or of some where more patients can be shown."""
    halves = [name for name in sets if name in HALVES]
    whole = [name for name in sets if name not in halves]
    most, best = -1.0, None
    for chosen in ([*sets], whole, whole[:1] + halves):
        counted = count_overlaps(sets, chosen, pairs, smallest, beside)
        reach = counted[0][PATIENTS].sum() * (len(chosen) > 1)
        if best is None or reach > 1.2 * most:
            most, best = reach, counted
        if reach > ENOUGH * np.any([sets[name] for name in chosen], axis=0).sum():
            break
    assert best is not None
    return best


def _number(column: pd.Series) -> float:
    if not len(column):
        return 0.0
    return np.nan if pd.isna(column.iloc[0]) else float(column.iloc[0])
