"""One patient, picked by rank: the records, their scores in and out, and three ways to sum them up.

Of open and of invented cohorts alone; no id is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.data.cohort import describe_label
from rollcall.report.explorer.models import list_numbers
from rollcall.report.explorer.opening import Opened, read_scores
from rollcall.risk.noise_floor import random_signs, redrawn_auc
from rollcall.risk.patient import summarise_records
from rollcall.risk.record import PooledShape, binormal_auc, pool_shape
from rollcall.stats.design import is_paired
from rollcall.stats.moments import Moments, compute_moments
from rollcall.util.errors import InputError

MOST_RECORDS = 30  # of a patient, in a picture
ROUNDS = 400  # of a patient's own noise floor
JOINT = "all records together"


@dataclass(frozen=True)
class Patient:
    """What is stored of one patient.

    scores float32 (targets, rows): the joint statistic, then records by falling risk; names of the
    rows; members bool (targets,); records: how many the patient has; stored (rows, 3): AUC, low,
    high of each row with all models, NaN of the joint statistic.
    """

    rank: int
    scores: np.ndarray
    names: tuple[str, ...]
    members: np.ndarray
    records: int
    stored: np.ndarray


def pick_patient(opened: Opened, rank: int) -> Patient:
    """Return the patient of a rank, 1 the most exposed; InputError where none may be shown."""
    if opened.closed or opened.cohort is None:
        raise InputError(opened.closed)
    if not 1 <= rank <= len(opened.ranked):
        raise InputError(f"rank is {rank}; expected 1 to {len(opened.ranked):,}")
    patient, cohort = int(opened.ranked[rank - 1]), opened.cohort
    rows = np.flatnonzero(cohort.patient_index == patient)
    names, columns = [JOINT], [opened.statistic[:, patient]]
    stored = np.full((1, 3), np.nan)
    if cohort.task != "multilabel" or opened.is_given:
        scores = read_scores(opened, cohort, rows)
        if scores.ndim == 2:
            auc = _measure(scores, opened.run.members()[:, [patient]].repeat(len(rows), 1))[0]
            order = np.argsort(-auc, kind="stable")[:MOST_RECORDS]
            names += [
                f"record {place}" + _name_label(opened, rows[at])
                for place, at in enumerate(order, 1)
            ]
            columns += list(scores[:, order].T)
            stored = np.concatenate([stored, opened.records.to_numpy()[rows[order]]])
    members = np.array(opened.run.members()[:, patient])
    return Patient(rank, np.stack(columns, 1), tuple(names), members, len(rows), stored)


def _name_label(opened: Opened, record: int) -> str:
    """Write the label of a record, where the run knows it."""
    known = opened.cohort is not None and not opened.is_given
    return f": {describe_label(opened.cohort, record)}" if known else ""


def _measure(scores: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return (auc, se, low, high) of columns of scores, their shape pooled over them alone."""
    moments = compute_moments(scores, members)
    return binormal_auc(moments, pool_shape(moments))


def measure_patient(opened: Opened, patient: Patient, number: int) -> pd.DataFrame:
    """Sum a patient up with the first so many models, in three ways: a row each.

    definition: joint, the AUC of the statistic on all records; mean and max, of the records' AUCs;
    auc; low, high: 95% (NaN of the maximum, which is biased upwards); floor_low, floor_high: where
    95% of the same lie when this patient's membership is redrawn.
    """
    if number == opened.run.targets:
        stored = opened.patients.iloc[int(opened.ranked[patient.rank - 1])]
        values = {
            "joint": stored[["auc_joint", "auc_joint_low", "auc_joint_high"]].tolist(),
            "mean": stored[["auc_mean", "auc_mean_low", "auc_mean_high"]].tolist(),
            "max": [stored["auc_max"], np.nan, np.nan],
        }
    else:
        values = _sum_up(opened, patient, number)
    floors = _redraw(opened, patient, number)
    return pd.DataFrame(
        [
            dict(zip(("auc", "low", "high"), values[name], strict=True))
            | {"definition": name}
            | dict(zip(("floor_low", "floor_high"), floors.get(name, [np.nan] * 2), strict=True))
            for name in ("joint", "mean", "max")
            if name == "joint" or name in floors or number == opened.run.targets
        ]
    )


def _sum_up(opened: Opened, patient: Patient, number: int) -> dict[str, list[float]]:
    """Compute the three definitions with the first so many models, paired."""
    members = opened.run.members()[:number]
    moments = compute_moments(opened.statistic[:number], members)
    which = np.array([opened.ranked[patient.rank - 1]])
    auc, _, low, high = binormal_auc(moments.take(which), pool_shape(moments))
    values = {"joint": [float(auc[0]), float(low[0]), float(high[0])]}
    summed = _summarise(opened, patient, number, 1)
    if summed:
        mean = [float(summed[f"auc_mean{end}"][0]) for end in ("", "_low", "_high")]
        values |= {"mean": mean, "max": [float(summed["auc_max"][0]), np.nan, np.nan]}
    return values


def _summarise(opened: Opened, patient: Patient, number: int, rounds: int) -> dict:
    """Summarise the records' AUCs as rollcall.risk does, of this patient alone; {} without any."""
    scores = patient.scores[:number, 1:]
    if not scores.shape[1] or patient.records > scores.shape[1]:
        return {}
    members = patient.members[:number, None]
    auc = _measure(scores, members.repeat(scores.shape[1], 1))[0]
    index = np.zeros(scores.shape[1], int)
    return summarise_records(scores, members, index, auc, rounds, opened.run.seed)


def _redraw(opened: Opened, patient: Patient, number: int) -> dict[str, list[float]]:
    """Return where 95% of each definition lie when the patient's membership is redrawn."""
    if not is_paired(patient.members[:number, None]):
        return {}
    signs = random_signs(ROUNDS, number // 2, opened.run.seed, 11)
    draws = {"joint": redrawn_auc(patient.scores[:number, :1], signs)}
    summed = _summarise(opened, patient, number, ROUNDS)
    if summed:
        draws |= {"mean": summed["floor_auc_mean"], "max": summed["floor_auc_max"]}
    return {name: np.quantile(values, [0.025, 0.975]).tolist() for name, values in draws.items()}


def fit_gaussians(opened: Opened, patient: Patient, number: int) -> pd.DataFrame:
    """Fit LiRA's two Gaussians to each row with the first so many models: a row each.

    name, mean_in, sd_in, mean_out, sd_out on the scale of the pictures (standardise); auc with its
    95% interval low, high: with all models as the run has it, with fewer of the same formula, and
    NaN of the joint statistic, which measure_patient measures.
    """
    scores = standardise(patient)[:number]
    members = patient.members[:number, None].repeat(scores.shape[1], 1)
    moments = compute_moments(scores, members)
    auc, _, low, high = binormal_auc(moments, _pool_records(opened, number, moments))
    if number == len(patient.members):
        known = np.isfinite(patient.stored[:, 0])
        auc, low, high = np.where(known, patient.stored.T, (auc, low, high))
    low[0] = high[0] = np.nan
    return pd.DataFrame(
        {
            "name": patient.names,
            "mean_in": moments.mean_in,
            "sd_in": np.sqrt(moments.var_in),
            "mean_out": moments.mean_out,
            "sd_out": np.sqrt(moments.var_out),
            "auc": auc,
            "low": low,
            "high": high,
        }
    )


def _pool_records(opened: Opened, number: int, few: Moments) -> PooledShape:
    """Pool the shape of the run's records with so many models; few: of this patient, if none."""
    if opened.cohort is None or opened.sampled is None or number == opened.run.targets:
        return pool_shape(few)  # of all models the intervals are stored
    records, scores = opened.sampled
    members = opened.run.members()[:number, opened.cohort.patient_index[records]]
    return pool_shape(compute_moments(scores[:number], members))


def standardise(patient: Patient) -> np.ndarray:
    """Return the scores in standard deviations from each row's mean over all models."""
    scores = patient.scores.astype(np.float64)
    return (scores - scores.mean(0)) / np.maximum(scores.std(0), 1e-12)


def write_patient(opened: Opened, patient: Patient, number: int, measured: pd.DataFrame) -> str:
    """Say in words what the picture of a patient shows."""
    joint = measured.iloc[0]
    records = f"{patient.records} record{'s' if patient.records > 1 else ''}"
    words = [
        f"The {opened.run.unit} of rank {patient.rank:,} of {len(opened.auc):,}, with {records}, "
        f"under {'all' if number == opened.run.targets else 'the first'} {number} models: a risk "
        f"of {joint['auc']:.2f} (95% interval {joint['low']:.2f} to {joint['high']:.2f})."
    ]
    if np.isfinite(joint["floor_high"]):
        place = "does"
        if joint["auc"] > joint["floor_high"]:
            place = "lies above"
        elif joint["auc"] < joint["floor_low"]:
            place = "lies below"
        words.append(
            f"If nothing leaked, 19 in 20 such estimates would lie between "
            f"{joint['floor_low']:.2f} and {joint['floor_high']:.2f}: this one {place}."
        )
    others = [f"{row.definition} {row.auc:.2f}" for row in measured.iloc[1:].itertuples()]
    if others:
        words.append(f"Of the records' own risks: {', '.join(others)}.")
    return " ".join(words)


def show_patient(opened: Opened, rank: int) -> dict:
    """Return everything that the picture is drawn from in the browser, as lists and texts."""
    patient, numbers = pick_patient(opened, rank), list_numbers(opened)
    measured = {number: measure_patient(opened, patient, number) for number in numbers}
    return {
        "unit": opened.run.unit,
        "numbers": numbers,
        "short": [f"{number} models" for number in numbers],
        "members": patient.members.tolist(),
        "names": list(patient.names),
        "left_out": patient.records - (len(patient.names) - 1),
        "scores": np.round(standardise(patient).T, 3).tolist(),
        "gaussians": [
            fit_gaussians(opened, patient, number).round(4).to_dict("records") for number in numbers
        ],
        "measured": [_clean(table) for table in measured.values()],
        "sentences": [
            write_patient(opened, patient, number, table) for number, table in measured.items()
        ],
    }


def _clean(table: pd.DataFrame) -> list[dict]:
    """Return rows for the browser, None for what is not a number."""
    return table.round(4).astype(object).where(table.notna(), None).to_dict("records")
