"""Who is named by which definition of risk, and by which half of the models: overlaps as counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import HIDDEN, protect
from rollcall.report.gate.design import PATIENTS, TOTAL
from rollcall.report.style import DOUBLE, EXPOSED, MM, Figure, new_figure, styled
from rollcall.risk import Risk
from rollcall.risk.exposed.naming import EXPOSED_FDR, name_exposed
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.risk.record import signed_auc
from rollcall.stats.design import is_paired
from rollcall.stats.moments import compute_moments

MOST_COMBINATIONS = 16
PATTERN = "pattern"
FEWEST_TO_SPLIT = 16  # targets, of which either half can name somebody
HALVES = ("joint, one half of models", "joint, other half")
SETS = {"auc_joint": "joint statistic", "auc_mean": "mean of records", "auc_max": "largest record"}


def name_by_each(risk: Risk, members: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Name the exposed by each definition of risk, and by each half of the models.

    members bool (targets, patients). A bool (patients,) by name; none foretold by records, as in
    tables.risk.statistic_table. Halves, each of every second pair, where there are 16 targets or
    more that come in pairs.
    """
    stratum = risk.patients["stratum"].to_numpy()
    nothing = np.zeros(len(stratum))
    sets = {}
    for name, words in SETS.items():
        values, floor = risk.patients[name].to_numpy(), risk.floors[name].to_numpy()
        naming = name_exposed(values, floor.reshape(-1, len(values)), nothing, stratum)
        sets[words] = naming.exposed
    if len(members) < FEWEST_TO_SPLIT or not is_paired(members):
        return sets
    rounds = len(risk.floors) // len(stratum)
    half = np.arange(len(members)) // 2 % 2
    for which, words in enumerate(HALVES):
        statistic = risk.statistic[half == which]
        auc = signed_auc(compute_moments(statistic, members[half == which]))
        floor = draw_noise_floor(statistic, rounds, seed)
        sets[words] = name_exposed(auc, floor, nothing, stratum).exposed
    return sets


def count_overlaps(
    sets: Mapping[str, np.ndarray], public: Sequence[str], smallest: int = MIN_GROUP_SIZE
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Count the patients of each combination of sets, as the gate lets them leave.

    public: the sets of which another table says how many they name.
    (a row per combination that occurs, with a bool column for each set and `patients`, NaN where
    hidden, nobody's left out, the largest first; the size of each set, NaN where hidden).
    """
    table = pd.DataFrame({name: np.asarray(each, bool) for name, each in sets.items()})
    pattern = table.to_numpy() @ (1 << np.arange(len(sets)))
    attributes = {PATTERN: pd.Categorical(pattern.astype(str))}
    for name in public:
        attributes[name] = pd.Categorical(np.where(table[name], "yes", "no"))
    counts = protect(pd.DataFrame(attributes), {}, smallest)
    counts = counts[counts["attribute"] != TOTAL]
    size = {
        name: _number(counts[(counts["attribute"] == name) & (counts["group"] == "yes")][PATIENTS])
        for name in public
    }
    shown = counts[counts["attribute"] == PATTERN].set_index("group")[PATIENTS]
    rows = []
    for code in np.unique(pattern[pattern > 0]):
        inside = {name: bool(code >> number & 1) for number, name in enumerate(sets)}
        count = shown.get(str(code), pd.NA)
        rows.append(inside | {PATIENTS: np.nan if pd.isna(count) else float(count)})
    listed = pd.DataFrame(rows, columns=[*sets, PATIENTS])
    for name in sets:  # where all of a set is shown, so is how many it names
        size.setdefault(
            name, float(listed.loc[listed[name].astype(bool), PATIENTS].sum(skipna=False))
        )
    listed = listed.sort_values(PATIENTS, ascending=False, kind="stable", na_position="last")
    return listed.reset_index(drop=True), {name: size[name] for name in sets}


def choose_overlaps(
    sets: Mapping[str, np.ndarray], smallest: int = MIN_GROUP_SIZE
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return what count_overlaps gives of all sets, or of some where more patients can be shown.

    How many each names stands elsewhere, but for the halves of the models.
    """
    halves = [name for name in sets if name in HALVES]
    public = [name for name in sets if name not in halves]
    most, best = -1.0, None
    for choice in ([*sets], public[:1] + halves, public, public[:2]):
        some = {name: sets[name] for name in choice}
        counted = count_overlaps(some, [name for name in public if name in some], smallest)
        reach = counted[0][PATIENTS].sum() * (len(some) > 1)
        if best is None or reach > 1.2 * most:
            most, best = reach, counted
    assert best is not None
    return best


def _number(column: pd.Series) -> float:
    if not len(column):
        return 0.0
    return np.nan if pd.isna(column.iloc[0]) else float(column.iloc[0])


@styled
def named(
    sets: Mapping[str, np.ndarray], unit: str = "patient", smallest: int = MIN_GROUP_SIZE
) -> Figure:
    """Draw how many patients are named by which of the sets, a column for each combination.

    sets: bool (patients,) by name: of name_by_each, or the exposed of runs side by side, or of an
    attack each.
    """
    overlaps, size = choose_overlaps(sets, smallest)
    total, sets = len(next(iter(sets.values()))), {name: sets[name] for name in size}
    drawn = overlaps[overlaps[PATIENTS] > 0].head(MOST_COMBINATIONS)
    if not len(drawn):
        return Figure("named", None, f"Nobody is named, or too few {unit}s to be shown.", "")
    drawing, (bars, dots) = new_figure(
        DOUBLE,
        (44 + 5 * len(sets)) * MM,
        *(2, 1),
        sharex=True,
        height_ratios=[34, 5 * len(sets)],
    )
    x = np.arange(len(drawn))
    bars.bar(x, drawn[PATIENTS], width=0.62, color=EXPOSED)
    for at, number in zip(x, drawn[PATIENTS], strict=True):
        bars.text(at, number, f"{number:,.0f}", ha="center", va="bottom", fontsize=6.5)
    bars.set_ylabel(f"{unit.capitalize()}s named")
    bars.tick_params(axis="x", length=0)
    bars.set(xlim=(-0.6, max(len(drawn), 12) - 0.4), ylim=(0, drawn[PATIENTS].max() * 1.12))
    y = np.arange(len(sets))
    for at, (_, row) in zip(x, drawn.iterrows(), strict=True):
        inside = y[row[list(sets)].to_numpy(bool)]
        dots.plot(np.full(len(y), at), y, "o", color="#CFCFCF", markersize=4)
        dots.plot(np.full(len(inside), at), inside, "-o", color=EXPOSED, markersize=4)
    dots.set_yticks(y, [f"{name}: {_write(size[name])}" for name in sets])
    dots.set(ylim=(len(sets) - 0.5, -0.5), xticks=[])
    dots.tick_params(length=0)
    for side in ("left", "bottom"):
        dots.spines[side].set_visible(False)
    bars.set_title("How many are named by all that are joined below, and by no other", loc="left")
    bars.yaxis.set_major_formatter("{x:,.0f}")
    hidden = int(overlaps[PATIENTS].isna().sum())
    if hidden:
        words = f"and {hidden} combinations of too few {unit}s to be shown"
        bars.text(0.995, 0.9, words, ha="right", fontsize=6.5, transform=bars.transAxes)
    left_out = len(overlaps) - len(drawn) - hidden
    rest = "".join(
        f" {number} further {'combination' if number == 1 else 'combinations'} {words}."
        for number, words in (
            (hidden, f"of fewer than {smallest} {unit}s, or from which such a count would follow"),
            (left_out, "of fewer still"),
        )
        if number
    )
    words = "; ".join(
        f"{' and '.join(name for name in sets if row[name])} alone {row[PATIENTS]:,.0f}"
        for _, row in drawn.head(4).iterrows()
    )
    return Figure(
        "named",
        drawing,
        alt=f"Columns of counts over a grid of dots: how many of {total:,} {unit}s are named by "
        f"which combination of {len(sets)} definitions of risk. {words}.",
        caption=f"{unit.capitalize()}s named at a false-discovery rate of {EXPOSED_FDR:.0%} by "
        "each definition of risk against its own noise floor, without what their records foretell, "
        "and by each half of the models. Each column counts those named by what is joined below "
        f"it, and by nothing else. Beside each name: all that it names.{rest}",
        title=f"Which {unit}s are named by which definition of risk",
        data=_list_numbers(drawn, size),
    )


def _write(number: float) -> str:
    return HIDDEN if np.isnan(number) else f"{number:,.0f}"


def _list_numbers(drawn: pd.DataFrame, size: Mapping[str, float]) -> pd.DataFrame:
    """List the combinations that are drawn, then the size of each set."""
    sizes = pd.DataFrame({"kind": "all of a set", "set": list(size), PATIENTS: list(size.values())})
    return pd.concat([drawn.assign(kind="combination"), sizes], ignore_index=True)[
        ["kind", "set", *size, PATIENTS]
    ]
