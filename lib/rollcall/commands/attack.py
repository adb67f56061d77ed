"""`rollcall attack`: attack models that were trained elsewhere, from their scores."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.commands.common import (
    read_stated,
    read_thresholds,
    say,
    state_thresholds,
    write_report,
)
from rollcall.runs.derived.parts import NOTEBOOKS

if TYPE_CHECKING:
    from rollcall.report.notebooks.kernels import KernelServer

HELP = "attack models that were trained elsewhere, from their scores"
USES_KERNELS = True
INPUTS = {
    "scores": ".npy float (targets, records[, labels or classes]), as --kind says; or csv or "
    "parquet with patient_id and a column for each model, or patient_id, model, score",
    "members": "who was in which training set: .npy bool (targets, patients or records), or csv or "
    "parquet with patient_id and a column of 0 and 1 for each model, or patient_id, model, member; "
    "not needed where the table of scores has member",
    "patients": "csv, a row per record: the patient of each, in the column patient_id; not of "
    "scores in a table",
    "attributes": "csv, a row per patient with a column patient_id, or a row per record: groups "
    "to compare",
    "labels": ".npy or csv, a row per record: its class, from 0; for --kind proba and logits",
}
OUT = "folder for the tables, figures and the report; an audit that is there is replaced"
KIND = (
    "log-odds: of each record's own label, higher = more like a member. proba: of every class "
    "(targets, records, classes), or of class 1 of two (targets, records). logits: the same, "
    "before the softmax or sigmoid. loss: cross-entropy of each record"
)
NOT_NEEDED = ("members", "patients", "attributes", "labels")
DESIGN = (
    "how training sets were drawn. pairs: targets 2i and 2i+1 complementary. independent: each "
    "patient by chance. fixed-size: so many at random. Empty: as members show"
)
RATES = (
    "with --design independent: the share of the patients each model was to have, one number or "
    "one for each, commas between; empty: counted"
)
TARGET = (
    "offline: the name (or row) of one model, all others being references that never saw the "
    "patients; --members then says 1, 0 (known outsider) or nothing of each patient"
)


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall attack`."""
    from rollcall.commands.parts.options import SMALLEST_CELL, add_appetite
    from rollcall.data.groups import MIN_GROUP_SIZE
    from rollcall.runs.given.designs.detecting import DESIGNS
    from rollcall.runs.given.kinds import KINDS

    for name, text in INPUTS.items():
        command.add_argument(f"--{name}", required=name not in NOT_NEEDED, help=text)
    command.add_argument("--out", required=True, help=OUT)
    command.add_argument("--kind", choices=KINDS, default=KINDS[0], help=KIND)
    command.add_argument("--design", choices=("", *DESIGNS), default="", help=DESIGN)
    command.add_argument("--rates", default="", help=RATES)
    command.add_argument("--target", default="", help=TARGET)
    command.add_argument("--smallest-cell", type=int, default=MIN_GROUP_SIZE, help=SMALLEST_CELL)
    add_appetite(command)


def run(arguments: argparse.Namespace, server: KernelServer | None) -> int:
    """Check scores that were trained elsewhere, attack them, and write the report."""
    from rollcall import auditing
    from rollcall.runs import external

    started = time.perf_counter()
    out = Path(arguments.out).absolute()
    inputs = {name: getattr(arguments, name) and Path(getattr(arguments, name)) for name in INPUTS}
    if arguments.target:
        return _run_offline(arguments, inputs, out)
    thresholds, statement = read_thresholds(arguments), read_stated(arguments)
    cell = arguments.smallest_cell
    checked = external.check(
        **inputs,
        out=out,
        smallest_cell=cell,
        kind=arguments.kind,
        design=arguments.design,
        rates=arguments.rates,
    )
    with external.hold(out):  # until the report: another audit into it waits
        study = auditing.Audit(*external.write(checked, out, cell))
        study = state_thresholds(study, thresholds)
        say(
            f"{len(study.cohort):,} records of {len(study.cohort.patients):,} patients; "
            f"{study.run.targets} target models, trained elsewhere"
        )
        notebooks = NOTEBOOKS[1:] if arguments.attributes else NOTEBOOKS[1:2]
        parameters = {"cohort": external.COHORT_NAME, "out": str(out), "smallest_cell": cell}
        steps = dict.fromkeys(notebooks, parameters)
        return write_report(study, steps, started, server, "", statement, arguments.words)


def _run_offline(arguments: argparse.Namespace, inputs: dict, out: Path) -> int:
    """Attack one model with references that never saw the patients."""
    from rollcall.auditing.offline import audit_offline, check_out
    from rollcall.runs.given.designs.outsiders import read_offline
    from rollcall.runs.run import check_smallest_cell

    check_smallest_cell(arguments.smallest_cell)
    check_out(out)
    of_target = inputs["scores"], inputs["members"], inputs["patients"], arguments.target
    given = read_offline(*of_target, arguments.kind, inputs["labels"])
    stated = read_stated(arguments), arguments.words
    for sentence in audit_offline(given, out, arguments.smallest_cell, *stated):
        say(f"  {sentence}")
    say(f"\nReport: {out / 'report.html'}")
    say(f"Of each patient, to stay where the data may be: {out / 'offline.parquet'}")
    return 0
