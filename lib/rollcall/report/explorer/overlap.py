"""Two runs of the same patients: how many of those at the top of one are at the top of the other.

The counts of a two-by-two table, and by how much each grows from one step to the next, are 0 or the
smallest cell and more: no two positions of the slider set a patient apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import gammaln

from rollcall.report.explorer.opening import Opened
from rollcall.report.explorer.threshold import write_share
from rollcall.report.explorer.view import find_nearest
from rollcall.report.gate import HIDDEN, show_few
from rollcall.runs.run import Run
from rollcall.util.errors import InputError

CANDIDATES = 150  # numbers of patients at the top that are tried as steps


@dataclass(frozen=True)
class Pair:
    """Two runs, their patients matched.

    names: as far as they differ; auc float (2, patients), exposed bool (2, patients), label int
    (patients,) the training label; smallest: the larger of their smallest cells; common: how many
    models are in both, as of one seed and recipe.
    """

    names: tuple[str, str]
    unit: str
    auc: np.ndarray
    exposed: np.ndarray
    label: np.ndarray
    smallest: int
    common: int = 0


def match_runs(one: Opened, two: Opened) -> Pair:
    """Match the patients of two runs by their ids; InputError where they are not the same ones."""
    ids = [opened.ids for opened in (one, two)]
    rows = [np.arange(len(each)) for each in ids]
    if len(ids[0]) != len(ids[1]) or not (ids[0] == ids[1]).all():
        places = pd.Index(ids[1]).get_indexer(pd.Index(ids[0]))
        if (places < 0).any() or len(ids[0]) != len(ids[1]):
            raise InputError(
                f"{one.name} and {two.name} are not of the same patients; expected two runs of one "
                "cohort"
            )
        rows[1] = places
    both = list(zip((one, two), rows, strict=True))
    first, second = one.name.split("/"), two.name.split("/")
    return Pair(
        (one.name, two.name) if first[0] != second[0] else (first[-1], second[-1]),
        one.run.unit,
        np.stack([opened.auc[order] for opened, order in both]),
        np.stack([opened.patients["exposed"].to_numpy(bool)[order] for opened, order in both]),
        one.patients["label"].to_numpy(int),
        max(one.run.smallest_cell, two.run.smallest_cell),
        _count_common(one.run, two.run),
    )


def _count_common(one: Run, two: Run) -> int:
    """Count the models that two runs have in common: all of the smaller one, or none."""
    recipes = [run.config.get("recipe") for run in (one, two)]
    is_grown = recipes[0] is not None and recipes[0] == recipes[1] and one.seed == two.seed
    return min(one.targets, two.targets) if is_grown else 0


def count_exposed(pair: Pair) -> pd.Series:
    """Count who is exposed in both runs: first, second, both, chance, low, high; both may be NaN.

    chance: as many as two independent audits that name so many would share, low to high in 95%.
    Hidden where any cell of the table is smaller than the smallest cell, as its margins are known.
    """
    first, second = pair.exposed.sum(1)
    both = int(pair.exposed.all(0).sum())
    return _tell(pair, int(first), int(second), both)


def count_tops(pair: Pair) -> pd.DataFrame:
    """Count the patients at the top of both runs: a row a step, rising; columns as count_exposed.

    first = second: how many at the top of each are compared.
    """
    patients, smallest = pair.auc.shape[1], pair.smallest
    place = np.empty_like(pair.auc, int)
    for row, auc in zip(place, pair.auc, strict=True):
        row[np.argsort(-auc, kind="stable")] = np.arange(patients)
    shared = np.cumsum(np.bincount(place.max(0), minlength=patients))
    tried = np.unique(np.geomspace(min(smallest, patients), patients // 2, CANDIDATES).astype(int))
    exposed = count_exposed(pair)
    kept = [] if np.isnan(exposed["both"]) else [exposed[["first", "second", "both"]].to_numpy(int)]
    start, rows = len(kept), []
    for number in tried:
        counts = np.array([number, number, shared[number - 1]])
        if not _is_small(_cells(counts, patients), smallest) and not any(
            _is_small(_apart(counts, other), smallest) for other in kept
        ):
            kept.append(counts)
    rows = [_tell(pair, *map(int, counts)) for counts in kept[start:]]
    return pd.DataFrame(rows, columns=["first", "second", "both", "chance", "low", "high"])


def _cells(counts: np.ndarray, patients: int) -> np.ndarray:
    """Return the four cells of (first, second, both)."""
    first, second, both = counts
    return np.array([both, first - both, second - both, patients - first - second + both])


def _apart(counts: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return by how much two tables differ: in either margin, in both, in at least one."""
    union = [each[0] + each[1] - each[2] for each in (counts, other)]
    return np.abs(np.append(counts - other, union[0] - union[1]))


def _is_small(counts: np.ndarray, smallest: int) -> bool:
    return bool(((counts > 0) & (counts < smallest)).any())


def _tell(pair: Pair, first: int, second: int, both: int) -> pd.Series:
    patients = pair.auc.shape[1]
    hidden = _is_small(_cells(np.array([first, second, both]), patients), pair.smallest)
    low, high = expect_shared(first, second, patients)
    return pd.Series(
        {
            "first": first,
            "second": second,
            "both": np.nan if hidden else both,
            "chance": first * second / patients,
            "low": low,
            "high": high,
        }
    )


def expect_shared(first: int, second: int, patients: int) -> tuple[int, int]:
    """Return where 95% of the overlaps of two random sets of so many patients lie.

    The hypergeometric distribution, its logarithms from those of the gamma function.
    """
    k = np.arange(max(0, first + second - patients), min(first, second) + 1)

    def log_choose(n, r):
        return gammaln(n + 1) - gammaln(r + 1) - gammaln(n - r + 1)

    logs = log_choose(first, k) + log_choose(patients - first, second - k)
    share = np.cumsum(np.exp(logs - log_choose(patients, second)))
    ends = np.searchsorted(share, [0.025, 0.975])
    return int(k[min(ends[0], len(k) - 1)]), int(k[min(ends[1], len(k) - 1)])


def write_top(pair: Pair, row: pd.Series) -> str:
    """Say how many of those at the top of one run are at the top of the other."""
    share = write_share(row["both"] / max(row["first"], 1))
    return (
        f"Of the {row['first']:,.0f} {pair.unit}s at the top of either run {row['both']:,.0f} are "
        f"at the top of both ({share}). {_write_expected(row)} {_write_times(row)}"
    )


def _write_expected(row: pd.Series) -> str:
    return (
        f"Two runs that had nothing in common would share about {_write_number(row['chance'])} "
        f"({row['low']:,.0f} to {row['high']:,.0f})."
    )


def _write_times(row: pd.Series) -> str:
    return f"That is {_write_number(row['both'] / max(row['chance'], 1e-9))} times as many."


def _write_number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def write_exposed(pair: Pair, row: pd.Series) -> str:
    """Say how many exposed patients two runs share; not how few, where they are too few."""
    patients, unit = pair.auc.shape[1], pair.unit
    one, two = (show_few(row[name], patients, pair.smallest) for name in ("first", "second"))
    words = f"Exposed are {one} {unit}s in {pair.names[0]} and {two} in {pair.names[1]}"
    counts = np.array([row["first"], row["second"]])
    if _is_small(np.append(counts, patients - counts), pair.smallest) or not counts.all():
        return f"{words}: too few to look at what they share."
    if np.isnan(row["both"]):
        return (
            f"{words}. How many are in both is not shown: a cell of the table holds fewer than "
            f"{pair.smallest}. {_write_expected(row)}"
        )
    share = write_share(row["both"] / counts.min())
    words = f"{words}, {row['both']:,.0f} of them in both ({share} of the fewer)."
    words = f"{words} {_write_expected(row)} {_write_times(row)}"
    if pair.label.max() > 0:
        within = _write_number(expect_within(pair))
        words += f" With nothing in common but the training label it would be about {within}."
    if pair.common:
        words += (
            f" But {pair.common} models are in both runs, as seed and recipe are the same: for a "
            "repetition take another seed."
        )
    return words


def expect_within(pair: Pair) -> float:
    """Return how many exposed patients two runs share by chance, given how many of each label."""
    by_label = [np.bincount(pair.label, weights) for weights in (*pair.exposed, None)]
    return float((by_label[0] * by_label[1] / np.maximum(by_label[2], 1)).sum())


def tabulate(pair: Pair, row: pd.Series) -> list[list[str]]:
    """Write the two-by-two table: in both, in the first alone; in the second alone, in neither."""
    cells = _cells(row[["first", "second", "both"]].to_numpy(float), pair.auc.shape[1])
    texts = [HIDDEN if np.isnan(cell) else f"{cell:,.0f}" for cell in cells]
    return [texts[:2], texts[2:]]


def show_runs(pair: Pair, top: int = 0) -> tuple[dict, int]:
    """Return everything that the picture is drawn from in the browser, and the step to start at."""
    table, exposed = count_tops(pair), count_exposed(pair)
    start = top or int(pair.exposed.sum(1).mean())
    return {
        "unit": pair.unit,
        "names": list(pair.names),
        "total": pair.auc.shape[1],
        "steps": table.to_dict("list"),
        "tables": [tabulate(pair, row) for _, row in table.iterrows()],
        "sentences": [write_top(pair, row) for _, row in table.iterrows()],
        "short": [f"{number:,} {pair.unit}s at the top" for number in table["first"].astype(int)],
        "exposed": {
            "table": tabulate(pair, exposed),
            "sentence": write_exposed(pair, exposed),
        },
    }, find_nearest(table["first"].to_numpy(), start) if len(table) else 0


def explain_none(opened: Opened) -> str:
    """Say that there is no second run of the same patients, and how to make one."""
    words = f"No second finished run of {opened.run.config['cohort']} beside {opened.name}."
    if opened.is_given:
        return f"{words} Scores of other models make one: `rollcall attack` with another --out."
    return f"{words} Another recipe or seed does: `rollcall audit` with `--run second --seed 1`."
