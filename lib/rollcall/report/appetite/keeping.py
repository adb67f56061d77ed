"""The verdict and the model card in a run: written with what they were made from, read if they fit.

Both are parts of the run, as figures and the report are (rollcall.runs.derived.manifests).
"""

from __future__ import annotations

import hashlib
import json

from rollcall.data.cohort import Cohort
from rollcall.report.appetite.thresholds import Appetite, check_began, parse_appetite
from rollcall.report.appetite.verdict import (
    Verdict,
    describe_verdict,
    gather_evidence,
    judge,
    list_lines,
)
from rollcall.report.card import make_card
from rollcall.runs.appetite import KEY, count_earlier, digest_appetite, note_appetite
from rollcall.runs.derived.manifests import check_file, check_part, forget, note_made
from rollcall.runs.derived.parts import CARD, FILE_OF, VERDICT
from rollcall.runs.folder import clear_parts
from rollcall.runs.run import Run
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import write_bytes, write_json


def state_appetite(run: Run, appetite: Appetite | None) -> Run:
    """Note in a run the thresholds that it is judged by, None for none; return the run.

    InputError if they are dated after the audit began.
    """
    if appetite is None:
        return note_appetite(run)
    check_began(appetite, run.config["started"])
    return note_appetite(run, appetite.text, appetite.sha256)


def judge_run(run: Run, cohort: Cohort) -> Verdict | None:
    """Judge a finished run by the thresholds that it has; None if it has none.

    InputError as read_table.
    """
    appetite = read_noted(run)
    if appetite is None:
        return None
    return judge(gather_evidence(run, cohort), appetite, count_earlier(run))


def read_noted(run: Run) -> Appetite | None:
    """Return the thresholds that run.json has; None if it has none."""
    stated = run.config.get(KEY)
    if not stated:
        return None
    name = f"{run.path / 'run.json'}, the thresholds in it"
    return parse_appetite(stated["text"].removeprefix("\ufeff"), name, stated["sha256"])


def write_decision(run: Run, cohort: Cohort, made_from: dict, verdict: Verdict | None) -> None:
    """Write the model card, and verdict.json if there is a verdict; the caller holds the lock.

    made_from: as manifests.describe gave it for the report, whose sentences stand on the same.
    """
    for part in (VERDICT, CARD):
        forget(run, part)
        clear_parts(run.file(FILE_OF[part]))
        run.file(FILE_OF[part]).unlink(missing_ok=True)
    if verdict is not None:
        write_json(run.file(FILE_OF[VERDICT]), describe_verdict(verdict))
        note_made(run, VERDICT, made_from, [FILE_OF[VERDICT]])
    card = make_card(run, cohort, list_lines(verdict) if verdict else ())
    write_bytes(run.file(FILE_OF[CARD]), card.encode())
    note_made(run, CARD, made_from, [FILE_OF[CARD]])


def read_verdict(run: Run) -> dict | None:
    """Return what verdict.json of a run says, as describe_verdict; None if it has no thresholds.

    InputError if it is missing or damaged, or was made from something else than what the run has
    now: other thresholds, an earlier attack, another smallest cell.
    """
    if not digest_appetite(run):
        return None
    manifest, path = check_part(run, VERDICT), run.file(FILE_OF[VERDICT])
    try:
        content = path.read_bytes()
        check_file(run, VERDICT, manifest, path.name, hashlib.sha256(content).hexdigest())
        return json.loads(content)
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise_machine_fault(error, path)
        raise InputError(f"{path}: not readable ({first_line(error)}); audit again") from error
