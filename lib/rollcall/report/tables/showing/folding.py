"""Which rows and columns of a table are seen first, and what is said of the others."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from rollcall.report.tables.showing.table import Table

MOST_ROWS = 12  # of a table, in sight
DIFFERENT = 0.05  # an adjusted p-value under it
WIDEST = 100  # letters in a line of a table on an A4 sheet
MOST_COLUMNS = 7  # of a table, in sight, where it is known which matter
SLIM = 40  # letters in a line of a table that a phone can show as it is
LONGEST = 26  # letters of a text before it is broken
PADDING = 2  # letters between columns


def fold_rows(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the rows in sight and of those folded away, each rising."""
    assert table.rows is not None
    count = len(table.rows)
    everything = np.arange(count)
    if count <= MOST_ROWS:
        return everything, everything[:0]
    if table.p is not None:
        order = np.argsort(np.nan_to_num(np.asarray(table.p, float), nan=np.inf), kind="stable")
        return np.sort(order[:MOST_ROWS]), np.sort(order[MOST_ROWS:])
    last = MOST_ROWS
    if table.by:  # whole groups of rows, if one fits
        groups = table.rows[table.by].to_numpy()
        starts = np.flatnonzero(groups[1:] != groups[:-1]) + 1
        last = max((start for start in starts if start <= MOST_ROWS), default=MOST_ROWS)
    return everything[:last], everything[last:]


def describe_rest(table: Table, rest: np.ndarray) -> str:
    """Say how many rows are folded away, and whether they differ: "32 others, not different"."""
    words = f"{len(rest):,} {'other' if len(rest) == 1 else 'others'}"
    if table.p is None:
        return words
    p = np.asarray(table.p, float)[rest]
    kinds = {
        "less different": int((p < DIFFERENT).sum()),
        "not different": int((p >= DIFFERENT).sum()),
        "not compared": int(np.isnan(p).sum()),
    }
    there = {kind: count for kind, count in kinds.items() if count}
    if len(there) == 1:
        return f"{words}, {next(iter(there))}"
    return f"{words}: {', '.join(f'{count:,} {kind}' for kind, count in there.items())}"


def fold_columns(cells: pd.DataFrame, table: Table) -> list[list[str]]:
    """Return the columns in sight, then those of each further table; the first names the rows."""
    name, *others = [column for column in cells if column != table.by]
    widths = {column: measure_column(column, cells[column]) for column in cells}
    room = WIDEST - widths[name]
    main = [column for column in others if column in table.main]
    if len(others) < MOST_COLUMNS and sum(widths[column] for column in others) <= room:
        main = []
    rest = [column for column in others if column not in main]
    parts = _cut(main, widths, room) + _cut(rest, widths, room)
    return [[name, *part] for part in parts] or [[name]]


def is_slim(cells: pd.DataFrame) -> bool:
    """Tell whether a phone can show a table of these columns as it is."""
    widths = [measure_column(name, cells[name]) for name in cells]
    return len(widths) <= 2 or sum(widths) <= SLIM


def measure_column(name: str, cells: pd.Series) -> int:
    """Return how many letters wide a column is: its longest cell, or word of its heading."""
    longest = max(map(len, cells), default=0)
    words = max(map(len, re.split(r"[ \-/]", name)))
    return max(min(longest, LONGEST), words) + PADDING


def _cut(columns: list[str], widths: dict[str, int], room: int) -> list[list[str]]:
    """Cut columns into parts that fit, as even as can be."""
    needed = -(-sum(widths[column] for column in columns) // room)
    if not columns:
        return []
    share = -(-sum(widths[column] for column in columns) // needed)
    parts: list[list[str]] = [[]]
    for column in columns:
        taken = sum(widths[name] for name in parts[-1])
        full = taken + widths[column] > room or (taken >= share and needed > len(parts))
        if parts[-1] and full:
            parts.append([])
        parts[-1].append(column)
    return parts
