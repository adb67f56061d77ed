"""The report of a check of one model that exists: by release check, or by references alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rollcall.report.figures.first import draw_icons_of_one
from rollcall.report.gate import show_few
from rollcall.report.page.document import OFFLINE, RELEASED, Document
from rollcall.report.page.fields import NOT_APPLICABLE, fill_in
from rollcall.report.page.frames import show_pictures
from rollcall.report.words.one_model import OneModel, write_opening_of_one
from rollcall.report.words.opening import CONTROL
from rollcall.report.words.origins import describe_tool, show_command, show_tool
from rollcall.report.words.statement import Statement
from rollcall.runs.environment import now

FILES = {
    RELEASED: (
        "Keep where the data are: patients.parquet (it names who is exposed) and groups.parquet. "
        "May leave: this report, report.json, release.md, release.json, verdict.json.",
        "patients.parquet names patients and says who is exposed; groups.parquet counts groups of "
        "any size: both stay where the data may be. report.html, report.json, release.md, "
        "release.json and verdict.json may leave.",
    ),
    OFFLINE: (
        "Keep where the data are: offline.parquet (it names who is exposed). May leave: this "
        "report, report.json, offline.json.",
        "offline.parquet names patients and says who is exposed: it stays where the data may be. "
        "report.html, report.json and offline.json may leave.",
    ),
}
THREAT = (
    "The attacker holds the whole record, all records of the {unit} and their labels, has "
    "{references} reference models, and sees exact scores (a black box). Not tried: looking inside "
    "the model (white box), labels alone, inversion, attribute inference."
)


def gather_one_model(
    model: OneModel,
    *,
    kind: str,
    title: str,
    data: str,
    digest: str,
    summary: Sequence[str],
    facts: Mapping[str, str],
    hashes: Mapping[str, str],
    statement: Statement | None = None,
    words: Sequence[str] = (),
    notice: str = "",
    decision: tuple[str, dict] | None = None,
) -> Document:
    """Gather the report of a check of one model, without its results.

    kind: RELEASED or OFFLINE; data: what they are, in a sentence; digest: sha256 of the model or
    its scores, "" if it is not known.
    """
    statement, tool, day = statement or Statement(), describe_tool(), now()[:10]
    opening = write_opening_of_one(model, decision[1]["outcome"] if decision else "")
    unit, appetite = model.unit, (decision or ("", {"appetite": {}}))[1]["appetite"]
    known = f"sha256 {digest[:16]}" if digest else "sha256 not known"
    stated = " ".join(
        f"{name}: {statement.say(key, appetite.get(key, ''))}."
        for name, key in (("System", "system"), ("Purpose", "purpose"), ("Released as", "channel"))
    )
    average = "Not known."
    if np.isfinite(model.auc):
        average = (
            f"AUC {model.auc:.3f} ({model.auc_low:.3f} to {model.auc_high:.3f}) of members against "
            "outsiders. True positives at 1% and 0.1% false alarms: not applicable to one model, "
            "whose outsiders are too few."
        )
    who, sure, groups = (text for _, text in opening.sentences)
    command = show_command(words)
    outsiders = show_few(model.outsiders, np.inf, model.smallest)
    counts = f"{model.asked:,} {model.who}, {outsiders} outsiders"
    one = "Not applicable: of one model nothing can be said of a single person's risk over models."
    decided = ("Not applicable: no thresholds were stated (--appetite).", NOT_APPLICABLE)
    answers = {
        1: f"{stated} Audited: one model, {known}.",
        2: f"Auditor: {statement.say('auditor')}. Independence: {statement.say('independence')}. "
        f"Made {day} with {show_tool(tool)}.",
        3: THREAT.format(unit=unit, references=model.references),
        4: f"The {unit}: whoever is in a training set is there with all records.",
        5: f"{data} {counts}. Period: {statement.say('period')}. Licence: "
        f"{statement.say('licence', 'as the source says')}. Responsible: "
        f"{statement.say('controller')}. Legal basis: {statement.say('legal_basis')}.",
        6: ("Not applicable: the model is looked at from outside.", NOT_APPLICABLE),
        7: average,
        8: f"{who} {sure}",
        9: (one, NOT_APPLICABLE),
        10: groups,
        11: ("Not applicable: nothing is known here of how the model was trained.", NOT_APPLICABLE),
        12: f"Who runs the model: {opening.deployers} People in the data: {opening.people}",
        13: f"{statement.say('mitigations')}.",
        14: f"{decision[1]['outcome'].capitalize()}, by thresholds of {appetite['date']}."
        if decision
        else decided,
        15: "One model, references that may have been trained on fewer patients, outsiders that "
        "must be of the same source; named at a stated false-discovery rate.",
        16: f"No number of {unit}s under {model.smallest} is shown, but 0, nor one from which it "
        "follows.",
        17: "report.json holds all of this for programs, by a published schema.",
        18: f"Command: {command or 'called from Python'}. Versions and sha256: there.",
    }
    return Document(
        kind=kind,
        title=title,
        opening=opening,
        audited={
            "What": f"One model that exists, {known}",
            "Data": f"{data} {counts}.",
            "References": f"{model.references} models",
            "Auditor": statement.say("auditor"),
        },
        fields=fill_in(answers),
        summary=summary,
        facts=facts,
        tool=tool,
        day=day,
        files=FILES[kind],
        texts={
            "made": f"It is set beside {model.references} reference models.",
            "power": sure,
            "mitigations": f"What was tried: {statement.say('mitigations')}.",
        },
        hashes=hashes,
        numbers=_list_numbers(model, opening.case),
        command=command,
        notice=notice,
        pictures=show_pictures([draw_icons_of_one(model)]),
        unit=unit,
        smallest=model.smallest,
        decision=decision,
    )


def _list_numbers(model: OneModel, case: str) -> dict[str, object]:
    """List the numbers for programs; None where one is hidden or not known."""
    few = 0 < model.named < model.smallest or 0 < model.asked - model.named < model.smallest
    aucs = {"auc": model.auc, "auc_low": model.auc_low, "auc_high": model.auc_high}
    text = show_few(model.named, model.asked, model.smallest)
    return {
        "patients": model.asked,
        "models": 1,
        "references": model.references,
        "outsiders": None if 0 < model.outsiders < model.smallest else model.outsiders,
        "exposed": None if few or case == CONTROL else model.named,
        "exposed_text": "" if case == CONTROL else text,
        "false_discovery_rate": model.fdr,
    } | {name: float(auc) if np.isfinite(auc) else None for name, auc in aucs.items()}
