"""What must stay unknown: the counts of 1 to smallest - 1 patients that a reader could aim at.

A target is a union of rows of one attribute, and a band: a flag, or a flag without another one.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations, islice

import numpy as np

from rollcall.report.gate.design import Attribute, Design, is_small
from rollcall.report.gate.marks import Shown
from rollcall.report.gate.partitions import MOST_LISTED

MOST_UNIONS = 32  # unions of small rows that are looked at, for larger ones and each band
MOST_BESIDE = 50  # attributes, of which the rows that lie inside a group of another are looked at

Rows = tuple[int, ...]


def list_targets(design: Design, member: int, shown: Shown) -> list[tuple[Rows, int]]:
    """List the targets of an attribute: (rows, band).

    rows: every union but that of all, where there are MOST_LISTED rows or fewer. Else each row,
    up to MOST_UNIONS unions of small ones, all of these with the rows that have nobody in the band,
    what lies in a group of another attribute or outside of it, and what is not shown with both
    ends of the band.
    """
    attribute = design.attributes[member]
    by_band = _count_bands(design, attribute)
    rows = len(by_band)
    if rows <= MOST_LISTED:
        unions = _all_unions(rows)
        small = is_small(unions @ by_band, design.smallest)
        return [(tuple(np.flatnonzero(unions[at]).tolist()), band) for at, band in _where(small)]
    inside = _natural_unions(design, attribute)
    targets = []
    for band, counts in enumerate(by_band.T):
        some = _some_unions(counts, design.smallest)
        some += _hidden_rows(shown[member], design.inside, design.bands[band])
        for union in dict.fromkeys([*some, *inside]):
            if 0 < counts[list(union)].sum() < design.smallest and len(union) < rows:
                targets.append((union, band))
    return targets


def _where(small: np.ndarray) -> list[list[int]]:
    """List (union, band) by band, the unions of fewest rows first."""
    return [[union, band] for band, union in np.argwhere(small.T).tolist()]


@cache
def _all_unions(rows: int) -> np.ndarray:
    """List every union but that of all rows, those of fewest first, int (unions, rows)."""
    unions = [
        np.isin(np.arange(rows), union)
        for size in range(1, rows)
        for union in combinations(range(rows), size)
    ]
    return np.array(unions, np.intp).reshape(-1, rows)


def _count_bands(design: Design, attribute: Attribute) -> np.ndarray:
    """Count the patients of each row in each band, int (rows, bands)."""
    rows, atoms = len(attribute.names), len(design.inside)
    cells = np.bincount(attribute.code * atoms + design.atom, minlength=rows * atoms)
    return cells.reshape(rows, atoms) @ design.bands.T


def _natural_unions(design: Design, attribute: Attribute) -> list[Rows]:
    """List the rows inside each group of another attribute, those outside of it, and of an
    intersection those where one or two groups of one attribute meet one or two of the other.
    """
    unions: list[Rows] = []
    if len(design.attributes) > MOST_BESIDE:
        return unions
    rows = len(attribute.names)
    meeting: dict[str, list[np.ndarray]] = {}
    for other in design.attributes:
        if other is attribute:
            continue
        groups = len(other.names)
        joint = np.bincount(attribute.code * groups + other.code, minlength=rows * groups)
        touches = joint.reshape(rows, groups) > 0
        inside = touches & (touches.sum(1, keepdims=True) == 1)
        unions += [tuple(np.flatnonzero(side).tolist()) for side in (*inside.T, *(~touches).T)]
        if other.name in attribute.parts:
            pairs = [one | two for one, two in combinations(inside.T, 2)]
            meeting[other.name] = [*inside.T, *islice(pairs, MOST_UNIONS)]
    if len(meeting) == 2:
        one, two = meeting.values()
        unions += [tuple(np.flatnonzero(a & b).tolist()) for a in one for b in two]
    return [union for union in dict.fromkeys(unions) if union]


def _some_unions(counts: np.ndarray, smallest: int) -> list[Rows]:
    """List the small rows of a band, some unions of them, and these with all rows without any."""
    small = np.flatnonzero(is_small(counts, smallest))
    rows = small[np.argsort(counts[small], kind="stable")].tolist()
    unions: list[Rows] = [(row,) for row in rows]
    for size in range(2, len(rows) + 1):
        if counts[rows[:size]].sum() >= smallest or len(unions) > MOST_UNIONS:
            break
        unions += islice(combinations(rows, size), MOST_UNIONS)
    empty = np.flatnonzero(counts == 0).tolist()
    return [*unions, *(tuple(sorted({*union, *empty})) for union in unions)]


def _hidden_rows(shown: np.ndarray, inside: np.ndarray, band: np.ndarray) -> list[Rows]:
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
