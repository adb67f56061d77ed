"""An offline audit: one model, and references that never saw the patients."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rollcall.attacks.offline import FEWEST_OUTSIDERS, MEMBER, OUTSIDER, Offline, attack_offline
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.runs.folder import furnish
from rollcall.runs.given.designs.outsiders import OfflineInput
from rollcall.util.errors import InputError
from rollcall.util.files import sha256, write_json, write_table

if TYPE_CHECKING:
    from rollcall.report.words.statement import Statement

TOO_FEW = f"That takes at least {FEWEST_OUTSIDERS} known outsiders."
TABLE, SUMMARY = "offline.parquet", "offline.json"


def check_out(out: Path) -> None:
    """Raise InputError unless `out` is new, empty, or holds an earlier offline audit."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file; expected a folder as --out")
    if out.is_dir() and any(out.iterdir()) and not (out / SUMMARY).exists():
        raise InputError(f"{out}: holds something else than an offline audit; choose another --out")


def audit_offline(
    given: OfflineInput,
    out: Path,
    smallest_cell: int = MIN_GROUP_SIZE,
    statement: Statement | None = None,
    words: Sequence[str] = (),
) -> list[str]:
    """Attack the target, write offline.parquet, offline.json and a report to `out`; sentences.

    offline.parquet names patients: a row for each, patient_id, member (1, 0, or -1 where nothing is
    known), lira, rmia, p_value, exposed. offline.json has the sentences, and counts unless they are
    of fewer than `smallest_cell` patients. report.html and report.json say the same, as the report
    of an audit does; statement: what people stated, words: of the command line.
    """
    result = attack_offline(given.target, given.references, given.index, given.status)
    if min((given.status == kind).sum() for kind in (MEMBER, OUTSIDER)) < smallest_cell:
        result = replace(result, auc=np.nan, auc_se=np.nan)  # of so few it would be their own
    table = pd.DataFrame(
        {
            "patient_id": given.ids,
            "member": given.status,
            "lira": result.lira,
            "rmia": result.rmia,
            "p_value": result.p_value,
            "exposed": result.exposed,
        }
    )
    sentences = _write_sentences(given, result, smallest_cell)
    furnish(out, empty=True)
    write_table(out / TABLE, table)
    asked = int((given.status != OUTSIDER).sum())
    write_json(out / SUMMARY, {"patients": asked, "sentences": sentences})
    _write_page(given, result, sentences, out, smallest_cell, statement, words)
    return sentences


def _write_page(
    given: OfflineInput,
    result: Offline,
    sentences: list[str],
    out: Path,
    cell: int,
    statement: Statement | None,
    words: Sequence[str],
) -> None:
    from rollcall.report.page import write_page
    from rollcall.report.page.document import OFFLINE
    from rollcall.report.page.one_model import gather_one_model
    from rollcall.report.tables.offline import write_counts
    from rollcall.report.words.one_model import OneModel

    outsiders = int((given.status == OUTSIDER).sum())
    low, high = (result.auc + side * 1.96 * result.auc_se for side in (-1, 1))
    model = OneModel(
        unit="patient",
        asked=len(given.status) - outsiders,
        who="patients who may be members",
        outsiders=outsiders,
        references=len(given.references),
        named=int(result.exposed.sum()),
        auc=result.auc,
        auc_low=max(low, 0.0),
        auc_high=min(high, 1.0),
        reason=TOO_FEW if outsiders < FEWEST_OUTSIDERS else "",
        smallest=cell,
    )
    document = gather_one_model(
        model,
        kind=OFFLINE,
        title="Privacy audit of one model",
        data="Scores given.",
        digest=hashlib.sha256(np.ascontiguousarray(given.target).tobytes()).hexdigest(),
        summary=sentences,
        facts={
            "Patients": write_counts(given.status, cell),
            "References": f"{len(given.references)} models that never saw the patients",
        },
        hashes={name: sha256(out / name) for name in (TABLE, SUMMARY)},
        statement=statement,
        words=words,
    )
    write_page(out / "report.html", document, sections=[_show_results(given, result, cell)])


def _show_results(given: OfflineInput, result: Offline, cell: int) -> tuple[str, str]:
    """Return the tables of results as a section of the page, heading and HTML."""
    from rollcall.report.tables.offline import asked_table, offline_table, surprise_table
    from rollcall.report.tables.showing import show_table

    heading = "What the model gives away, in numbers"
    tables = [
        show_table(make(result, given.status, cell)).data
        for make in (asked_table, offline_table, surprise_table)
    ]
    body = "\n".join([f"<h2>{heading}</h2>", *tables])
    return heading, f'<section id="results">\n{body}\n</section>'


def _write_sentences(given: OfflineInput, result: Offline, cell: int) -> list[str]:
    from rollcall.report.gate import show_few
    from rollcall.report.tables.offline import write_counts

    outsiders = int((given.status == OUTSIDER).sum())
    asked, named = len(given.status) - outsiders, int(result.exposed.sum())
    first = (
        f"One model and {len(given.references)} references that never saw the patients: "
        f"{write_counts(given.status, cell)}."
    )
    if outsiders < FEWEST_OUTSIDERS:
        return [
            first,
            f"Nobody can be named: that takes at least {FEWEST_OUTSIDERS} patients who are known "
            "not to have been in the training set, and who come from where the members come from. "
            "How unusual the model's scores are stands in offline.parquet; a member's may be "
            "unusual for other reasons than training.",
        ]
    count = show_few(named, asked, cell)
    sentences = [
        first,
        f"{count[0].upper()}{count[1:]} of {asked:,} are exposed at a false-discovery rate of 5%, "
        "if the outsiders come from where the members come from; nothing in the scores can show "
        "that.",
    ]
    if np.isfinite(result.auc):
        low, high = (result.auc + side * 1.96 * result.auc_se for side in (-1, 1))
        sentences.append(
            f"Offline LiRA tells members from outsiders with an AUC of {result.auc:.3f} "
            f"({max(low, 0):.3f} to {min(high, 1):.3f}, for other patients and this model)."
        )
    sentences.append(
        "This is of one model: what another one of the same recipe would give, and who is at risk "
        "whatever the draw, takes models that had and had not each patient."
    )
    return sentences
