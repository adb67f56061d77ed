"""The figures and tables that an audit can show, by name, and what each is made of.

All that is about groups is made of what the gate has let through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollcall.report.examples import show_examples, show_most_exposed
from rollcall.report.figures import attacks as attack_figures
from rollcall.report.figures import groups as group_figures
from rollcall.report.figures import risk as risk_figures
from rollcall.report.style import Figure
from rollcall.report.tables.attacks import attack_table, pooled_table
from rollcall.report.tables.cohort import cohort_table
from rollcall.report.tables.groups import group_table, panel_table
from rollcall.report.tables.models import performance_table
from rollcall.report.tables.risk import risk_table, statistic_table, trust_table, units_table
from rollcall.report.tables.showing import Table
from rollcall.runs.derived.tables import read_table


def _show_groups(audit: Any, draw: Callable[..., Figure], *names: str) -> Figure | Table:
    """Draw groups and tables of the run; without a group that may be shown, say so."""
    groups, unit, smallest = audit.groups, audit.cohort.unit, audit.run.smallest_cell
    shown = [read_table(audit.run, name) for name in names]
    if groups["intersection"].astype(bool).all():
        return group_table(groups.iloc[:0], smallest)
    if not all(map(len, shown)):
        return Table(None, "", empty="No group may be shown by cutoff.")
    return draw(groups, *shown, unit, smallest)


def _show_risk(audit: Any, show: Callable) -> Any:
    return show(audit.attacked.risk, audit.cohort.unit, audit.run.smallest_cell)


# Each takes a rollcall.auditing.Audit and gives a style.Figure, or a style.Table that says why not.
FIGURES = {
    "roc": lambda audit: attack_figures.roc(audit.attacked.roc, audit.attacked.attacks),
    "in_out": lambda audit: show_examples(
        audit.cohort, audit.attacked.scores, audit.run.members(), audit.attacked.risk
    ),
    "survival": lambda audit: _show_risk(audit, risk_figures.survival),
    "most_exposed": lambda audit: show_most_exposed(audit.cohort, audit.attacked.risk),
    "forest": lambda audit: _show_groups(audit, group_figures.forest),
    "cutoffs": lambda audit: _show_groups(audit, group_figures.cutoffs, "shown_cutoffs"),
}
# Each takes a rollcall.auditing.Audit and gives a style.Table.
TABLES = {
    "cohort": lambda audit: cohort_table(audit.cohort, audit.run.smallest_cell),
    "performance": lambda audit: performance_table(
        audit.performance(),
        0 if audit.cohort.test is None else len(audit.cohort.test.patients),
        audit.run.smallest_cell,
    ),
    "attacks": lambda audit: attack_table(audit.attacked.attacks),
    "pooled": lambda audit: pooled_table(audit.attacked.pooled),
    "risk": lambda audit: _show_risk(audit, risk_table),
    "units": lambda audit: _show_risk(audit, units_table),
    "statistics": lambda audit: statistic_table(audit.attacked.risk, audit.run.smallest_cell),
    "trust": lambda audit: trust_table(audit.attacked.risk, audit.run.smallest_cell),
    "groups": lambda audit: group_table(
        audit.groups, audit.run.smallest_cell, audit.cohort.attributes
    ),
    "panel": lambda audit: panel_table(audit.reproduction.panel, audit.run.smallest_cell),
}


def is_of_groups(name: str) -> bool:
    """Say whether a figure shows groups of patients."""
    return name in ("forest", "cutoffs")
