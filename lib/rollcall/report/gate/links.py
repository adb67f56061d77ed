"""Which attributes give each other's hidden cells away, found without a programme.

A target (rows of an attribute, a band) stays unknown beside another attribute if its patients can
change flags with as many others, who are in the same groups of that attribute, or, like them, in
groups for which these flags are hidden. The flags that change must be hidden in the rows of both.
Or, where rows are hidden as a whole, its patients can move to another such row. Where that fails
the two attributes are linked, and worlds.py looks at them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rollcall.report.gate.design import Design
from rollcall.report.gate.marks import Shown

MOST_COUNTS = 20_000_000  # of patients by row, atom and group of any attribute, at a time
PATIENTS_AT_ONCE = 4_096

Rows = tuple[int, ...]


def find_links(
    design: Design,
    targets: dict[int, list[tuple[Rows, int]]],
    shown: Shown,
    kept: dict[int, np.ndarray],
) -> dict[tuple[int, Rows, int], np.ndarray]:
    """Return, of each target that is not proved unknown, the attributes beside which it is not.

    targets: attribute -> (rows, band). The attribute itself stands for it alone. kept: a cache of
    counts for further calls, which is filled if they are few enough.
    """
    starts, visible = _starts(design), np.concatenate(shown)
    linked = {}
    if not kept and starts[-1] ** 2 * len(design.inside) <= MOST_COUNTS:
        kept |= count_jointly(design, range(len(design.attributes)))
    for member, counts in (
        [(member, kept[member]) for member in sorted(targets)]
        if kept
        else count_jointly(design, sorted(targets))
    ):
        total = counts[:, :, starts[member] : starts[member + 1]].sum(2)  # (rows, atoms)
        for rows, band in targets[member]:
            able, changing = _partners(
                total > 0, ~shown[member], rows, design.bands[band], design.inside
            )
            asked = counts[list(rows)][:, design.bands[band]].sum((0, 1))
            partners = counts[able].sum(0)
            if 0 in changing:  # any number may move to where one is already
                partners = np.where(partners > 0, np.inf, 0)
            lacks = _lacks(asked, partners, visible[:, changing].any(1), starts)
            lacks[member] = total[list(rows)][:, design.bands[band]].sum() > (
                np.inf if 0 in changing and able.any() else total[able].sum()
            )
            if lacks.any():
                linked[member, rows, band] = np.flatnonzero(lacks)
    return linked


def _partners(
    occurs: np.ndarray, hidden: np.ndarray, rows: Rows, band: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, list[int]]:
    """Return who can change places with the target's patients, and the columns that changes.

    occurs bool (rows, atoms); the former bool (rows, atoms), the latter [0] for all columns.
    """
    others = np.ones(len(hidden), bool)
    others[list(rows)] = False
    whole = hidden.all(1)
    if whole[list(rows)].all() and (others & whole).any():
        return occurs & (others & whole)[:, None], list(range(hidden.shape[1]))
    able = occurs & others[:, None] & ~band[None, :]
    for row in rows:
        for atom in np.flatnonzero(band & occurs[row]):
            differs = inside[atom] != inside  # (atoms, columns)
            hides = hidden[row] & hidden  # (rows, columns)
            able &= ~(differs[None] & ~hides[:, None]).any(2)
    flags = inside[able.any(0) | (band & occurs[list(rows)].any(0))]
    return able, np.flatnonzero(flags.any(0) & ~flags.all(0)).tolist()


def _lacks(
    asked: np.ndarray, partners: np.ndarray, is_shown: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """Tell the attributes in which more are asked for than there are, bool (attributes,).

    asked, partners (groups of all attributes,); is_shown: what changes is shown for the group.
    Groups for which it is hidden count as one.
    """
    lacks = np.add.reduceat(is_shown & (asked > partners), starts[:-1])
    pooled = [
        np.add.reduceat(np.where(is_shown, 0, side), starts[:-1]) for side in (asked, partners)
    ]
    return lacks | (pooled[0] > pooled[1])


def count_jointly(design: Design, members: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (attribute, float32 patients by its row, atom and group of any attribute)."""
    starts = _starts(design)
    codes = np.column_stack([attribute.code for attribute in design.attributes]) + starts[:-1]
    groups, atoms = int(starts[-1]), len(design.inside)
    most = max(1, MOST_COUNTS // (groups * atoms))
    waiting = list(members)
    while waiting:
        rows = np.cumsum([starts[member + 1] - starts[member] for member in waiting])
        block = waiting[: max(1, int((rows <= most).sum()))]
        waiting = waiting[len(block) :]
        columns = np.concatenate([np.arange(starts[one], starts[one + 1]) for one in block])
        counts = np.zeros((len(columns), atoms, groups), np.float32)
        for at, patients in _blocks(design.atom):
            inside = np.zeros((len(patients), groups), np.float32)
            inside[np.arange(len(patients))[:, None], codes[patients]] = 1
            counts[:, at] += inside[:, columns].T @ inside
        ends = np.cumsum([starts[one + 1] - starts[one] for one in block])
        yield from zip(block, np.split(counts, ends[:-1]), strict=True)


def find_related(design: Design) -> list[list[int]]:
    """Return the attributes, two or more at a time, that groups inside each other's groups relate.

    A group counts that holds `smallest` patients, inside one that leaves as many. With each come
    the partitions that no table lists and that are made of attributes that are there.
    """
    listed = [number for number, one in enumerate(design.attributes) if one.is_listed]
    related = np.zeros((len(listed), len(listed)), bool)
    for i, one in enumerate(listed):
        for j, other in enumerate(listed):
            related[i, j] = i != j and _has_nested(design, one, other)
    from scipy.sparse.csgraph import connected_components  # whoever only reads needs none

    families = connected_components(related, directed=False)[1]
    kin = []
    for family in range(families.max(initial=-1) + 1):
        members = {listed[place] for place in np.flatnonzero(families == family)}
        parts = [made for made, *of in design.together if made not in listed and {*of} <= members]
        if len(members) > 1:
            kin.append(sorted({*members, *parts}))
    return kin


def _has_nested(design: Design, outer: int, inner: int) -> bool:
    """Tell whether a group of one attribute lies inside a group of another one."""
    one, other = design.attributes[outer], design.attributes[inner]
    groups = len(other.names)
    joint = np.bincount(one.code * groups + other.code, minlength=len(one.names) * groups)
    joint = joint.reshape(-1, groups)
    sizes, held, everybody = joint.sum(0), joint.sum(1), joint.sum()
    enough = (sizes >= design.smallest) & (everybody - held >= design.smallest)[:, None]
    return bool(((joint == sizes) & enough).any())


def _starts(design: Design) -> np.ndarray:
    """Return the number of each attribute's first group among the groups of all; their number."""
    return np.cumsum([0, *(len(attribute.names) for attribute in design.attributes)])


def _blocks(atom: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (atom, positions of patients who have it), PATIENTS_AT_ONCE at most."""
    for at in np.unique(atom):
        patients = np.flatnonzero(atom == at)
        for start in range(0, len(patients), PATIENTS_AT_ONCE):
            yield int(at), patients[start : start + PATIENTS_AT_ONCE]
