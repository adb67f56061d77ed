"""A threshold on the survival curve: how many are above it, by chance too, and which groups.

No step lies between fewer than the smallest cell of patients: the steps are those of the survival
figure (gate.safe_curve), so that no two positions of the slider set a patient apart. Groups are
counted where the report counts them, at its cutoffs, as these have passed the gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rollcall.report.explorer.opening import Opened
from rollcall.report.explorer.view import find_nearest
from rollcall.report.gate import HIDDEN, keep_apart, safe_curve, show_few, show_limit

LOWEST = 0.5  # risk from which a threshold may be chosen
STEP = 1e-3  # of the risks
MOST_ROWS = 12  # groups in a picture
DIFFERENT = "the most different groups"


def count_above(opened: Opened) -> pd.DataFrame:
    """Count patients at or above each risk that may be shown: a row a step, rising.

    risk, patients; chance: how many a membership redrawn at random puts there, expected; true,
    low, high: how many have a true risk of that size, with its 95% interval, NaN where fewer than
    the smallest cell.
    """
    smallest = opened.run.smallest_cell
    risks, counts = list_steps(opened)
    steps = pd.DataFrame({"risk": risks, "patients": counts})
    steps["chance"] = count_chance(opened.floor, risks, len(opened.auc))
    curve = opened.survival
    for column, name in (("true", "patients"), ("low", "low"), ("high", "high")):
        steps[column] = np.interp(risks, curve["auc"], curve[name], right=np.nan)
    unknown = risks < find_known(opened)
    steps.loc[unknown | (steps["true"] < smallest), ["true", "low", "high"]] = np.nan
    return steps


def clip_limits(steps: pd.DataFrame, smallest: int) -> pd.DataFrame:
    """Return steps as pictures and files have them: no limit is under the smallest cell."""
    return steps.assign(low=steps["low"].clip(lower=smallest)).round(6)


def list_steps(opened: Opened) -> tuple[np.ndarray, np.ndarray]:
    """Return risks and how many are at or above each, as gate.safe_curve, from LOWEST on.

    Without the steps whose count is nearer to a number that is shown, of the exposed or of those
    named otherwise, than the smallest cell: these may be the ones at the top.
    """
    smallest = opened.run.smallest_cell
    risks, counts = keep_apart(safe_curve(opened.auc, smallest), opened.public, smallest)
    return risks[risks >= LOWEST], counts[risks >= LOWEST]


def find_known(opened: Opened) -> float:
    """Return the risk from which true risks are counted: nearer 0.5 noise hides how many it is."""
    return float(np.quantile(opened.floor, 0.84))


def count_chance(floor: np.ndarray, risks: np.ndarray, patients: int) -> np.ndarray:
    """Return how many of so many patients chance puts at or above each risk; floor sorted."""
    reached = len(floor) - np.searchsorted(floor, np.asarray(risks) - STEP * 1e-6)
    return reached / max(len(floor), 1) * patients


def choose_threshold(opened: Opened, threshold: float = 0.0) -> float:
    """Return a threshold; 0: the step of about as many patients as are named, 0.75 where none is.

    The risk of the last one who is named is one patient's, and is not told.
    """
    number, (risks, counts) = int(opened.patients["exposed"].sum()), list_steps(opened)
    named = float(risks[find_nearest(counts, number)]) if number and len(counts) else 0.75
    return threshold or round(named, 3)


def start_at(opened: Opened, threshold: float, risks: Sequence[float]) -> int:
    """Return the position of the step nearest to a threshold, as choose_threshold has it."""
    return find_nearest(risks, choose_threshold(opened, threshold)) if len(risks) else 0


def write_step(opened: Opened, step: Mapping[str, float]) -> str:
    """Say in words what a step of count_above says in numbers."""
    total, smallest, unit = len(opened.auc), opened.run.smallest_cell, opened.run.unit
    words = [
        f"At a risk of {step['risk']:.3f} or more: {step['patients']:,.0f} of {total:,} {unit}s "
        f"({write_share(step['patients'] / total)}).",
        f"Chance alone would put about {step['chance']:,.0f} there: "
        f"{write_false(step['chance'], step['patients'])}.",
    ]
    if np.isfinite(step["true"]):
        true = show_few(round(step["true"]), total, smallest)
        low, high = (show_limit(step[name], total, smallest) for name in ("low", "high"))
        words.append(
            f"With the noise taken out, about {true} have a true risk that high "
            f"(95% interval {low} to {high})."
        )
    return " ".join(words)


def write_share(share: float) -> str:
    """Write a share as "12%", or "0.8%"."""
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.2g}%"


def write_false(chance: float, patients: float) -> str:
    """Say how many of those at or above a threshold are there by chance."""
    share = 100 * chance / max(patients, 1)
    if share >= 99.5:
        return "as many as there are, so nobody stands out"
    if share < 0.5:
        return "fewer than 1 in 100 of those who are there"
    return f"at most about {share:.0f} in 100 of those who are there"


def list_cuts(opened: Opened) -> pd.DataFrame:
    """List the cutoffs at which groups are counted, by rising number of patients: cutoff, top."""
    if opened.cutoffs.empty:
        return pd.DataFrame({"cutoff": [], "top": []})
    table = opened.cutoffs[opened.cutoffs["top"] >= opened.run.smallest_cell]
    return table[["cutoff", "top", "is_exposed"]].drop_duplicates().sort_values("top")


def list_choices(opened: Opened) -> dict[str, pd.DataFrame]:
    """List what groups may be looked at: the most different ones first, then by attribute.

    Rows attribute, group, patients, is_outcome, at most MOST_ROWS each, none crossed.
    """
    if opened.groups.empty or opened.cutoffs.empty:
        return {}
    table = opened.groups[~opened.groups["intersection"].astype(bool)]
    columns = ["attribute", "group", "patients", "is_outcome"]
    choices = {DIFFERENT: table.sort_values("p", kind="stable").head(MOST_ROWS)[columns]}
    for attribute, rows in table.groupby("attribute", sort=False):
        largest = rows.sort_values("patients", ascending=False).head(MOST_ROWS)
        choices[str(attribute)] = largest.sort_index()[columns]
    return choices


def tell_groups(opened: Opened, groups: pd.DataFrame, cut: pd.Series) -> list[dict]:
    """Tell what is shown of some groups at a cutoff, a row each.

    name; inside: how many of the group are among the top; times: the ratio to all others with its
    interval, as text; ratio, low, high; floor: where 95% of the ratios lie if nothing leaks. HIDDEN
    and NaN where the gate hides them.
    """
    by_group = opened.counted.get((float(cut["top"]), bool(cut["is_exposed"])), {})
    return [
        _tell_group(group, by_group[group["attribute"], group["group"]])
        for group in groups.to_dict("records")
        if (group["attribute"], group["group"]) in by_group
    ]


def _tell_group(group: Mapping, row: Mapping) -> dict:
    outcome = " (outcome)" if group["is_outcome"] else ""
    inside = ratio = HIDDEN
    if np.isfinite(row["inside"]):
        inside = f"{row['inside']:,.0f} of {group['patients']:,.0f}"
    if np.isfinite(row["ratio"]):
        ratio = f"{row['ratio']:.2g} ({row['ratio_low']:.2g} to {row['ratio_high']:.2g})"
    return {
        "name": f"{group['attribute']}: {group['group']}{outcome}",
        "inside": inside,
        "times": ratio,
        "ratio": row["ratio"],
        "low": row["ratio_low"],
        "high": row["ratio_high"],
        "floor": [row["floor_low"], row["floor_high"]],
    }


def find_cuts(steps: pd.DataFrame, cuts: pd.DataFrame) -> list[int]:
    """Return, for each step, the position of the cutoff with the nearest number of patients."""
    if cuts.empty:
        return []
    sizes = np.log(cuts["top"].to_numpy(float))
    return [find_nearest(sizes, np.log(count)) for count in steps["patients"]]


def name_cut(opened: Opened, cut: pd.Series) -> str:
    """Say which patients a cutoff takes."""
    who = f"the {cut['top']:,.0f} {opened.run.unit}s"
    if cut["is_exposed"]:
        return f"{who} that are exposed"
    return f"{who} with the highest scores ({write_share(cut['cutoff'])} of all)"


def show_threshold(opened: Opened) -> dict:
    """Return everything that the picture is drawn from in the browser, as lists and texts."""
    steps, cuts, choices = count_above(opened), list_cuts(opened), list_choices(opened)
    rows = {
        name: [tell_groups(opened, groups, cut) for _, cut in cuts.iterrows()]
        for name, groups in choices.items()
    }
    return {
        "unit": opened.run.unit,
        "total": len(opened.auc),
        "least": opened.run.smallest_cell,
        "steps": clip_limits(steps, opened.run.smallest_cell).to_dict("list"),
        "sentences": [write_step(opened, step) for step in steps.to_dict("records")],
        "short": [f"risk {risk:.3f}" for risk in steps["risk"]],
        "cut_of": find_cuts(steps, cuts),
        "cuts": [name_cut(opened, cut) for _, cut in cuts.iterrows()],
        "groups": rows,
        "hidden": f"{HIDDEN}: fewer than {opened.run.smallest_cell} {opened.run.unit}s, or a "
        "number from which such a count would follow",
    }
