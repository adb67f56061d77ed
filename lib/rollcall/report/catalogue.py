"""The figures and tables that an audit can show, by name, and what each is made of."""

from __future__ import annotations

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
from rollcall.runs.run import read_table

# Each takes a rollcall.audit.Audit and gives a style.Figure, or a style.Table that says why not.
FIGURES = {
    "roc": lambda audit: figures_attack.roc(audit.attacked.roc, audit.attacked.attacks),
    "in_out": lambda audit: show_examples(
        audit.cohort, audit.attacked.scores, audit.run.members(), audit.attacked.risk
    ),
    "survival": lambda audit: figures_risk.survival(audit.attacked.risk, audit.cohort.unit),
    "most_exposed": lambda audit: show_most_exposed(audit.cohort, audit.attacked.risk),
    "forest": lambda audit: figures_groups.forest(audit.groups, audit.cohort.unit),
    "cutoffs": lambda audit: figures_groups.cutoffs(
        audit.groups, read_table(audit.run, "cutoffs"), audit.cohort.unit
    ),
}
# Each takes a rollcall.audit.Audit and gives a style.Table.
TABLES = {
    "cohort": lambda audit: tables.cohort_table(audit.cohort),
    "performance": lambda audit: tables.performance_table(audit.performance()),
    "attacks": lambda audit: tables_attack.attack_table(audit.attacked.attacks),
    "pooled": lambda audit: tables_attack.pooled_table(audit.attacked.pooled),
    "risk": lambda audit: tables_risk.risk_table(audit.attacked.risk, audit.cohort.unit),
    "units": lambda audit: tables_risk.units_table(audit.attacked.risk, audit.cohort.unit),
    "statistics": lambda audit: tables_risk.statistic_table(audit.attacked.risk),
    "trust": lambda audit: tables_risk.trust_table(audit.attacked.risk),
    "groups": lambda audit: tables_groups.group_table(audit.groups),
    "panel": lambda audit: tables.panel_table(audit.reproduction.panel),
}
