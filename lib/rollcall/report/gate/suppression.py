"""The gate: which counts of patients may leave the machine.

First the sizes of groups, so that they do not depend on the flags and may stand in a table of their
own; with these as they are the first flag; then the other flags. Each in four steps, which only
hide more: every attribute for itself (marks.py); pairs of which one gives the other away (links.py,
worlds.py); an intersection with its two attributes; and, where the cohort is small enough for that,
all attributes together, else those of which groups lie inside each other's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE, Group
from rollcall.report.gate.design import PATIENTS, TOTAL, Design, is_small, make_design
from rollcall.report.gate.links import find_links, find_related
from rollcall.report.gate.marks import Shown, list_chosen, mark_cells
from rollcall.report.gate.targets import list_targets
from rollcall.report.gate.worlds import (
    MOST_VARIABLES,
    Target,
    list_profiles,
    protect_each,
    protect_together,
)

MOST_TOGETHER = 12  # attributes that are looked at all together
MOST_CELLS_TOGETHER = MOST_VARIABLES


def protect(
    attributes: pd.DataFrame,
    flags: Mapping[str, np.ndarray],
    smallest: int = MIN_GROUP_SIZE,
    intersections: Iterable[Group] = (),
) -> pd.DataFrame:
    """Count patients of each group by flag, without what would give away 1 to smallest - 1 of them.

    attributes: a row per patient, as rollcall.data.groups.patient_attributes returns it; flags:
    bool (patients,) each, the more important first: of two whose difference is too small to be
    shown the later one is hidden; intersections: as iterate_intersections yields them.
    A row for all patients (attribute and group "(all)"), then one for each attribute and group, in
    their order, "(missing)" last: attribute, group, intersection (bool), "patients" and each flag
    (Int64), missing where hidden; what is shown of sizes is the same whatever the flags, and of the
    first flag whatever the others. Groups without
    patients have no row. InputError for a flag that is not bool or not of as many patients, and for
    a smallest cell below 1.

    Neither a group, nor several together, nor a flag among them, nor those of it without another
    flag inside it follows from what is shown if it holds 1 to smallest - 1 patients: a reader who
    knows every number shown and which groups occur together at all finds worlds in which it is 0
    or `smallest`. Source: secondary suppression, Willenborg and de Waal, Elements of Statistical
    Disclosure Control, 2001, chapter 8.
    """
    intersections = list(intersections)
    design = make_design(attributes, {}, smallest, intersections)
    shown = mark_cells(design)
    _protect_design(design, shown)
    for number in sorted({min(1, len(flags)), len(flags)} - {0}):
        before, chosen = list_chosen(design, shown), len(design.columns)
        some = dict(islice(flags.items(), number))
        design = make_design(attributes, some, smallest, intersections, chosen)
        shown = mark_cells(design, before)
        _protect_design(design, shown)
    return _tabulate(design, shown, flags)


def _protect_design(design: Design, shown: Shown) -> None:
    """Hide what gives hidden cells away, till nothing does."""
    if len(design.atom) < design.smallest:
        for cells in shown:
            cells[:] = False
    if not shown:
        return
    visible, kept = -1, {}
    while visible != (visible := sum(int(cells.sum()) for cells in shown)):
        _protect_pairs(design, shown, kept)
        _protect_all(design, shown)


def _protect_pairs(design: Design, shown: Shown, kept: dict[int, np.ndarray]) -> None:
    """Hide what attributes alone, pairs of them, and intersections with theirs give away."""
    alone: dict[tuple[int, ...], list[Target]] = {}
    for target, beside in find_links(design, _list_all(design, shown), shown, kept).items():
        if target[0] in beside:
            alone.setdefault(target[:1], []).append(target)
    protect_each(design, alone, shown)
    pairs: dict[tuple[int, ...], list[Target]] = {}
    for target, beside in find_links(design, _list_all(design, shown), shown, kept).items():
        for other in {int(other) for other in beside} - {target[0]}:
            pairs.setdefault(tuple(sorted((target[0], other))), []).append(target)
    protect_each(design, pairs, shown)
    for triple in design.together:
        asked = triple if design.attributes[triple[0]].is_listed else triple[:1]
        protect_together(design, triple, _targets_of(design, asked, shown), shown)


def _list_all(design: Design, shown: Shown) -> dict[int, list[tuple[tuple[int, ...], int]]]:
    """List the targets of each attribute that has any."""
    targets = {
        member: list_targets(design, member, shown) for member in range(len(design.attributes))
    }
    return {member: listed for member, listed in targets.items() if listed}


def _targets_of(design: Design, members: Iterable[int], shown: Shown) -> list[Target]:
    return [
        (member, rows, band)
        for member in members
        for rows, band in list_targets(design, member, shown)
    ]


def _protect_all(design: Design, shown: Shown) -> None:
    """Hide what all attributes give away together, if there are few enough; else the related."""
    if _protect_few(design, range(len(design.attributes)), shown):
        return
    for members in find_related(design):
        _protect_few(design, members, shown)


def _protect_few(design: Design, members: Sequence[int], shown: Shown) -> bool:
    """Hide what some attributes give away together; return whether they are few enough."""
    if sum(design.attributes[member].is_listed for member in members) > MOST_TOGETHER:
        return False
    profiles = len(list_profiles(design, members)[0])
    if profiles * len(design.inside) > MOST_CELLS_TOGETHER:
        return False
    if len(members) > 1:
        protect_together(design, members, _targets_of(design, members, shown), shown)
    return True


def _tabulate(design: Design, shown: Shown, flags: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Write the design's rows in the order in which they were given."""
    names = (PATIENTS, *flags)
    total = dict(zip(design.columns, design.totals.tolist(), strict=True))
    if is_small(design.totals[:1], design.smallest)[0]:
        total = {}
    rows = {-1: {"attribute": TOTAL, "group": TOTAL, "intersection": False, **total}}
    for attribute, cells in zip(design.attributes, shown, strict=True):
        for row, place in enumerate(attribute.place):
            if place >= 0:
                rows[place] = {
                    "attribute": attribute.label,
                    "group": attribute.names[row],
                    "intersection": attribute.intersection,
                } | {
                    column: int(attribute.counts[row, number])
                    for number, column in enumerate(design.columns)
                    if cells[row, number]
                }
    table = pd.DataFrame(
        [rows[place] for place in sorted(rows)],
        columns=["attribute", "group", "intersection", *names],
    )
    return table.astype(dict.fromkeys(names, "Int64"))
