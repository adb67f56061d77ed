"""`rollcall release`: whom does one model that exists expose?"""

from __future__ import annotations

import argparse
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.commands.common import (
    list_outcomes,
    read_stated,
    read_thresholds,
    say,
    show_outcome,
)
from rollcall.util.errors import InputError
from rollcall.util.text import FOLDER_NAME

if TYPE_CHECKING:
    from rollcall.auditing import Audit
    from rollcall.experiments.release import Release
    from rollcall.report.appetite import Appetite, Verdict

HELP = "whom one model that exists exposes: may it leave the house?"
USES_KERNELS = False
REFERENCES = 16
MODELS = ("outputs", "weights", "onnx")


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall release`."""
    from rollcall.commands.parts import options
    from rollcall.experiments.release.conformal import FDR
    from rollcall.runs.given.kinds import KINDS

    options.add_cohort_options(
        command,
        run="name of the run of reference models, trained if it is not there; empty: the model's",
    )
    options.add_training_options(command, on_budget=False)
    options.add_appetite(command)
    command.set_defaults(targets=REFERENCES)
    command.add_argument(
        "--members",
        default="",
        help="csv with patient_id and a column of 0 and 1: who was in the training set. 0: known "
        "outsiders from the same source",
    )
    command.add_argument(
        "--outputs", default="", help=".npy or csv, a row per record of the cohort: see --kind"
    )
    command.add_argument("--weights", default="", help="state dict (.pt, .safetensors) of --model")
    command.add_argument("--onnx", default="", help="an ONNX network; needs onnxruntime")
    command.add_argument(
        "--kind", choices=KINDS, default="", help="of the outputs; empty: log-odds, onnx: logits"
    )
    command.add_argument(
        "--reference-scores",
        default="",
        help=".npy (references, records[, columns]) of the same kind, in place of training",
    )
    command.add_argument(
        "--reference-members",
        default="",
        help="whom each of these had: .npy bool (references, patients), or csv as --members",
    )
    command.add_argument(
        "--reference",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="a model that never saw the patients, and its weights; up to four times, in place of "
        "training: docs/open-models.md",
    )
    command.add_argument("--fdr", type=float, default=FDR, help="false discovery rate of naming")
    command.add_argument("--name", default="release", help="folder beside the run, for the result")
    command.add_argument(
        "--write-records",
        default="",
        metavar="FILE",
        help="write a csv of the cohort's records in their order, and end",
    )


def run(arguments: argparse.Namespace, server: None = None) -> int:
    """Check one released model, and write what it exposes."""
    from rollcall import auditing
    from rollcall.commands.parts import options
    from rollcall.experiments.release import outputs, references, words
    from rollcall.report.appetite import describe_verdict
    from rollcall.report.appetite.released import write_released
    from rollcall.runs.folder import remove_untrained
    from rollcall.runs.given.kinds import LOG_ODDS
    from rollcall.util.files import sha256

    started = time.perf_counter()
    chosen = _check_options(arguments)
    thresholds, statement = read_thresholds(arguments), read_stated(arguments)
    parameters = {name: getattr(arguments, name) for name in options.plan_defaults()}
    for name in ("root", "out", "data"):
        parameters[name] = parameters[name] and os.path.abspath(parameters[name])
    study = auditing.plan(**parameters)
    cohort, folder = study.cohort, study.run.path.parent / arguments.name
    if arguments.write_records or arguments.reference_scores or arguments.reference:
        remove_untrained(study.run.path)  # nothing is to be trained
    if arguments.write_records:
        outputs.write_records(Path(arguments.write_records), cohort)
        say(
            f"{len(cohort):,} records in their order: {arguments.write_records}; they name patients"
        )
        return 0
    try:
        words.check_release_folder(folder)
        flags = outputs.read_flags(Path(arguments.members), cohort)
        if arguments.reference:
            released, *given = _score_published(arguments, study)
        else:
            released = _read_model(arguments, chosen, study)
    except InputError:
        remove_untrained(study.run.path)
        raise
    if arguments.reference:
        count = len(arguments.reference)
        say(f"{count} reference{'s' * (count > 1)} that never saw the patients")
    elif arguments.reference_scores:
        given = outputs.read_references(
            Path(arguments.reference_scores),
            Path(arguments.reference_members),
            cohort,
            arguments.kind or LOG_ODDS,
        )
    else:
        say(f"{study.run.targets} reference models in {study.run.path}")
        given = references.train_references(study, arguments.scheduler)
    release = references.check_on_cohort(
        released,
        *given,
        flags,
        cohort,
        fdr=arguments.fdr,
        smallest_cell=study.run.smallest_cell,
        seed=arguments.seed,
    )
    about = {
        "cohort": cohort.name,
        "fingerprint": cohort.fingerprint,
        "model": study.run.recipe.model,
        "sha256": sha256(Path(getattr(arguments, chosen))),
    }
    verdict = _judge(release, thresholds, study)
    sentences = words.write_release(
        *(folder, release, cohort, about, study.run.smallest_cell),
        *(verdict, statement, arguments.words),
    )
    write_released(folder, verdict, folder / words.TWIN)
    say(f"\nReport: {folder / words.PAGE}  ({time.perf_counter() - started:.0f} s)\n")
    for sentence in sentences:
        say(f"  {sentence}")
    described = describe_verdict(verdict) if verdict else None
    for line in list_outcomes(described):
        say(line)
    say(f"\nThese files name patients and stay where the data may be: {words.PATIENTS}")
    return show_outcome(described)


def _judge(release: Release, thresholds: Appetite | None, study: Audit) -> Verdict | None:
    """Hold a release check against thresholds; None where there are none."""
    from rollcall.report.appetite.released import Released, judge_released

    if thresholds is None:
        return None
    groups = release.groups
    measured = Released(
        members=release.members,
        outsiders=release.outsiders,
        references=release.references,
        named=release.named,
        fewest=release.fewest,
        fdr=release.fdr,
        auc=release.auc,
        auc_high=release.auc_high,
        control_failed=bool(release.reason),
        groups=groups[groups["may_show"].astype(bool)] if study.cohort.attributes else None,
        smallest=study.run.smallest_cell,
    )
    return judge_released(measured, thresholds)


def _check_options(arguments: argparse.Namespace) -> str:
    """Return which of --outputs, --weights and --onnx was given; InputError unless it is one."""
    if arguments.write_records:
        folder = Path(arguments.write_records).absolute().parent
        if not folder.is_dir():
            raise InputError(f"--write-records: there is no folder {folder}; make it")
        return ""
    if not arguments.members:
        raise InputError(
            "--members is missing; expected a csv with patient_id and a column of 0 and 1: 1 who "
            "was in the training set, 0 known outsiders from the same source"
        )
    chosen = [name for name in MODELS if getattr(arguments, name)]
    if len(chosen) != 1:
        raise InputError(
            f"{len(chosen)} of --outputs, --weights and --onnx were given; expected one: the model "
            "that is to be released"
        )
    if bool(arguments.reference_scores) != bool(arguments.reference_members):
        raise InputError("--reference-scores and --reference-members: expected both or neither")
    if arguments.reference and (chosen != ["weights"] or arguments.reference_scores):
        raise InputError(
            "--reference is a model and its weights; expected --weights of the released one with "
            "it, and no --reference-scores"
        )
    if not re.fullmatch(FOLDER_NAME, arguments.name):
        raise InputError(f"--name {arguments.name!r}: expected a plain folder name")
    for name in ("members", *MODELS, "reference_scores", "reference_members"):
        path = getattr(arguments, name)
        if path and not os.path.isfile(path):
            fault = "no file" if os.path.exists(path) else "there is no such file"
            raise InputError(f"--{name.replace('_', '-')} {path}: {fault}")
    return chosen[0]


def _read_model(arguments: argparse.Namespace, chosen: str, study):
    """Return the released model's log odds of each record's own label, (N,) or (N, L)."""
    from rollcall.experiments.release import networks, outputs
    from rollcall.runs.given.kinds import LOG_ODDS

    cohort, path = study.cohort, Path(getattr(arguments, chosen))
    if chosen == "outputs":
        return outputs.read_outputs(path, cohort, arguments.kind or LOG_ODDS)
    if chosen == "weights":
        logits = networks.predict_with_weights(path, study.run.recipe, cohort)
        return outputs.convert_outputs(path, logits, cohort, "logits")
    values = networks.predict_with_onnx(path, cohort)
    return outputs.convert_outputs(path, values, cohort, arguments.kind or "logits")


def _score_published(arguments: argparse.Namespace, study):
    """Return scores of the released model, (N,) or (N, L), of references, and whom these had."""
    import numpy as np

    from rollcall.experiments.open_models import published

    target = published.Published(study.run.recipe.model, Path(arguments.weights))
    references = [published.parse_published(word) for word in arguments.reference]
    shared = published.score_published(target, references, study.cohort, study.run.recipe)
    if study.cohort.task == "multilabel":
        say(f"Labels that all have: {', '.join(shared.labels)}")
    nobody = np.zeros((len(references), len(study.cohort.patients)), bool)
    return shared.scores[0], shared.scores[1:], nobody
