"""Whether two ways of naming name the same patients: how many by both, and how many by chance."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rollcall.report.gate import HIDDEN
from rollcall.report.style import EXPOSED, FLOOR

COLUMNS = (
    *("kind", "first", "second", "named_first", "named_second"),
    *("both_low", "both_high", "chance", "chance_low", "chance_high"),
)
HEADS, PLACES = ("first", "second", "both", "by chance"), (0, 0.18, 0.36, 0.66)
Z = 1.96


def compare_pairs(
    sets: Mapping[str, np.ndarray],
    pairs: Sequence[tuple[str, str, str]],
    size: Mapping[str, float],
    clear: Collection[tuple[str, str]],
    stratum: np.ndarray,
    smallest: int,
) -> pd.DataFrame:
    """Count who is named by both of two sets: a row a pair, columns COLUMNS.

    sets bool (P,) by name; pairs (kind, first, second); size of each set, NaN where hidden; clear:
    the pairs whose counts the gate lets leave. Of others both_low and both_high are
    as far apart as a count of 0 to `smallest` leaves it open; NaN where a size is hidden. chance:
    as many as two sets of these sizes within each stratum share, with 95% of what chance gives.
    """
    rows = []
    for kind, first, second in pairs:
        one, two = np.asarray(sets[first], bool), np.asarray(sets[second], bool)
        row = {"kind": kind, "first": first, "second": second}
        row |= {"named_first": size[first], "named_second": size[second]}
        if not np.isnan([size[first], size[second]]).any():
            low, high = _limit_both(one, two, (first, second) in clear, smallest)
            chance = expect_both(one, two, stratum)
            names = ("both_low", "both_high", "chance", "chance_low", "chance_high")
            row |= dict(zip(names, (low, high, *chance), strict=True))
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _limit_both(one: np.ndarray, two: np.ndarray, clear: bool, smallest: int) -> tuple[int, int]:
    """Return how many are in both, or limits of it that leave a cell open from 0 to `smallest`."""
    both, first, second = int((one & two).sum()), int(one.sum()), int(two.sum())
    if clear:
        return both, both
    rest = len(one) - first - second + both
    cells = {both: 0, first - both: first, second - both: second, rest: first + second - len(one)}
    least = min(cells)  # the smallest cell, and how many are in both where it is empty
    empty = cells[least]
    ends = (empty, empty + smallest) if least in (both, rest) else (empty - smallest, empty)
    return max(ends[0], 0, first + second - len(one)), min(ends[1], first, second)


def expect_both(
    one: np.ndarray, two: np.ndarray, stratum: np.ndarray
) -> tuple[float, float, float]:
    """Return how many two sets share by chance, (mean, low, high), drawn within each stratum.

    The hypergeometric mean and variance of each stratum, summed; 95%, rounded to whole numbers.
    """
    mean = variance = 0.0
    for number in np.unique(stratum):
        who = stratum == number
        size, first, second = int(who.sum()), int(one[who].sum()), int(two[who].sum())
        mean += first * second / size
        if size > 1:
            variance += first * second * (size - first) * (size - second) / (size**2 * (size - 1))
    reach = Z * np.sqrt(variance)
    low, high = np.ceil(max(mean - reach, 0)), np.floor(mean + reach)
    return float(np.round(mean)), float(low), float(max(high, np.round(mean)))


def draw_pairs(ax: Any, beside: Any, table: pd.DataFrame) -> None:
    """Draw the share that both name, of the smaller of the two, beside what chance gives.

    The counts are written into the axes beside.
    """
    places = np.arange(len(table))
    for place, (_, row) in zip(places, table.iterrows(), strict=True):
        smaller = min(row["named_first"], row["named_second"])
        if not np.isnan(row["both_low"]) and smaller > 0:
            ends, chance = (
                100 * row[names].to_numpy(float) / smaller
                for names in (["both_low", "both_high"], ["chance_low", "chance", "chance_high"])
            )
            band = {"color": FLOOR, "alpha": 0.35, "linewidth": 5, "solid_capstyle": "butt"}
            ax.plot(chance[[0, 2]], [place, place], **band)
            ax.plot(chance[1], place, "|", color=FLOOR, markersize=7, markeredgewidth=1.2)
            if ends[0] == ends[1]:
                ax.plot(ends[0], place, "o", color=EXPOSED, markersize=4)
            else:
                ax.plot(ends, [place] * 2, color=EXPOSED, linewidth=2.4, solid_capstyle="butt")
        for x, text in zip(PLACES, write_counts(row), strict=True):
            beside.text(x, place, text, va="center", fontsize=6.5)
    for x, text in zip(PLACES, HEADS, strict=True):
        beside.text(x, -0.75, text, va="center", fontsize=6.5, fontweight="bold")
    beside.set_axis_off()
    beside.set(xlim=(0, 1), ylim=(len(table) - 0.5, -0.6))
    names = [write_pair(row).replace(", ", ",\n", 1) for _, row in table.iterrows()]
    ax.set_yticks(places, names, linespacing=1.05)
    ax.set(ylim=(len(table) - 0.5, -0.6), xlim=(0, 103))
    ax.set_xlabel("Named by both, % of the smaller of the two (grey: by chance)")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def write_pair(row: pd.Series) -> str:
    """Write which two ways a row compares."""
    return f"{row['kind']}: {row['first']}, {row['second']}"


def write_counts(row: pd.Series) -> list[str]:
    """Write the counts of a row: of either, of both, and by chance."""
    sizes = [write_size(row[name]) for name in ("named_first", "named_second")]
    if np.isnan(row["both_low"]):
        return [*sizes, HIDDEN, HIDDEN]
    low, high = row["both_low"], row["both_high"]
    both = write_size(low) if low == high else f"{write_size(low)} to {write_size(high)}"
    mean, least, most = (write_size(row[name]) for name in ("chance", "chance_low", "chance_high"))
    return [*sizes, both, f"{mean} ({least}–{most})"]


def write_size(number: float) -> str:
    """Write how many patients a set has, or that this is hidden."""
    return HIDDEN if np.isnan(number) else f"{number:,.0f}"
