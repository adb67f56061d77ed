"""Which cells one attribute alone allows to be shown: small ones hidden, and others beside them.

`shown` is a list of bool (rows, columns), one array for each attribute of a design. To show no more
of a row than it can bear, a row whose size is hidden shows nothing.
"""

from __future__ import annotations

import numpy as np

from rollcall.report.gate.design import Design, is_small

Shown = list[np.ndarray]


def mark_cells(design: Design, before: dict[str, np.ndarray] | None = None) -> Shown:
    """Return the cells that each attribute alone allows, list of bool (rows, columns).

    before: as list_chosen returned it of the columns that are chosen; None: none is yet.
    """
    nested = _nested(design.inside)
    shown = []
    for attribute in design.attributes:
        cells = np.zeros(attribute.counts.shape, bool)
        if attribute.is_listed:
            if before is None:
                cells[:] = ~is_small(attribute.counts, design.smallest)[:, :1]
                _fill(cells, attribute.counts[:, 0], 0, design.smallest)
            else:
                chosen = before[attribute.name]
                cells[attribute.code, : design.chosen] = chosen
                cells[:, design.chosen :] = cells[:, :1]
            _mark_flags(cells, attribute.counts, nested, design)
        shown.append(cells)
    return shown


def list_chosen(design: Design, shown: Shown) -> dict[str, np.ndarray]:
    """Return by attribute whether the cells of each patient's group are shown.

    bool (patients, columns).
    """
    return {
        attribute.name: cells[attribute.code]
        for attribute, cells in zip(design.attributes, shown, strict=True)
    }


def hide_cell(shown: Shown, attribute: int, row: int, column: int) -> None:
    """Hide one cell, and with the size of a row all of it; one of two rows with the other."""
    rows = row if len(shown[attribute]) > 2 else slice(None)
    shown[attribute][rows, column if column else slice(None)] = False


def _nested(inside: np.ndarray) -> np.ndarray:
    """Tell which column lies inside which, bool (columns, columns)."""
    return ~np.einsum("ai,aj->ij", inside, ~inside)


def _mark_flags(shown: np.ndarray, counts: np.ndarray, nested: np.ndarray, design: Design) -> None:
    """Hide what is small, what would make a small difference, and what a line gives away."""
    smallest = design.smallest
    for column in range(max(design.chosen, 1), counts.shape[1]):
        shown[:, column] &= ~is_small(counts[:, column], smallest)
        for other in range(column):
            if nested[column, other] or nested[other, column]:
                apart = np.abs(counts[:, column] - counts[:, other])
                shown[:, column] &= ~(is_small(apart, smallest) & shown[:, other])
        _fill(shown, counts[:, column], column, smallest)
        _fill(shown, counts[:, 0] - counts[:, column], column, smallest)


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
