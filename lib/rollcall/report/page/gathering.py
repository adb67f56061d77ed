"""The report of a finished run over many models, gathered from its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rollcall.data.cohort import Cohort
from rollcall.report.appetite.results import count_lacking
from rollcall.report.figures.first import draw_icons, draw_rates
from rollcall.report.gate import show_few
from rollcall.report.page.answers import answer_fields, describe_power, is_paired
from rollcall.report.page.document import RECIPE, SCORES, Document
from rollcall.report.page.frames import show_pictures
from rollcall.report.words.facts import choose_notice, count_both
from rollcall.report.words.findings import gather_findings
from rollcall.report.words.opening import CONTROL, FOUND, write_opening
from rollcall.report.words.origins import (
    describe_tool,
    list_hashes,
    show_command,
    show_tool,
    write_day,
)
from rollcall.report.words.sentences import Findings
from rollcall.report.words.statement import Statement
from rollcall.runs.environment import now
from rollcall.runs.folder import WITH_IDS
from rollcall.runs.run import Run

FILES = (
    "These name patients, or are of them one by one, and stay where the data may be: "
    "{with_ids}, targets/, members.npy, scores.npy, statistic.npy, statistic_rmia.npy, and "
    "disparity, cutoffs and paper_panel.parquet (small counts). These may leave: report.html, "
    "report.json, model_card.md, verdict.json, figures/, notebooks/, shown_*.parquet."
)
FILES_SHORT = (
    "Keep where the data are: patients.parquet, records.parquet (they name who is exposed), "
    "targets/ and members.npy. May leave: this report, report.json, model_card.md, figures/."
)
MADE = {
    RECIPE: "One way of training is repeated {models} times, each time on a random half of the "
    "{unit}s.",
    SCORES: "{models} models were trained elsewhere, on different sets of the same {unit}s; their "
    "scores are looked at here.",
}
PAIRED = (
    "Two models make a pair: whoever is in the training set of the one is not in that of the "
    "other. So every {unit} is in half of the models, with all records, and is missing from the "
    "other half."
)
ALONE = (
    "Each model had {unit}s of its own, drawn by chance, with all records: every {unit} is in some "
    "of the models, and is missing from the others."
)


def gather_document(
    run: Run,
    cohort: Cohort,
    *,
    title: str,
    summary: Sequence[str],
    facts: Mapping[str, str],
    statement: Statement | None = None,
    words: Sequence[str] = (),
    made_from: dict | None = None,
    decision: tuple[str, dict] | None = None,
) -> Document:
    """Gather the report of a finished run, without its results.

    words: of the command line that makes it. InputError as read_table.
    """
    statement, findings = statement or Statement(), gather_findings(run, cohort)
    outcome = decision[1]["outcome"] if decision else ""
    opening = write_opening(findings, count_lacking(findings), outcome)
    tool, day, command = describe_tool(), now()[:10], show_command(words)
    origin = {
        "tool": show_tool(tool),
        "made": day,
        "command": command,
        "epsilon": next((text for key, text in facts.items() if key.startswith("Strongest")), ""),
    }
    kind = RECIPE if "recipe" in run.config else SCORES
    named = ", ".join(name for name in WITH_IDS if kind == SCORES or name != "own.parquet")
    made = MADE[kind].format(models=run.targets, unit=cohort.unit)
    return Document(
        kind=kind,
        title=title,
        opening=opening,
        audited={
            "What": _describe_audited(run, cohort, kind),
            "Data": f"{count_both(cohort, run.smallest_cell)}. {cohort.source} Fingerprint "
            f"{cohort.fingerprint[:16]}.",
            "Audit begun": write_day(run.config["started"][:10]),
            "Auditor": statement.say("auditor"),
        },
        fields=answer_fields(
            run, cohort, findings, opening, statement, origin, decision[1] if decision else None
        ),
        summary=summary,
        facts=facts,
        tool=tool,
        day=day,
        files=(FILES_SHORT, FILES.format(with_ids=named)),
        texts={
            "made": f"{made} {PAIRED if is_paired(run) else ALONE}".format(unit=cohort.unit),
            "share": "a random half" if is_paired(run) else "a part, drawn by chance,",
            "power": describe_power(findings, opening.case),
            "mitigations": f"What was tried: {statement.say('mitigations')}.",
        },
        hashes=list_hashes(run),
        numbers=list_numbers(findings),
        command=command,
        notice=choose_notice(cohort),
        pictures=show_pictures([draw_icons(findings), draw_rates(findings)]),
        unit=cohort.unit,
        smallest=run.smallest_cell,
        made_from=made_from,
        decision=decision,
    )


def list_numbers(findings: Findings) -> dict[str, object]:
    """List the numbers of the sentences for programs; None where one is hidden or not known."""
    risk, total, smallest = findings.risk, findings.patients, findings.smallest
    case = write_opening(findings, 0).case
    exposed = int(risk["exposed"])
    hidden = case == CONTROL or 0 < exposed < smallest or 0 < total - exposed < smallest
    known = case == FOUND and not hidden
    auc, low, high = findings.control_auc

    def limit(name: str) -> int | None:
        value = int(np.clip(np.round(risk[name]), 0, total))
        return value if known and value >= smallest else None

    return {
        "patients": total,
        "models": findings.targets,
        "exposed": None if hidden else exposed,
        "exposed_low": limit("exposed_low"),
        "exposed_high": limit("exposed_high"),
        "exposed_text": "" if case == CONTROL else show_few(exposed, total, smallest),
        "by_chance": int(np.round(risk["by_chance"])) if known else None,
        "at_most_by_chance": int(np.round(risk["at_most_false"])) if known else None,
        "epsilon_refuted": None if hidden else _plain(risk.get("refuted", np.nan)),
        "epsilon_refuted_delta": None if hidden else risk.get("refuted_delta"),
        "lira_auc": _plain(findings.lira),
        "rmia_auc": _plain(findings.rmia),
        "auroc_not_seen": _plain(findings.skill),
        "control": findings.control,
        "control_auc": _plain(auc),
        "control_auc_low": _plain(low),
        "control_auc_high": _plain(high),
    }


def _describe_audited(run: Run, cohort: Cohort, kind: str) -> str:
    if kind == SCORES:
        return f"{run.targets} models trained elsewhere, by the scores they gave"
    return (
        f"A way of training ({run.config['recipe']['model']}), not one finished model: trained "
        f"{run.targets} times, each on a random half of the {cohort.unit}s"
    )


def _plain(value: float) -> float | None:
    return float(np.round(value, 4)) if np.isfinite(value) else None
