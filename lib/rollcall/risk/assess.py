"""Record and patient risk: how well membership in a model's training set can be told, with errors, noise floor and exposed patients.

The unit of repetition is the target model: a record has M/2 models that had it and M/2 that had not. Risk is a signed AUC over
models: 0.5 means nothing can be told, values below 0.5 are chance (or a record that models fit worse for having seen it) and stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.risk import patient as patient_risk
from rollcall.risk import record as record_risk
from rollcall.risk.exposed import EXPOSED_FDR, compute_q_values, exposed_interval
from rollcall.risk.labels import combine_labels
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.stats import moments
from rollcall.stats.members import check_paired
from rollcall.stats.moments import check_finite
from rollcall.util.errors import InputError

FLOOR_DRAWS = 1_000_000  # null patients behind each noise floor, at the least


@dataclass(frozen=True)
class Risk:
    """What `assess_risk` returns: a table of records, a table of patients, the noise floors (draws of auc_joint, auc_mean and auc_max), and of the
    cohort: exposed patients with interval (exposed, exposed_low, exposed_high) and what the errors rest on (pair_correlation, skew_in,
    skew_out, kurt; not_normal and not_normal_patients: shares of records and of patients' joint statistics not normal at the 5% level)."""

    records: pd.DataFrame
    patients: pd.DataFrame
    floors: pd.DataFrame
    cohort: dict[str, float]

    @property
    def floor(self) -> np.ndarray:
        """The noise floor of the patients' joint AUC, (draws,)."""
        return self.floors["auc_joint"].to_numpy()


def assess_risk(
    scores: np.ndarray,
    members: np.ndarray,
    patient_index: np.ndarray,
    patient_ids: np.ndarray | None = None,
    seed: int = 0,
    draws: int = FLOOR_DRAWS,
    progress=iter,
) -> Risk:
    """Record risk, patient risk, noise floor and exposed patients. scores (M, N), or (M, N, L) of L labels, which combine_labels makes one;
    members bool (M, P), paired; patient_index (N,).

    records: record, patient_id, n_in, n_out; auc (binormal) and auc_rank, each with _se and 95% interval _low, _high; and the means and
    standard deviations behind it. patients: patient_id, records; auc_joint and auc_joint_rank with _se, _low, _high; auc_mean with _se, _low, _high
    and auc_max with _se (jackknife over pairs of targets); q_value, exposed (q at most 0.05), both of auc_joint.
    """
    members, index = check_paired(members), np.asarray(patient_index)
    targets, patients = members.shape
    if scores.ndim not in (2, 3) or scores.shape[:2] != (targets, len(index)):
        raise InputError(
            f"scores {scores.shape}, expected ({targets}, {len(index)}): targets of members x records of patient_index"
        )
    if len(np.unique(index)) != patients or index.min() < 0 or index.max() >= patients:
        empty = np.setdiff1d(np.arange(patients), index)
        raise InputError(
            f"patient_index: patient {empty[0] if len(empty) else index.max()} of {patients} has no record or is not in members; "
            "expected every column of members at least once"
        )
    if scores.ndim == 3:
        scores = combine_labels(scores, members, index)
    found = moments.compute_moments(scores, members, index)
    check_finite(found, scores)
    ids, half = (
        np.arange(patients) if patient_ids is None else np.asarray(patient_ids),
        targets // 2,
    )
    records, pooled = _aucs("auc", found, scores, members, index)
    records = {
        "record": np.arange(len(index)),
        "patient_id": ids[index],
        "n_in": np.full(len(index), half),
        "n_out": np.full(len(index), half),
    } | records
    records |= {
        "mean_in": found.mean_in,
        "std_in": np.sqrt(found.var_in),
        "mean_out": found.mean_out,
        "std_out": np.sqrt(found.var_out),
    }

    rounds = max(1, -(-draws // patients))
    summed = patient_risk.summarise_records(
        scores, members, index, records["auc"], rounds, seed, progress
    )
    floors = {name: summed.pop(f"floor_{name}").ravel() for name in ("auc_mean", "auc_max")}
    statistic = patient_risk.joint_statistic(
        scores, found, index, patient_risk.joint_weights(scores, found, index)
    )
    of_patients = moments.compute_moments(statistic, members)
    table, _ = _aucs("auc_joint", of_patients, statistic, members)
    floor = draw_noise_floor(statistic, rounds, seed).ravel()
    q = compute_q_values(table["auc_joint"], floor)
    summed = {
        name: summed[name]
        for name in (
            "auc_mean",
            "auc_mean_se",
            "auc_mean_low",
            "auc_mean_high",
            "auc_max",
            "auc_max_se",
        )
    }
    table = (
        {"patient_id": ids, "records": np.bincount(index)}
        | table
        | summed
        | {"q_value": q, "exposed": q <= EXPOSED_FDR}
    )
    count, low, high = exposed_interval(
        statistic, members, table["auc_joint"], table["exposed"], floor
    )
    cohort = {
        "exposed": count,
        "exposed_low": low,
        "exposed_high": high,
        "pair_correlation": pooled.correlation,
        "skew_in": pooled.skew_in,
        "skew_out": pooled.skew_out,
        "kurt": pooled.kurt,
        "not_normal": record_risk.share_not_normal(found),
        "not_normal_patients": record_risk.share_not_normal(of_patients),
    }
    return Risk(
        pd.DataFrame(records),
        pd.DataFrame(table),
        pd.DataFrame({"auc_joint": floor} | floors),
        cohort,
    )


def _aucs(
    name: str, found: moments.Moments, scores, members, index=None
) -> tuple[dict[str, np.ndarray], record_risk.PooledShape]:
    """Columns of the binormal and the rank AUC with errors and intervals, and the cohort's shape."""
    pooled = record_risk.pool_shape(found)
    rank = record_risk.rank_auc(scores, members, index)
    columns = (
        *record_risk.binormal_auc(found, pooled),
        rank,
        *record_risk.rank_interval(rank, found.pairs, pooled.correlation),
    )
    names = (
        f"{form}{suffix}"
        for form in (name, f"{name}_rank")
        for suffix in ("", "_se", "_low", "_high")
    )
    return dict(zip(names, columns)), pooled
