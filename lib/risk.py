"""Record and patient risk: how well membership in a model's training set can be told, with errors, noise floor and exposed patients.

The unit of repetition is the target model: a record has M/2 models that had it and M/2 that had not. Risk is a signed AUC over
models: 0.5 means nothing can be told, values below 0.5 are chance (or a record that models fit worse for having seen it) and stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, norm, rankdata

from lib.errors import InputError
from lib.members import check_paired, redraw

CHUNK = 8192
TINY = 1e-12
FLOOR_DRAWS = 1_000_000  # null patients behind each noise floor, at the least
FDR = 0.05


@dataclass(frozen=True)
class Risk:
    """What `assess` returns: a table of records, a table of patients, and the noise floor of the patients' joint AUC (draws,)."""

    records: pd.DataFrame
    patients: pd.DataFrame
    floor: np.ndarray


def binormal(scores: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(auc, se), each (n,) float64, of n columns: Phi(d), d = (mean_in - mean_out) / sqrt(var_in + var_out), unbiased variances.

    scores, members (M, n). The standard error is the delta method's under two normal samples:
    var d = (v_in/n_in + v_out/n_out) / V + d^2 (v_in^2/(n_in - 1) + v_out^2/(n_out - 1)) / (2 V^2), V = v_in + v_out; se = phi(d) sd(d).
    """
    s = scores.astype(np.float64)
    s -= s.mean(0)
    moments = []
    for kind in (members, ~members):
        n = kind.sum(0)
        value = np.where(kind, s, 0.0)
        mean = value.sum(0) / n
        moments.append((n, mean, np.maximum((value * value).sum(0) - n * mean * mean, 0.0) / (n - 1)))
    (n1, mean1, v1), (n0, mean0, v0) = moments
    total = np.maximum(v1 + v0, TINY)
    d = (mean1 - mean0) / np.sqrt(total)
    variance = (v1 / n1 + v0 / n0) / total + d**2 * (v1**2 / (n1 - 1) + v0**2 / (n0 - 1)) / (2 * total**2)
    return norm.cdf(d), norm.pdf(d) * np.sqrt(variance)


def rank_auc(scores: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Mann-Whitney AUC of each column, ties half. scores, members (M, n) -> (n,) float64."""
    n1 = members.sum(0)
    ranks = rankdata(scores, axis=0)
    return ((ranks * members).sum(0) - n1 * (n1 + 1) / 2) / (n1 * (len(scores) - n1))


def joint(scores: np.ndarray, patient_index: np.ndarray) -> np.ndarray:
    """One statistic per patient and model: the mean of the patient's standardised record scores. (M, P) float32.

    A record's scores are centred and scaled over all models, members or not: the statistic never looks at membership, so without
    leakage its AUC over models has mean 0.5 whatever the number of records. (A likelihood ratio fitted on the patient's own models
    has not.) scores (M, N); patient_index (N,).
    """
    patients = int(patient_index.max()) + 1
    order = np.argsort(patient_index, kind="stable")
    starts = np.searchsorted(patient_index[order], np.arange(patients))
    count = np.diff(np.append(starts, len(order)))
    out = np.empty((len(scores), patients), np.float32)
    mean = scores.mean(0, dtype=np.float64).astype(np.float32)
    sd = np.maximum(scores.std(0, dtype=np.float64), TINY**0.5).astype(np.float32)
    for model in range(len(scores)):
        standard = (scores[model] - mean) / sd
        out[model] = np.add.reduceat(standard[order], starts) / count
    return out


def noise_floor(statistic: np.ndarray, members: np.ndarray, draws: int = FLOOR_DRAWS, seed: int = 0) -> np.ndarray:
    """The AUCs that the same patients give when nothing leaks. (rounds * P,), at least `draws` of them.

    Each round redraws who was a member as the design drew it (in each pair of targets a fair coin says which had the patient), all
    of a patient's records together, and recomputes every patient's binormal AUC.
    """
    rng = np.random.default_rng([seed, 4])
    patients = statistic.shape[1]
    rounds = max(1, -(-draws // patients))
    floor = np.empty((rounds, patients))
    for start in range(0, patients, CHUNK):
        part = slice(start, start + CHUNK)
        for turn in range(rounds):
            floor[turn, part] = binormal(statistic[:, part], redraw(members[:, part], rng))[0]
    return floor.ravel()


def q_values(auc: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg q-value of each patient: the false-discovery rate at which it, and all above it, would be called exposed.

    p = (1 + draws of the floor at or above auc) / (1 + draws), one-sided. (P,).
    """
    floor = np.sort(floor)
    above = len(floor) - np.searchsorted(floor, auc, side="left")
    return false_discovery_control((1 + above) / (1 + len(floor)))


def _jackknife(statistics: list[np.ndarray], pairs: int) -> np.ndarray:
    values = np.array(statistics)
    return np.sqrt((pairs - 1) / pairs * ((values - values.mean(0)) ** 2).sum(0))


def _reduced(auc: np.ndarray, patient_index: np.ndarray, patients: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and maximum of the record AUCs of each patient."""
    mean = np.bincount(patient_index, auc, patients) / np.bincount(patient_index, minlength=patients)
    highest = np.full(patients, -np.inf)
    np.maximum.at(highest, patient_index, auc)
    return mean, highest


def assess(scores: np.ndarray, members: np.ndarray, patient_index: np.ndarray, patient_ids: np.ndarray | None = None,
           seed: int = 0, draws: int = FLOOR_DRAWS, progress=iter) -> Risk:
    """Record risk, patient risk, noise floor and exposed patients. scores (M, N); members bool (M, P), paired; patient_index (N,).

    records: record, patient_id, n_in, n_out, auc (binormal), auc_se, auc_rank, and the two means and standard deviations behind it.
    patients: patient_id, records, auc_joint, auc_joint_rank, auc_mean, auc_max and their _se (joint: delta method; mean and max:
    jackknife over pairs of targets), q_value, exposed (q at most 0.05).
    """
    members = check_paired(members)
    targets, patients = members.shape
    if scores.shape != (targets, len(patient_index)):
        raise InputError(f"scores {scores.shape}, expected ({targets}, {len(patient_index)}): targets of members x records of patient_index")
    if not np.isfinite(scores).all():
        row, column = np.argwhere(~np.isfinite(scores))[0]
        raise InputError(f"scores: target {row}, record {column} is NaN or infinite; expected finite scores")
    if len(np.unique(patient_index)) != patients:
        empty = np.setdiff1d(np.arange(patients), patient_index)
        raise InputError(f"patient_index: patient {empty[0] if len(empty) else patient_index.max()} of {patients} has no record or is not in members; "
                         "expected every column of members at least once")
    ids = np.arange(patients) if patient_ids is None else patient_ids
    records = pd.DataFrame({"record": np.arange(len(patient_index)), "patient_id": np.asarray(ids)[patient_index],
                            "n_in": np.full(len(patient_index), targets // 2), "n_out": np.full(len(patient_index), targets // 2)})
    parts = []
    for start in range(0, len(patient_index), CHUNK):
        chunk = slice(start, start + CHUNK)
        kind, s = members[:, patient_index[chunk]], scores[:, chunk]
        area, error = binormal(s, kind)
        parts.append(pd.DataFrame({"auc": area, "auc_se": error, "auc_rank": rank_auc(s, kind), **_spread(s, kind)}))
    records = pd.concat([records, pd.concat(parts, ignore_index=True)], axis=1)

    statistic = joint(scores, patient_index)
    area, error = binormal(statistic, members)
    mean, highest = _reduced(records["auc"].to_numpy(), patient_index, patients)
    left_out = []
    for pair in progress(range(targets // 2)):
        keep = np.delete(np.arange(targets), (2 * pair, 2 * pair + 1))
        without = np.empty(len(patient_index))
        for start in range(0, len(patient_index), CHUNK):
            chunk = slice(start, start + CHUNK)
            without[chunk] = binormal(scores[keep, chunk], members[np.ix_(keep, patient_index[chunk])])[0]
        left_out.append(np.array(_reduced(without, patient_index, patients)))
    mean_se, max_se = _jackknife(left_out, targets // 2)
    floor = noise_floor(statistic, members, draws, seed)
    q = q_values(area, floor)
    table = pd.DataFrame({"patient_id": ids, "records": np.bincount(patient_index, minlength=patients), "auc_joint": area, "auc_joint_se": error,
                          "auc_joint_rank": rank_auc(statistic, members), "auc_mean": mean, "auc_mean_se": mean_se,
                          "auc_max": highest, "auc_max_se": max_se, "q_value": q, "exposed": q <= FDR})
    return Risk(records, table, floor)


def _spread(scores, members) -> dict[str, np.ndarray]:
    s = scores.astype(np.float64)
    return {f"{name}_{kind}": getattr(np, f"nan{name}")(np.where(chosen, s, np.nan), axis=0)
            for kind, chosen in (("in", members), ("out", ~members)) for name in ("mean", "std")}


def survival(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Share of `values` at or above each threshold. (len(thresholds),)."""
    ordered = np.sort(values)
    return 1 - np.searchsorted(ordered, thresholds, side="left") / len(ordered)
