"""The verdict: every criterion together, and what it says to a command line and to programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from rollcall.data.cohort import Cohort
from rollcall.report.appetite.criteria import CRITERIA
from rollcall.report.appetite.results import (
    FAIL,
    NOT_APPLICABLE,
    NOT_EVALUABLE,
    PASS,
    Evidence,
    Result,
)
from rollcall.report.appetite.thresholds import Appetite
from rollcall.report.words.findings import gather_findings
from rollcall.runs.derived.tables import read_table
from rollcall.runs.run import Run

EXIT_STATUS = {PASS: 0, FAIL: 3, NOT_EVALUABLE: 4}
NOT_STATED = "No threshold was stated."


@dataclass(frozen=True)
class Verdict:
    """Hold what was decided.

    outcome: PASS, FAIL or NOT_EVALUABLE, as decide. results: of every criterion, in the order of
    CRITERIA. appetite: the thresholds. earlier: by how many other files the run was judged before.
    """

    outcome: str
    results: tuple[Result, ...]
    appetite: Appetite
    earlier: int = 0

    @property
    def exit_status(self) -> int:
        """0: pass; 3: fail; 4: not evaluable."""
        return EXIT_STATUS[self.outcome]

    @property
    def stated(self) -> tuple[Result, ...]:
        """The results of the criteria that a threshold was stated for."""
        return tuple(each for each in self.results if each.criterion in self.appetite.thresholds)


def gather_evidence(run: Run, cohort: Cohort) -> Evidence:
    """Gather what the criteria need from the tables of a finished run; InputError as read_table."""
    pooled = read_table(run, "pooled")
    rows = pooled[(pooled["attack"] == "LiRA") & (pooled["variant"] == "online")]
    lira = rows.iloc[0] if len(rows) else {}
    return Evidence(
        findings=gather_findings(run, cohort),
        survival=read_table(run, "survival"),
        lira=float(lira.get("auc", np.nan)),
        lira_error=float(lira.get("auc_se_two_way", np.nan)),
        has_groups=bool(cohort.attributes),
    )


def judge(evidence: Evidence, appetite: Appetite, earlier: int = 0) -> Verdict:
    """Hold what was measured against every threshold."""
    results = [
        judge_one(evidence, appetite.thresholds[name])
        if name in appetite.thresholds
        else Result(name, NOT_APPLICABLE, np.nan, NOT_STATED)
        for name, judge_one in CRITERIA.items()
    ]
    return Verdict(decide(each.outcome for each in results), tuple(results), appetite, earlier)


def decide(outcomes: Iterable[str]) -> str:
    """Return FAIL if any criterion fails; NOT_EVALUABLE if any cannot be evaluated; else PASS.

    Where no criterion passes, since none is applicable, nothing was evaluated: NOT_EVALUABLE.
    """
    seen = set(outcomes)
    if FAIL in seen:
        return FAIL
    return NOT_EVALUABLE if NOT_EVALUABLE in seen or PASS not in seen else PASS


def list_lines(verdict: Verdict) -> list[str]:
    """Return the verdict in lines of text: the whole, then each criterion with a threshold."""
    return [
        f"{verdict.outcome.upper()} against the thresholds of {verdict.appetite.date} "
        f"({verdict.appetite.set_by}, {verdict.appetite.role})",
        *(f"{each.criterion}: {each.outcome}. {each.reason}" for each in verdict.stated),
    ]


def describe_verdict(verdict: Verdict) -> dict:
    """Return a verdict as JSON holds it: the same keys whatever it is, None for what is not known.

    outcome, exit_status; criteria: those of Result each; appetite: who, when, what for, the
    thresholds, sha256 and text of the file; judged_before: by how many other files.
    """
    appetite = asdict(verdict.appetite)
    return {
        "outcome": verdict.outcome,
        "exit_status": verdict.exit_status,
        "criteria": [
            {key: _plain(value) for key, value in asdict(each).items()} for each in verdict.results
        ],
        "appetite": appetite | {"date": str(verdict.appetite.date)},
        "judged_before": verdict.earlier,
    }


def _plain(value):
    """Return a number or text as JSON has it; NaN and infinity are None."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    return float(value) if np.isfinite(value) else None
