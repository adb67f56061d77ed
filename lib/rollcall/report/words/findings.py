"""What a finished run says, gathered from its tables for the sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.attacks.blind import judge_blind
from rollcall.data.cohort import Cohort
from rollcall.report.words.budget import write_budget
from rollcall.report.words.sentences import Findings, write_sentences
from rollcall.runs.derived.tables import has_table, read_table
from rollcall.runs.run import Run


def summarise_run(run: Run, cohort: Cohort) -> list[str]:
    """Write the sentences that matter, from the tables of a finished run."""
    findings = gather_findings(run, cohort)
    of_budget = write_budget(
        run.config.get("budget"), findings.risk, run.targets, cohort.unit, run.smallest_cell
    )
    return [*write_sentences(findings), *of_budget]


def gather_findings(run: Run, cohort: Cohort) -> Findings:
    """Gather what the sentences are made of."""
    attacks, pooled, risk = (read_table(run, name) for name in ("attacks", "pooled", "risk"))
    auc = attacks.groupby(["attack", "variant"])["auc"].mean()
    control = judge_blind(pooled)
    return Findings(
        unit=cohort.unit,
        patients=len(cohort.patients),
        targets=run.targets,
        risk=risk.iloc[0].to_dict(),
        lira=float(auc["LiRA", "online"]),
        rmia=float(auc["RMIA", "online"]),
        control=control.word,
        control_auc=(control.auc, control.low, control.high),
        skill=mean_metric(run, "auroc_non_members"),
        smallest=run.smallest_cell,
        groups=_read_groups(run, cohort),
    )


def _read_groups(run: Run, cohort: Cohort) -> pd.DataFrame | None:
    """Return the groups that may be shown; None if none were compared."""
    if not cohort.attributes or not has_table(run, "shown_groups"):
        return None
    return read_table(run, "shown_groups")


def mean_metric(run: Run, name: str) -> float:
    """Return the mean of a metric over the targets of a run that trained; NaN if there is none."""
    if "recipe" not in run.config:
        return np.nan
    metrics = [
        run.info(target, "metrics")["metrics"] for target in range(run.targets) if run.has(target)
    ]
    known = [each[name] for each in metrics if name in each]
    return float(np.mean(known)) if known else np.nan
