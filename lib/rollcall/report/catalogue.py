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
from rollcall.report.figures.first import draw_icons, draw_rates
from rollcall.report.figures.further import by_risk, overlap, thresholds
from rollcall.report.figures.further.bundle_of_records import bundle
from rollcall.report.figures.further.by_definition import definitions
from rollcall.report.figures.further.combinations import list_beside
from rollcall.report.figures.further.power import trade_off
from rollcall.report.style import Figure
from rollcall.report.tables.attacks import attack_table, pooled_table
from rollcall.report.tables.cohort import cohort_table
from rollcall.report.tables.groups import group_table, panel_table
from rollcall.report.tables.models import performance_table
from rollcall.report.tables.risk import risk_table, statistic_table, trust_table, units_table
from rollcall.report.tables.showing import Table
from rollcall.report.words.findings import gather_findings
from rollcall.report.words.sentences import Findings
from rollcall.risk import Risk
from rollcall.runs.derived.manifests import check_step
from rollcall.runs.derived.tables import has_table, read_array, read_table
from rollcall.runs.run import Run
from rollcall.util.errors import InputError


def read_risk(run: Run) -> Risk:
    """Read back what the attack has found out of records and patients; InputError as read_table."""
    names = ("records", "patients", "floor", "survival")
    (cohort,) = read_table(run, "risk").to_dict("records")
    return Risk(
        *(read_table(run, name) for name in names),
        statistic=read_array(run, "statistic"),
        cohort={str(name): value for name, value in cohort.items()},
    )


def take_step(audit: Any, step: str) -> None:
    """Attack, or compare groups, unless that has been done and fits the run as it is now."""
    try:
        check_step(audit.run, step)
    except InputError:
        _ = audit.attacked if step == "attack" else audit.groups


def _risk_of(audit: Any) -> Risk:
    """Return the risk of an audit: as it was computed in this process, or as it is stored."""
    take_step(audit, "attack")
    attacked = vars(audit).get("attacked")
    return read_risk(audit.run) if attacked is None else attacked.risk


def _show_groups(audit: Any, draw: Callable[..., Figure], *names: str) -> Figure | Table:
    """Draw groups and tables of the run; without a group that may be shown, say so."""
    take_step(audit, "disparity")
    unit, smallest = audit.cohort.unit, audit.run.smallest_cell
    groups, *shown = (read_table(audit.run, name) for name in ("shown_groups", *names))
    if groups["intersection"].astype(bool).all():
        return group_table(groups.iloc[:0], smallest)
    if not all(map(len, shown)):
        return Table(None, "", empty="No group may be shown by cutoff or by risk.")
    return _or_words(draw(groups, *shown, unit, smallest))


def _or_words(figure: Figure) -> Figure | Table:
    """Return a figure, or a table that says why there is nothing to draw."""
    return figure if figure.drawing is not None else Table(None, "", empty=figure.alt)


def _show_risk(audit: Any, show: Callable) -> Any:
    return show(_risk_of(audit), audit.cohort.unit, audit.run.smallest_cell)


def _show_first(audit: Any, draw: Callable[[Findings], Figure | None]) -> Figure | Table:
    """Draw a figure of the first page, or say that there is none."""
    take_step(audit, "attack")
    drawn = draw(gather_findings(audit.run, audit.cohort))
    nothing = "Nothing to draw: nobody is exposed, too few are, or nothing can be said."
    return Table(None, "", empty=nothing) if drawn is None else drawn


def _show_roc(audit: Any) -> Figure:
    take_step(audit, "attack")
    return attack_figures.roc(read_table(audit.run, "roc"), read_table(audit.run, "attacks"))


def _show_in_out(audit: Any) -> Figure | Table:
    return show_examples(audit.run, audit.cohort, _risk_of(audit))


def _show_named(audit: Any) -> Figure | Table:
    risk, run = _risk_of(audit), audit.run
    rmia = read_array(run, "statistic_rmia") if has_table(run, "statistic_rmia") else None
    sets = overlap.name_by_each(risk, run.members(), run.seed, rmia)
    stratum = risk.patients["stratum"].to_numpy()
    beside = list_beside(risk, run.smallest_cell)
    return _or_words(overlap.named(sets, audit.cohort.unit, run.smallest_cell, stratum, beside))


def _show_bundle(audit: Any) -> Figure:
    smallest, restricted = audit.run.smallest_cell, audit.cohort.restricted
    return bundle(_risk_of(audit).records, restricted=restricted, smallest=smallest)


# Each takes a rollcall.auditing.Audit, of which it asks run and cohort alone once the steps are
# taken, and gives a style.Figure, or a Table that says why not.
FIGURES: dict[str, Callable[[Any], Figure | Table]] = {
    "first_icons": lambda audit: _show_first(audit, draw_icons),
    "roc": _show_roc,
    "in_out": _show_in_out,
    "bundle": _show_bundle,
    "survival": lambda audit: _show_risk(audit, risk_figures.survival),
    "definitions": lambda audit: _or_words(_show_risk(audit, definitions)),
    "trade_off": lambda audit: _show_risk(audit, trade_off),
    "named": _show_named,
    "most_exposed": lambda audit: show_most_exposed(audit.cohort, _risk_of(audit)),
    "first_rates": lambda audit: _show_first(audit, draw_rates),
    "forest": lambda audit: _show_groups(audit, group_figures.forest),
    "cutoffs": lambda audit: _show_groups(audit, thresholds.cutoffs, "shown_cutoffs"),
    "group_survival": lambda audit: _show_groups(audit, by_risk.group_survival, "shown_levels"),
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
    return name in ("first_rates", "forest", "cutoffs", "group_survival")
