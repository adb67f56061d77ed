"""Which cells one attribute alone allows to be shown: small ones hidden, and others beside them.

`shown` is a list of bool (rows, columns), one array for each attribute of a design. To show no more
of a row than it can bear, a row whose size is hidden shows nothing.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations, islice

import numpy as np

from rollcall.report.gate.design import Attribute, Design, is_small

Shown = list[np.ndarray]
MOST_UNIONS = 32  # unions of small rows that are looked at, for each attribute and band
MOST_LISTED = 6  # rows of an attribute whose every union is looked at


def mark_cells(design: Design) -> Shown:
    """Return the cells that each attribute alone allows, list of bool (rows, columns)."""
    nested = _nested(design.inside)
    return [
        _mark(attribute.counts, nested, design.smallest)
        if attribute.is_listed
        else np.zeros(attribute.counts.shape, bool)
        for attribute in design.attributes
    ]


def hide_cell(shown: Shown, attribute: int, row: int, column: int) -> None:
    """Hide one cell, and with the size of a row all of it."""
    shown[attribute][row, column if column else slice(None)] = False


def _nested(inside: np.ndarray) -> np.ndarray:
    """Tell which column lies inside which, bool (columns, columns)."""
    return ~np.einsum("ai,aj->ij", inside, ~inside)


def _mark(counts: np.ndarray, nested: np.ndarray, smallest: int) -> np.ndarray:
    """Hide what is small, what would make a small difference, and what a line gives away."""
    shown = np.ones(counts.shape, bool)
    shown[is_small(counts[:, 0], smallest)] = False
    _fill(shown, counts[:, 0], 0, smallest)
    for column in range(1, counts.shape[1]):
        shown[:, column] &= ~is_small(counts[:, column], smallest)
        for other in range(column):
            if nested[column, other] or nested[other, column]:
                apart = np.abs(counts[:, column] - counts[:, other])
                shown[:, column] &= ~(is_small(apart, smallest) & shown[:, other])
        _fill(shown, counts[:, column], column, smallest)
        _fill(shown, counts[:, 0] - counts[:, column], column, smallest)
    return shown


def _fill(shown: np.ndarray, counts: np.ndarray, column: int, smallest: int) -> None:
    """Hide more of a column, the smallest first, till what is hidden cannot be had from its total.

    It then holds `smallest` patients or more, in two rows or more.
    """
    for row in np.argsort(counts, kind="stable"):
        hidden = counts[~shown[:, column] & (counts > 0)]
        if not len(hidden) or (len(hidden) > 1 and hidden.sum() >= smallest):
            return
        if counts[row] and shown[row, column]:
            shown[row, slice(None) if column == 0 else column] = False


def list_targets(design: Design, attribute: int, shown: Shown) -> list[tuple[tuple[int, ...], int]]:
    """List what must stay unknown of an attribute: (rows, band) of 1 to smallest - 1 patients.

    rows are a union of rows that is not all of them: every one where there are MOST_LISTED rows or
    fewer; else each row, the small ones together in up to MOST_UNIONS ways, all of these with the
    rows that have nobody in the band, and the rows that are not shown with both ends of it.
    """
    by_band = _count_bands(design, design.attributes[attribute])
    every = _all_unions(len(by_band)) if len(by_band) <= MOST_LISTED else None
    targets = []
    for band, counts in enumerate(by_band.T):
        if every is None:
            unions = _some_unions(counts, design.smallest)
            unions += _hidden_rows(shown[attribute], design.inside, design.bands[band])
        else:
            unions = every
        ordered = {union: int(counts[list(union)].sum()) for union in unions}
        targets += [
            (union, band)
            for union, count in ordered.items()
            if 0 < count < design.smallest and len(union) < len(counts)
        ]
    return targets


@cache
def _all_unions(rows: int) -> list[tuple[int, ...]]:
    return [union for size in range(1, rows) for union in combinations(range(rows), size)]


def _some_unions(counts: np.ndarray, smallest: int) -> list[tuple[int, ...]]:
    """List the small rows of a band, some unions of them, and these with all rows without any."""
    small = np.flatnonzero(is_small(counts, smallest))
    rows = small[np.argsort(counts[small], kind="stable")].tolist()
    unions = [(row,) for row in rows]
    for size in range(2, len(rows) + 1):
        if counts[rows[:size]].sum() >= smallest or len(unions) > MOST_UNIONS:
            break
        unions += islice(combinations(rows, size), MOST_UNIONS)
    empty = np.flatnonzero(counts == 0).tolist()
    return [*unions, *(tuple(sorted({*union, *empty})) for union in unions)]


def _hidden_rows(shown: np.ndarray, inside: np.ndarray, band: np.ndarray) -> list[tuple[int, ...]]:
    """List the rows that are hidden in either column of each pair that has a band between them."""
    ends = [
        (outer, inner)
        for outer in range(inside.shape[1])
        for inner in range(-1, inside.shape[1])
        if (band == (inside[:, outer] & ~(inside[:, inner] & (inner >= 0)))).all()
    ]
    return [
        tuple(np.flatnonzero(~(shown[:, outer] & (shown[:, inner] | (inner < 0)))).tolist())
        for outer, inner in ends
    ]


def _count_bands(design: Design, attribute: Attribute) -> np.ndarray:
    """Count the patients of each row in each band, int (rows, bands)."""
    rows, atoms = len(attribute.names), len(design.inside)
    cells = np.bincount(attribute.code * atoms + design.atom, minlength=rows * atoms)
    return cells.reshape(rows, atoms) @ design.bands.T
