"""Which cells one attribute alone allows to be shown: small ones hidden, and others beside them.

`shown` is a list of bool (rows, columns), one array for each attribute of a design. To show no more
of a row than it can bear, a row whose size is hidden shows nothing.
"""

from __future__ import annotations

import numpy as np

from rollcall.report.gate.design import Design, is_small

Shown = list[np.ndarray]


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

    It is then two rows or more, any of which could be `smallest` while the others hold a patient.
    """
    for row in np.argsort(counts, kind="stable"):
        hidden = counts[~shown[:, column] & (counts > 0)]
        if not len(hidden) or (len(hidden) > 1 and hidden.sum() >= smallest + len(hidden) - 1):
            return
        if counts[row] and shown[row, column]:
            shown[row, slice(None) if column == 0 else column] = False
