"""How counts that went through the gate are written, and curves and extremes that need none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate.design import PATIENTS, TOTAL, choose_columns
from rollcall.report.gate.partitions import MISSING, MOST_SHOWN

HIDDEN = "–"
STEP = 0.001  # of the risks at which a curve may step
SHARES = re.compile(
    "share|deconvolved_others|exposed_(low|high)$"
)  # columns that are written in per cent
EXACT = {"patients", "exposed", "cutoff", "top", "inside"}
P_VALUES = {"p", "p_adjusted", "odds_p"}


def show_count(count: object, hidden: str = HIDDEN) -> str:
    """Write a count as "1,234", or `hidden` where it is missing."""
    return hidden if pd.isna(count) else f"{int(count):,}"  # pyright: ignore


def show_few(count: float, total: float, smallest: int = MIN_GROUP_SIZE) -> str:
    """Write a count of `total` patients as "1,234", or that it, or what it leaves, is too small."""
    if 0 < count < smallest:
        return f"fewer than {smallest}"
    if 0 < total - count < smallest:
        return f"all but fewer than {smallest}"
    return f"{count:,.0f}"


def show_both(records: int, patients: int, unit: str, smallest: int = MIN_GROUP_SIZE) -> str:
    """Write how many records and patients; not of so few patients, nor a few records more."""
    if patients < smallest:
        return f"records of fewer than {smallest} {unit}s"
    if 0 < records - patients < smallest:
        return f"{patients:,} {unit}s, fewer than {smallest} records more"
    return f"{records:,} records of {patients:,} {unit}s"


def show_limit(value: float, total: float, smallest: int = MIN_GROUP_SIZE) -> str:
    """Write an end of an interval of a count, rounded and within [0, total], as show_few."""
    return show_few(float(np.clip(np.round(value), 0, total)), np.inf, smallest)


def show_told(risk: Mapping[str, float], total: int, smallest: int = MIN_GROUP_SIZE) -> str:
    """Write of what share of `total` patients anything can be told, at least: "at least 13%".

    risk: numbers of rollcall.risk.Risk.cohort. No less than those who are exposed and not there by
    chance; "nearly all" where the share says how many of fewer than `smallest` lie below 0.5.
    """
    exposed = risk["exposed"] if risk["exposed"] >= smallest else 0
    least = max(risk["told_low"], (exposed - risk["at_most_false"]) / total, 0.0)
    if (1 - risk["told"]) * total / 2 < smallest:
        return "nearly all"
    return f"at least {int(100 * least)}%"


def show_share(count: object, total: object, hidden: str = HIDDEN) -> str:
    """Write a share as "12.3%", or `hidden` where either count is missing or total is 0."""
    if pd.isna(count) or pd.isna(total) or not total:  # pyright: ignore
        return hidden
    return f"{int(count) / int(total):.1%}"  # pyright: ignore


def explain_hidden(smallest: int = MIN_GROUP_SIZE, unit: str = "patient") -> str:
    """Say what the sign for a hidden number means."""
    return (
        f"{HIDDEN}: fewer than {smallest} {unit}s, or a number from which such a count would follow"
    )


def explain_further(attributes: Iterable[str], shown: pd.DataFrame) -> str:
    """Say how many of many columns of attributes are in no row; "" if there are not many."""
    names = set(attributes)
    if len(names) <= MOST_SHOWN:
        return ""
    groups = shown["attribute"] + ": " + shown["group"].astype(str)  # of columns that overlap
    number = len(names - set(shown["attribute"]) - set(groups))
    return f"; {number:,} further attributes, not shown" if number else ""


def count_known(table: pd.DataFrame, attribute: str) -> pd.Series:
    """Count the patients whose value of an attribute is known, by column; missing where hidden.

    table: as protect returns it. A share among those known gives their number away, so it may be
    shown only where this is.
    """
    columns = list(table.columns[list(table.columns).index(PATIENTS) :])
    total = table.loc[table["attribute"] == TOTAL, columns].iloc[0]
    missing = table[(table["attribute"] == attribute) & (table["group"] == MISSING)]
    return total - missing[columns].iloc[0] if len(missing) else total


def round_as_written(table: pd.DataFrame) -> pd.DataFrame:
    """Round the numbers of a table of groups as tables write them, to two decimals.

    Shares to a tenth of a per cent; p-values, and what is below 0.1, to two digits. Exactly known a
    ratio of counts says what they are.
    """
    table = table.copy()
    for name in table.select_dtypes("float"):
        values = table[name].to_numpy(float)
        if name in EXACT:
            continue
        if SHARES.search(name):
            table[name] = np.round(values, 3)
            continue
        finite = np.isfinite(values) & (values != 0)
        size = np.floor(np.log10(np.abs(np.where(finite, values, 1))))
        decimals = 1 - size if name in P_VALUES else np.maximum(1 - size, 2)
        if name == "exposed_by_chance":  # of it how many lie below 0.5 would follow
            decimals = np.zeros_like(size)
        rounded = np.round(values * 10.0**decimals) / 10.0**decimals
        table[name] = np.where(finite, rounded, values)
    return table


def safe_curve(
    values: np.ndarray,
    smallest: int = MIN_GROUP_SIZE,
    also: Sequence[float] = (),
    step: float = STEP,
) -> tuple[np.ndarray, np.ndarray]:
    """Count the patients at or above each risk, at risks that `smallest` of them set apart.

    values float (patients,), a risk from 0 to 1 each. also: risks at which tables count, which come
    first.
    (risks float (steps,), rising; counts int (steps,), falling): multiples of `step`, so that none
    is one patient's risk; between two steps lie `smallest` patients or more, and the curve ends
    where fewer remain. The first is 0, which everybody reaches: the lowest risk is one patient's,
    as the highest is. All is empty if there are fewer than `smallest`.
    """
    values = np.sort(np.asarray(values, float))
    if len(values) < smallest:
        return np.zeros(0), np.zeros(0, np.intp)
    grid = np.unique(np.floor(values / step)) * step
    risks, counts = [0.0], [len(values)]
    for risk in [*also, *grid[::-1]]:
        count = len(values) - int(np.searchsorted(values, risk - step * 1e-6))
        apart = np.abs(np.subtract([*counts, 0], count)).min()
        if apart >= smallest:
            risks.append(risk)
            counts.append(count)
    order = np.argsort(risks)
    return np.array(risks)[order], np.array(counts)[order]


def count_public(
    patients: pd.DataFrame, floors: pd.DataFrame, smallest: int = MIN_GROUP_SIZE
) -> dict[str, float]:
    """Count the exposed, and those named by each statistic, as far as they may stand side by side.

    patients, floors: tables of rollcall.risk.Risk. By name, the exposed first; NaN for a number too
    small, or apart by too few from an earlier one whose patients are the same but for these.
    """
    from rollcall.risk.exposed import name_by_statistic  # which loads scipy

    flags = {"exposed": patients["exposed"].to_numpy(bool)} | name_by_statistic(patients, floors)
    columns, _ = choose_columns(flags, len(patients), smallest)  # as protect, without an attribute
    if 0 < len(patients) < smallest:
        columns = ()
    return {name: float(flag.sum()) if name in columns else np.nan for name, flag in flags.items()}


def keep_apart(
    curve: tuple[np.ndarray, np.ndarray], public: Iterable[float], smallest: int = MIN_GROUP_SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """Leave out the steps of safe_curve whose count is nearer to a public number than `smallest`.

    Unless it is that number: those whom it counts may be the ones at the top. public: numbers of
    count_public.
    """
    risks, counts = curve
    known = np.array([number for number in public if number > 0])
    apart = np.abs(counts[:, None] - known[None, :])
    kept = ~((apart > 0) & (apart < smallest)).any(axis=1)
    return risks[kept], counts[kept]


def keep_inside(
    inner: tuple[np.ndarray, np.ndarray],
    outer: tuple[np.ndarray, np.ndarray],
    smallest: int = MIN_GROUP_SIZE,
) -> tuple[np.ndarray, np.ndarray]:
    """Leave out the steps of a curve that 1 to smallest - 1 patients set apart from one around it.

    inner, outer: of safe_curve, of values that are nowhere larger in inner: a mean, and a maximum.
    Who reaches a risk by the one does so by the other, so that two counts would tell the rest.
    """
    risks, counts = inner
    if not len(outer[0]):
        return inner
    around = outer[1][np.maximum(np.searchsorted(outer[0], risks + STEP * 1e-6) - 1, 0)]
    kept = (around <= counts) | (around - counts >= smallest)
    return risks[kept], counts[kept]


def count_several(people: np.ndarray) -> int:
    """Count the patients who have several records; people (records,): the patient of each."""
    return int((np.unique(people, return_counts=True)[1] > 1).sum())


def reached_by(values: np.ndarray, smallest: int = MIN_GROUP_SIZE, digits: int = 2) -> float:
    """Return the risk that `smallest` patients reach, rounded down, in place of a maximum.

    nan if there are fewer patients.
    """
    values = np.asarray(values, float)
    if len(values) < smallest:
        return float("nan")
    scale = 10**digits
    return float(np.floor(np.partition(values, -smallest)[-smallest] * scale) / scale)
