"""One split of the records measured: effects by outcome and by group, and who is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.auditing import Audit
from rollcall.data.groups import iterate_groups, patient_attributes
from rollcall.experiments.later.effects import (
    CHANGED,
    KINDS,
    Cells,
    Effect,
    average_patients,
    contrast,
    estimate_effect,
    list_cells,
    pair_differences,
)
from rollcall.experiments.later.naming import (
    Named,
    Redrawn,
    name_patients,
    redraw,
    stratify,
)
from rollcall.experiments.later.predictions import read_predictions
from rollcall.stats.moments import pair_signs

ALL = "all"
MEASURES = ("loss", "wrong")  # -log probability of the outcome; misjudged, per 100
DIFFERENCE = "difference"  # of the split in time and the one by chance


@dataclass(frozen=True)
class Measured:
    """What models that knew a patient say of its later records, less what the others say.

    cells: the later outcomes; effects: of each measure, by kind of outcome or ALL; unknown: by
    kind, the misjudged per 100 under models that did not know the patient; effect (P,): each
    patient's mean effect on the loss, NaN of those without later records; by_patient: of each
    measure and of all outcomes and the changed, (K, P) float32, as average_patients.
    """

    cells: Cells
    effects: dict[str, dict[str, Effect]]
    unknown: dict[str, float]
    effect: np.ndarray
    by_patient: dict[tuple[str, str], np.ndarray]
    named: Named
    redrawn: Redrawn


def measure_split(study: Audit) -> Measured:
    """Measure the later records, those held back, of a trained run."""
    run, cohort, members = study.run, study.cohort, study.run.members()
    cells = list_cells(cohort.labels, ~cohort.trainable, cohort.patient_index)
    loss, wrong = read_predictions(run, cohort, cells.record)
    signs = pair_signs(members)
    chosen = {ALL: np.ones(len(cells.kind), bool)}
    chosen |= {kind: cells.kind == number for number, kind in enumerate(KINDS)}
    effects: dict[str, dict[str, Effect]] = {}
    by_patient, differences = {}, {}
    for measure, values in zip(MEASURES, (loss, 100 * wrong.astype(np.float32)), strict=True):
        differences[measure] = pair_differences(values, cells)
        effects[measure] = {}
        for kind, mask in chosen.items():
            averaged = average_patients(differences[measure], signs, cells, mask)
            effects[measure][kind] = estimate_effect(averaged)
            if kind in (ALL, CHANGED):
                by_patient[measure, kind] = averaged
    out = ~members[:, cells.patient]
    unknown = {
        kind: 100 * float(wrong[:, mask][out[:, mask]].mean()) if mask.any() else np.nan
        for kind, mask in chosen.items()
    }
    return Measured(
        cells,
        effects,
        unknown,
        by_patient["loss", ALL].mean(0),
        by_patient,
        name_patients(loss, members, cells, run.seed),
        redraw(differences["loss"], loss, members, cells, run.seed),
    )


def list_effects(splits: dict[str, Measured]) -> pd.DataFrame:
    """List the effects: a row for each split and kind of outcome, and for their difference.

    split, kind, patients, records; loss and wrong, each with _low and _high, known less unknown;
    unknown: the misjudged per 100 of models that did not know the patient.
    """
    rows = []
    for split, measured in splits.items():
        for number, kind in enumerate((*KINDS, ALL)):
            mask = measured.cells.kind == number if kind != ALL else slice(None)
            rows.append(
                {"split": split, "kind": kind}
                | {"records": len(np.unique(measured.cells.record[mask]))}
                | _write({name: measured.effects[name][kind] for name in MEASURES})
                | {"unknown": measured.unknown[kind]}
            )
    if len(splits) == 2:
        one, other = splits.values()
        for kind in (*KINDS, ALL):
            effects = {
                name: contrast(one.effects[name][kind], other.effects[name][kind])
                for name in MEASURES
            }
            rows.append({"split": DIFFERENCE, "kind": kind} | _write(effects))
    return pd.DataFrame(rows)


def _write(effects: dict[str, Effect]) -> dict[str, float]:
    row: dict[str, float] = {"patients": next(iter(effects.values())).patients}
    for name, effect in effects.items():
        row |= {name: effect.mean, f"{name}_low": effect.low, f"{name}_high": effect.high}
    return row


def list_groups(study: Audit, measured: Measured) -> pd.DataFrame:
    """List the effects by group: attribute, group, patients (with later records), changed (of
    these), and the columns of list_effects for all outcomes, and for changed ones with changed_.
    """
    code = stratify(measured.cells, len(study.cohort.patients))
    attributes = patient_attributes(study.cohort)
    rows = []
    for attribute, group, inside, _ in iterate_groups(attributes):
        inside = inside & (code >= 0)
        row = {"attribute": attribute, "group": group, "changed": _changed(code, inside)}
        for kind, prefix in ((CHANGED, "changed_"), (ALL, "")):
            some = {
                name: estimate_effect(
                    np.where(inside, measured.by_patient[name, kind], np.float32(np.nan))
                )
                for name in MEASURES
            }
            row |= {f"{prefix}{key}": value for key, value in _write(some).items()}
        rows.append(row)
    return pd.DataFrame(rows)


def _changed(code: np.ndarray, inside: np.ndarray) -> int:
    return int((code[inside] == KINDS.index(CHANGED)).sum())


def list_named(splits: dict[str, Measured]) -> pd.DataFrame:
    """List the named: split, direction, patients (with later records), and what Named.counts has;
    and of redrawn memberships rounds, missed, redrawn_named (the mean of the rounds).
    """
    return pd.DataFrame(list(_iterate_named(splits)))


def _iterate_named(splits: dict[str, Measured]) -> Iterator[dict]:
    for split, measured in splits.items():
        for direction, counts in measured.named.counts.items():
            yield {
                "split": split,
                "direction": direction,
                "patients": len(np.unique(measured.cells.patient)),
                **counts,
                "rounds": measured.redrawn.rounds,
                "missed": measured.redrawn.missed,
                "redrawn_named": float(np.mean(measured.redrawn.named)),
            }
