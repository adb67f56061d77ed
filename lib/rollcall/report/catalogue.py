"""The figures and tables that an audit can show, by name, and what each is made of.

All that is about groups is made of what the gate has let through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollcall.report import (
    figures_attack,
    figures_groups,
    figures_risk,
    tables,
    tables_attack,
    tables_groups,
    tables_risk,
)
from rollcall.report.examples import show_examples, show_most_exposed
from rollcall.report.style import Figure, Table
from rollcall.runs.run import read_table


def _show_groups(audit: Any, draw: Callable[..., Figure], *names: str) -> Figure | Table:
    """Draw groups and tables of the run; without a group that may be shown, say so."""
    groups, unit, smallest = audit.groups, audit.cohort.unit, audit.run.smallest_cell
    if groups["intersection"].astype(bool).all():
        return tables_groups.group_table(groups.iloc[:0], smallest)
    return draw(groups, *(read_table(audit.run, name) for name in names), unit, smallest)


def _show_risk(audit: Any, show: Callable) -> Any:
    return show(audit.attacked.risk, audit.cohort.unit, audit.run.smallest_cell)


# Each takes a rollcall.audit.Audit and gives a style.Figure, or a style.Table that says why not.
FIGURES = {
    "roc": lambda audit: figures_attack.roc(audit.attacked.roc, audit.attacked.attacks),
    "in_out": lambda audit: show_examples(
        audit.cohort, audit.attacked.scores, audit.run.members(), audit.attacked.risk
    ),
    "survival": lambda audit: _show_risk(audit, figures_risk.survival),
    "most_exposed": lambda audit: show_most_exposed(audit.cohort, audit.attacked.risk),
    "forest": lambda audit: _show_groups(audit, figures_groups.forest),
    "cutoffs": lambda audit: _show_groups(audit, figures_groups.cutoffs, "shown_cutoffs"),
}
# Each takes a rollcall.audit.Audit and gives a style.Table.
TABLES = {
    "cohort": lambda audit: tables.cohort_table(audit.cohort, audit.run.smallest_cell),
    "performance": lambda audit: tables.performance_table(
        audit.performance(),
        0 if audit.cohort.test is None else len(audit.cohort.test.patients),
        audit.run.smallest_cell,
    ),
    "attacks": lambda audit: tables_attack.attack_table(audit.attacked.attacks),
    "pooled": lambda audit: tables_attack.pooled_table(audit.attacked.pooled),
    "risk": lambda audit: _show_risk(audit, tables_risk.risk_table),
    "units": lambda audit: _show_risk(audit, tables_risk.units_table),
    "statistics": lambda audit: tables_risk.statistic_table(
        audit.attacked.risk, audit.run.smallest_cell
    ),
    "trust": lambda audit: tables_risk.trust_table(audit.attacked.risk, audit.run.smallest_cell),
    "groups": lambda audit: tables_groups.group_table(audit.groups, audit.run.smallest_cell),
    "panel": lambda audit: tables.panel_table(audit.reproduction.panel, audit.run.smallest_cell),
}
