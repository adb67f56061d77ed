"""Who is named by which statistic, attack and half of the models: overlaps as counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.figures.further.agreement import (
    COLUMNS,
    HEADS,
    compare_pairs,
    draw_pairs,
    write_counts,
    write_pair,
    write_size,
)
from rollcall.report.figures.further.combinations import (
    HALVES,
    NOTHING,
    SETS,
    Beside,
    choose_overlaps,
)
from rollcall.report.gate import PATIENTS
from rollcall.report.style import DOUBLE, EXPOSED, MM, Figure, letter, styled
from rollcall.risk import Risk
from rollcall.risk.exposed.naming import EXPOSED_FDR, name_by_statistic, name_exposed
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.risk.record import signed_auc
from rollcall.stats.design import is_paired
from rollcall.stats.moments import compute_moments

MOST_COMBINATIONS = 16
FEWEST_TO_SPLIT = 16  # targets, of which either half can name somebody
RMIA = "RMIA"


def name_by_each(
    risk: Risk, members: np.ndarray, seed: int, rmia: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Name the exposed by each definition of risk, by RMIA, and by each half of the models.

    members bool (targets, patients); rmia (targets, patients), of attacks.rmia.score_patients, or
    None. A bool (patients,) by name; none foretold by records, as in tables.risk.statistic_table.
    By RMIA where targets come in pairs. Halves, each of every second pair and so of other seeds,
    where there are 16 targets or more that come in pairs.
    """
    by_statistic = name_by_statistic(risk.patients, risk.floors)
    sets = {words: by_statistic[name] for name, words in SETS.items()}
    if not is_paired(members):
        return sets
    half = np.arange(len(members)) // 2 % 2
    others = {} if rmia is None else {RMIA: (rmia, half >= 0)}
    if len(members) >= FEWEST_TO_SPLIT:
        others |= {words: (risk.statistic, half == which) for which, words in enumerate(HALVES)}
    stratum = risk.patients["stratum"].to_numpy()
    rounds, nothing = len(risk.floors) // len(stratum), np.zeros(len(stratum))
    for words, (statistic, chosen) in others.items():
        auc = signed_auc(compute_moments(statistic[chosen], members[chosen]))
        floor = draw_noise_floor(statistic[chosen], rounds, seed)
        sets[words] = name_exposed(auc, floor, nothing, stratum).exposed
    return sets


def list_pairs(sets: Iterable[str]) -> list[tuple[str, str, str]]:
    """List which sets are compared with which, as (kind, first, second): all with the first one,
    and the halves of the models with each other.
    """
    first, *rest = sets
    kinds = dict.fromkeys(SETS.values(), "statistic") | {RMIA: "attack"}
    pairs = [(kinds.get(name, "other"), first, name) for name in rest if name not in HALVES]
    return pairs + [("seeds", *HALVES)] * (set(HALVES) <= set(rest))


@styled
def named(
    sets: Mapping[str, np.ndarray],
    unit: str = "patient",
    smallest: int = MIN_GROUP_SIZE,
    stratum: np.ndarray | None = None,
    beside: Beside = NOTHING,
) -> Figure:
    """Draw how far ways of naming agree, and how many patients are named by which of them.

    sets: bool (patients,) by name: of name_by_each, or the exposed of runs side by side. Above: how
    many are named by both of two, beside chance within the stratum, int (patients,); below: a
    column for each combination. Only one of the two where the other has nothing that may be shown.
    """
    pairs, total = list_pairs(sets), len(next(iter(sets.values())))
    overlaps, size, clear = choose_overlaps(sets, pairs, smallest, beside)
    stratum = np.zeros(total, int) if stratum is None else stratum
    agreed = compare_pairs(sets, pairs, size, clear, stratum, smallest)
    is_known = agreed[["named_first", "named_second"]].min(axis=1) > 0
    agreed = agreed[is_known].reset_index(drop=True)
    chosen = [name for name in overlaps.columns if name != PATIENTS]
    drawn = overlaps[overlaps[PATIENTS] > 0].head(MOST_COMBINATIONS)
    if not len(drawn) and not len(agreed):
        return Figure("named", None, f"Nobody is named, or too few {unit}s to be shown.", "")
    drawing = _draw(agreed, drawn, overlaps, size, chosen, unit)
    hidden = int(overlaps[PATIENTS].isna().sum())
    left_out = len(overlaps) - len(drawn) - hidden
    rest = "".join(
        f" {number} further {'combination' if number == 1 else 'combinations'} {words}."
        for number, words in (
            (hidden, f"of fewer than {smallest} {unit}s, or from which such a count would follow"),
            (left_out, "of fewer still"),
        )
        if number and len(drawn)
    )
    words = [
        f"{write_pair(row)}: {', '.join(map(' '.join, zip(HEADS, write_counts(row), strict=True)))}"
        for _, row in agreed.iterrows()
    ]
    words += [
        f"{' and '.join(name for name in chosen if row[name])} alone {row[PATIENTS]:,.0f}"
        for _, row in drawn.head(4).iterrows()
    ]
    return Figure(
        "named",
        drawing,
        alt=f"How many of {total:,} {unit}s are named by which of {len(sets)} ways, and by two of "
        f"them at once. {'; '.join(words)}.",
        caption=f"{unit.capitalize()}s named at a false-discovery rate of {EXPOSED_FDR:.0%} by "
        "each definition of risk, by RMIA (mean over records), and by each half of the models "
        "(joint statistic; other seeds, other training sets), each against its own noise floor, "
        "without what records foretell. Named by both: a dot; a bar where few patients leave it "
        "open. Grey: what two ways that know nothing of each other would share within labels, 95%. "
        + (
            f"Columns: named by all that are joined below, and by no other.{rest}"
            * bool(len(drawn))
        ),
        title=f"Which {unit}s are named by which statistic, attack and seeds",
        data=_list_numbers(agreed, drawn, size),
    )


def _draw(
    agreed: pd.DataFrame,
    drawn: pd.DataFrame,
    overlaps: pd.DataFrame,
    size: Mapping[str, float],
    chosen: Sequence[str],
    unit: str,
) -> Any:
    """Draw pairs above combinations, or either alone."""
    import matplotlib.figure

    heights = [(14 + 6 * len(agreed)) * bool(len(agreed))]
    heights += [32, 5 * len(chosen)] if len(drawn) else []
    heights = [height for height in heights if height]
    drawing = matplotlib.figure.Figure(
        figsize=(DOUBLE, (sum(heights) + 4 + 4 * len(heights)) * MM), layout="constrained"
    )
    grid = drawing.add_gridspec(len(heights), 2, height_ratios=heights, width_ratios=[1.25, 1])
    panels, titles = [], []
    if len(agreed):
        panels.append(drawing.add_subplot(grid[0, 0]))
        draw_pairs(panels[0], drawing.add_subplot(grid[0, 1]), agreed)
        titles.append("Do two ways name the same patients?")
    if len(drawn):
        bars, dots = (drawing.add_subplot(grid[number, :]) for number in (-2, -1))
        panels.append(bars)
        _draw_columns(bars, dots, drawn, size, chosen, unit)
        titles.append("How many are named by all that are joined below, and by no other")
        hidden = int(overlaps[PATIENTS].isna().sum())
        if hidden:
            words = f"and {hidden} combinations of too few {unit}s to be shown"
            bars.text(0.995, 0.9, words, ha="right", fontsize=6.5, transform=bars.transAxes)
    letter(panels, titles)
    return drawing


def _draw_columns(
    bars: Any,
    dots: Any,
    drawn: pd.DataFrame,
    size: Mapping[str, float],
    chosen: Sequence[str],
    unit: str,
) -> None:
    """Draw a column for each combination over a grid of dots."""
    x = np.arange(len(drawn))
    bars.bar(x, drawn[PATIENTS], width=0.62, color=EXPOSED)
    for at, number in zip(x, drawn[PATIENTS], strict=True):
        bars.text(at, number, f"{number:,.0f}", ha="center", va="bottom", fontsize=6.5)
    bars.set_ylabel(f"{unit.capitalize()}s named")
    limits = (-0.6, max(len(drawn), 12) - 0.4)
    bars.set(xlim=limits, ylim=(0, drawn[PATIENTS].max() * 1.12), xticks=[])
    y = np.arange(len(chosen))
    for at, (_, row) in zip(x, drawn.iterrows(), strict=True):
        inside = y[row[list(chosen)].to_numpy(bool)]
        dots.plot(np.full(len(y), at), y, "o", color="#CFCFCF", markersize=4)
        dots.plot(np.full(len(inside), at), inside, "-o", color=EXPOSED, markersize=4)
    dots.set_yticks(y, [f"{name}: {write_size(size[name])}" for name in chosen])
    dots.set(xlim=limits, ylim=(len(chosen) - 0.5, -0.5), xticks=[])
    dots.tick_params(length=0)
    for side in ("left", "bottom"):
        dots.spines[side].set_visible(False)
    bars.yaxis.set_major_formatter("{x:,.0f}")


def _list_numbers(
    agreed: pd.DataFrame, drawn: pd.DataFrame, size: Mapping[str, float]
) -> pd.DataFrame:
    """List the pairs and the combinations that are drawn, then the size of each set."""
    sizes = pd.DataFrame({"kind": "all of a set", "set": list(size), PATIENTS: list(size.values())})
    table = pd.concat([drawn.assign(kind="combination"), sizes, agreed], ignore_index=True)
    shown = [name for name in size if name in table]
    return table[["kind", "set", *shown, PATIENTS, *COLUMNS[1:]]]
