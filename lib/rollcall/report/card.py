"""A model card: one page of markdown that goes with a model wherever it goes.

It holds what the report shows and nothing else: no count from 1 to the smallest cell less one, no
group that the gate hides.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import numpy as np

from rollcall import __version__
from rollcall.data.cohort import Cohort
from rollcall.report.gate import show_few, show_limit
from rollcall.report.words.comparing import find_worst_group, list_comparable
from rollcall.report.words.facts import write_notices
from rollcall.report.words.findings import gather_findings, mean_metric
from rollcall.report.words.opening import write_opening
from rollcall.report.words.sentences import Findings, is_undecided
from rollcall.runs.derived.tables import read_table
from rollcall.runs.run import Run

FLOOR_LEVEL = 0.95  # of the noise floor, under which so many patients lie where nothing leaks
EXPLANATION = (
    "An exposed {unit} is one of whom it can be told whether the models were trained on them, at a "
    "false-discovery rate of 5%. Intervals are of 95%, for as many new models of the same {unit}s."
)


def make_card(run: Run, cohort: Cohort, verdict: Sequence[str] = ()) -> str:
    """Write the model card of a finished run, as markdown.

    verdict: what was decided against stated thresholds, a line each; none: nobody stated any.
    InputError as read_table, where the run was not attacked or has changed since.
    """
    findings = gather_findings(run, cohort)
    recipe = run.config.get("recipe")
    return write_card(
        findings,
        title=cohort.name,
        models=f"{run.targets} x {recipe['model']}" if recipe else f"{run.targets}, given",
        seed=run.seed,
        seen=mean_metric(run, "auroc_members"),
        floor=read_table(run, "floor")["auc_joint"].to_numpy(),
        verdict=verdict,
        notices=write_notices(cohort),
    )


def write_card(
    findings: Findings,
    *,
    title: str,
    models: str = "",
    seed: int = 0,
    seen: float = np.nan,
    floor: np.ndarray | None = None,
    verdict: Sequence[str] = (),
    notices: Sequence[str] = (),
    version: str = __version__,
) -> str:
    """Write a model card as markdown: a title, a table of two columns, what its words mean.

    findings: as gather_findings returns them, groups as gate.hide_groups left them; title: of the
    cohort or the model; models: their number and kind; seen: AUROC on patients seen in training
    (findings.skill is that on others), NaN if it is not known; floor (draws,): AUCs of the noise
    floor; verdict: lines of what was decided; notices: sentences that must be said first.
    """
    rows = {"Models": models or f"{findings.targets}"}
    rows[f"AUROC, {findings.unit}s seen in training"] = _show_number(seen)
    rows[f"AUROC, {findings.unit}s not seen"] = _show_number(findings.skill)
    rows |= _list_risks(findings, floor)
    rows["Average attack (LiRA, AUC over all records)"] = _show_number(findings.lira)
    rows |= {"Seed": str(seed), "Rollcall": version}
    lines = [f"# Model card: {_escape(title)}", ""]
    for notice in notices:
        lines += [f"**{_escape(notice)}**", ""]
    lines += ["| what | value |", "|---|---|"]
    lines += [f"| {_escape(what)} | {_escape(value)} |" for what, value in rows.items()]
    lines += ["", EXPLANATION.format(unit=findings.unit), ""]
    if verdict:
        lines += ["## Decision", "", *(f"- {_escape(line)}" for line in verdict), ""]
    opening = write_opening(findings, 0)
    left = [
        f"Who runs such a model: {opening.deployers}",
        f"The people whose data these are: {opening.people}",
    ]
    lines += ["## What is left of the risk", "", *(f"- {_escape(line)}" for line in left), ""]
    lines += ["## What this does not mean", ""]
    lines += [*(f"- {_escape(line)}" for line in opening.meaning), ""]
    return "\n".join(lines)


def _list_risks(findings: Findings, floor: np.ndarray | None) -> dict[str, str]:
    """List the rows on who is exposed, as far as they may be shown; the control before all."""
    if findings.control == "failed":
        auc, low, high = findings.control_auc
        return {
            "Control": f"failed: membership can be told without a model (AUC {auc:.3f}, {low:.3f} "
            f"to {high:.3f}); no number here says anything about the models"
        }
    unit = f"{findings.unit}s"
    few = findings.risk["exposed"] < findings.smallest
    rows = {f"Exposed {unit}": _show_exposed(findings)}
    if not few:
        by_chance, most = (findings.risk[name] for name in ("by_chance", "at_most_false"))
        rows["Of these there by chance"] = (
            f"about {by_chance:,.0f}; with 95% confidence at most {most:,.0f}"
        )
    if floor is not None and len(floor):
        rows["Noise floor"] = (
            f"{FLOOR_LEVEL:.0%} of {unit} of whom nothing can be told have an AUC below "
            f"{np.quantile(floor, FLOOR_LEVEL):.2f}"
        )
    rows["Most exposed group"] = _show_worst_group(findings, few)
    return rows


def _show_exposed(findings: Findings) -> str:
    """Write how many are exposed with their interval; hidden as in the report's sentences."""
    risk, total, smallest = findings.risk, findings.patients, findings.smallest
    if is_undecided(findings):
        return f"not enough models to tell: none of {total:,} is named"
    exposed = int(risk["exposed"])
    text = f"{show_few(exposed, total, smallest)} of {total:,}"
    if 0 < exposed < smallest or 0 < total - exposed < smallest:
        return text
    ends = (show_limit(risk[f"exposed_{end}"], total, smallest) for end in ("low", "high"))
    share = f", {exposed / total:.2%}" if exposed else ""
    return f"{text}{share} ({' to '.join(ends)})"


def _show_worst_group(findings: Findings, few: bool) -> str:
    """Write the group that is most exposed beside all others, if any is beyond chance."""
    if findings.groups is None:
        return "no groups were compared"
    if few or is_undecided(findings):
        return "too few are exposed to compare groups"
    row = find_worst_group(findings.groups)
    if row is None:
        if not len(list_comparable(findings.groups)):
            return "none can be compared: too few are exposed inside or outside of each"
        return "none beyond chance"
    return (
        f"{row['attribute']} {row['group']!r}: {row['ratio_within']:.1f} times as often as all "
        f"others at the same label ({row['within_low']:.1f} to {row['within_high']:.1f}; "
        f"Holm-adjusted p {row['p_adjusted']:.2g})"
    )


def _show_number(value: float) -> str:
    return "not known" if np.isnan(value) else f"{value:.3f}"


def _escape(text: str) -> str:
    """Return a text that markdown and html show as it is, on one line."""
    line = html.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"([\\`*\[\]|#~]|(?<!\w)_|_(?!\w))", r"\\\1", line)
