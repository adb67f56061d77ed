"""What a finished run says, gathered from its tables for the sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.attacks.blind import judge_blind
from rollcall.data.cohort import Cohort
from rollcall.report.words.sentences import Findings, write_sentences
from rollcall.runs.derived.tables import has_table, read_table
from rollcall.runs.run import Run


def summarise_run(run: Run, cohort: Cohort) -> list[str]:
    """Write the sentences that matter, from the tables of a finished run."""
    return write_sentences(gather_findings(run, cohort))


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
        skill=_read_skill(run),
        smallest=run.smallest_cell,
        groups=_read_groups(run, cohort),
    )


def _read_groups(run: Run, cohort: Cohort) -> pd.DataFrame | None:
    """Return the groups that may be shown; None if none were compared."""
    if not cohort.attributes or not has_table(run, "shown_groups"):
        return None
    return read_table(run, "shown_groups")


def _read_skill(run: Run) -> float:
    """Return the AUROC on patients not seen, mean over targets; NaN if there is none."""
    if "recipe" not in run.config:
        return np.nan
    metrics = [
        run.info(target, "metrics")["metrics"] for target in range(run.targets) if run.has(target)
    ]
    known = [each["auroc_non_members"] for each in metrics if "auroc_non_members" in each]
    return float(np.mean(known)) if known else np.nan
