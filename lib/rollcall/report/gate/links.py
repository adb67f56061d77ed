"""Which attributes give each other's hidden cells away, found without a programme.

A target (rows of an attribute, a band) stays unknown beside another attribute if its patients can
change places with as many others, who agree with them in that attribute's groups: either every
row involved is hidden as a whole, or the two differ only in flags that are hidden in both rows.
Where that fails the two attributes are linked, and worlds.py looks at them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rollcall.report.gate.design import Attribute, Design
from rollcall.report.gate.marks import Shown

ROWS_AT_ONCE = 64  # whose patients are counted in every group of every attribute
PATIENTS_AT_ONCE = 4_096

Rows = tuple[int, ...]


def find_links(
    design: Design, targets: dict[int, list[tuple[Rows, int]]], shown: Shown
) -> dict[tuple[int, Rows, int], np.ndarray]:
    """Return, of each target that is not proved unknown, the attributes beside which it is not.

    targets: attribute -> (rows, band). The attribute itself stands for it alone.
    """
    starts = np.cumsum([0, *(len(attribute.names) for attribute in design.attributes)])
    linked = {}
    for member, counts in _count_jointly(design, sorted(targets), starts):
        hidden = ~shown[member]
        whole = hidden.all(1)
        for rows, band in targets[member]:
            lacking = _lacking(counts, hidden, whole, rows, design.bands[band], design.inside)
            if lacking.any():
                beside = np.unique(np.searchsorted(starts, np.flatnonzero(lacking), "right") - 1)
                linked[member, rows, band] = beside
    return linked


def _lacking(
    counts: np.ndarray,
    hidden: np.ndarray,
    whole: np.ndarray,
    rows: Rows,
    band: np.ndarray,
    inside: np.ndarray,
) -> np.ndarray:
    """Tell the groups in which the target's patients have too few to change places with.

    counts (rows, atoms, groups of all attributes). A row hidden as a whole asks for one patient
    in another such row, since any number may come to it.
    """
    others = np.ones(len(hidden), bool)
    others[list(rows)] = False
    asked = counts[list(rows)][:, band]  # (rows, atoms in the band, groups)
    if whole[list(rows)].all():
        return (asked.sum((0, 1)) > 0) & (counts[others & whole].sum((0, 1)) == 0)
    able = others[:, None] & ~band[None, :]
    for row in rows:
        for atom in np.flatnonzero(band & counts[row].any(1)):
            differs = inside[atom] != inside  # (atoms, columns)
            hides = hidden[row] & hidden  # (rows, columns)
            able &= ~(differs[None] & ~hides[:, None]).any(2)
    return asked.sum((0, 1)) > counts[able].sum(0)


def _count_jointly(
    design: Design, members: Sequence[int], starts: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (attribute, patients by its row, atom and group of any attribute)."""
    groups, atoms = int(starts[-1]), len(design.inside)
    block: list[int] = []
    for place, member in enumerate(members):
        block.append(member)
        rows = sum(len(design.attributes[one].names) for one in block)
        if rows >= ROWS_AT_ONCE or place == len(members) - 1:
            counts = np.zeros((rows, atoms, groups), np.float32)
            for at, patients in _blocks(design.atom):
                inside = _one_hot([design.attributes[one] for one in block], patients)
                counts[:, at] += inside.T @ _one_hot(design.attributes, patients)
            start = 0
            for one in block:
                stop = start + len(design.attributes[one].names)
                yield one, counts[start:stop]
                start = stop
            block = []


def _blocks(atom: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (atom, positions of patients who have it), PATIENTS_AT_ONCE at most."""
    for at in np.unique(atom):
        patients = np.flatnonzero(atom == at)
        for start in range(0, len(patients), PATIENTS_AT_ONCE):
            yield int(at), patients[start : start + PATIENTS_AT_ONCE]


def _one_hot(attributes: Sequence[Attribute], patients: np.ndarray) -> np.ndarray:
    """Tell the group of each patient in each attribute, float32 (patients, groups)."""
    return np.column_stack(
        [
            attribute.code[patients][:, None] == np.arange(len(attribute.names))
            for attribute in attributes
        ]
    ).astype(np.float32)
