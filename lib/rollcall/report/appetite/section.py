"""The verdict as a section of the report."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from rollcall.report.appetite.verdict import Verdict, describe_verdict

HEADING = "Decision against stated thresholds"
COLUMNS = ("criterion", "accepted", "result", "decided by", "why")
WORDS = {
    "exposed_patients": "exposed, at most",
    "exposed_share": "share exposed, at most",
    "worst_auc": "AUC that no patient reaches",
    "worst_tpr": "memberships told of no patient, at 1 false alarm in 1,000",
    "lira_auc": "AUC of LiRA over all records, at most",
    "group_ratio": "ratio of a group to all others, at most",
    "false_discovery_rate": "share of the exposed there by chance, expected, at most",
    "chance_share": "share that chance may have named, at most",
    "models": "target models, at least",
}


def show_verdict(verdict: Verdict | None) -> tuple[str, dict] | None:
    """Return what a page shows of a verdict: its section, and the same for programs."""
    return None if verdict is None else (make_section(verdict), describe_verdict(verdict))


def make_section(verdict: Verdict) -> str:
    """Return the verdict as an HTML section with the id "decision": who, what for, every criterion.

    Every text is escaped: the file of thresholds is somebody's own words.
    """
    appetite = verdict.appetite
    facts = {
        "Thresholds set by": f"{appetite.set_by}, {appetite.role}, on {appetite.date}",
        "System": appetite.system,
        "Purpose": appetite.purpose,
        "Released as": appetite.channel,
        "Smallest cell": str(appetite.smallest_cell),
        "sha256 of the file": appetite.sha256,
    }
    if verdict.earlier:
        files = "file" if verdict.earlier == 1 else "files"
        facts["Judged before"] = f"by {verdict.earlier} other {files} of thresholds"
    rows = [
        (
            WORDS[each.criterion],
            f"{each.threshold:g}",
            each.outcome,
            each.end or "–",
            each.reason,
        )
        for each in verdict.stated
    ]
    left = [WORDS[each.criterion] for each in verdict.results if np.isnan(each.threshold)]
    lines = [
        '<section id="decision">',
        f"<h2>{html.escape(HEADING)}</h2>",
        f"<p><strong>{html.escape(verdict.outcome.upper())}</strong></p>",
        _make_table("Criteria", COLUMNS, rows),
    ]
    if left:
        lines.append(f"<p>No threshold was stated for: {html.escape('; '.join(left))}.</p>")
    lines.append(_make_table("Where the thresholds come from", ("what", "value"), facts.items()))
    return "\n".join([*lines, "</section>"])


def _make_table(caption: str, columns: Sequence[str], rows) -> str:
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in columns)
    body = "\n".join(
        f'<tr><th scope="row">{html.escape(first)}</th>'
        + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in others)
        + "</tr>"
        for first, *others in rows
    )
    label = html.escape(caption, quote=True)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f"<table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>\n{body}\n</tbody></table></div>"
    )
