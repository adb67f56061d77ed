"""How fast risk is: each step's time in passes of addition over the scores, and its memory."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks import time_calls
from rollcall.risk.assess import FLOOR_DRAWS, assess_risk
from rollcall.risk.exposed.assess import assess_exposure
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.risk.patient import joint_statistic, joint_weights, summarise_records
from rollcall.risk.record import binormal_auc, pool_shape, share_not_normal
from rollcall.stats.members import draw_members
from rollcall.stats.moments import compute_moments
from rollcall.stats.rank import rank_auc


def table(
    targets: int = 200,
    records: int = 200_000,
    patients: int = 60_000,
    repeats: int = 5,
    draws: int = FLOOR_DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Time every step on simulated scores, float32 (targets, records) of patients at random.

    step      name. "record risk" is what gives binormal AUC, standard error and interval of every
              record; the rank AUC, which sorts, stands apart. A tenth of the patients leak, so that
              what is said of the exposed is computed. The last two rows are the whole of half the
              records and of half the targets: time grows linearly in both.
    seconds   least of `repeats`; of 1 for the whole
    multiple  of scores.sum(0) in the same run
    memory    the most that is held at once, scores included, as a multiple of the scores
    """
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((targets, records), np.float32)
    extra = rng.integers(0, patients, records - patients)
    index = np.sort(np.concatenate([np.arange(patients), extra]))
    members = draw_members(targets, patients, seed)
    leaking = np.arange(patients) % 10 == 0
    for target in range(targets):
        scores[target] += np.float32(0.5) * (members[target] & leaking)[index]
    rounds = max(1, -(-draws // patients))

    def assess_records(values, membership, patient_index=None):
        moments = compute_moments(values, membership, patient_index)
        return moments, binormal_auc(moments, pool_shape(moments))

    def combine_records():
        return joint_statistic(scores, moments, index, joint_weights(scores, moments, index))

    moments, (auc, *_) = assess_records(scores, members, index)
    statistic = combine_records()
    joint, (joint_auc, *_) = assess_records(statistic, members)
    nothing, label = np.zeros(patients), np.arange(patients) % 7 // 6
    half = index < index[records // 2]
    half_members = members[:, : index[half].max() + 1]
    few = targets // 4 * 2
    steps = {
        "scores.sum(0)": lambda: scores.sum(0),
        "record risk": lambda: assess_records(scores, members, index),
        "rank AUC of records": lambda: rank_auc(scores, members, index),
        "normality of records": lambda: share_not_normal(moments),
        "joint statistic of patients": combine_records,
        "patient risk, joint": lambda: assess_records(statistic, members),
        "noise floor, joint": lambda: draw_noise_floor(statistic, rounds, seed),
        "exposed patients, true risks": lambda: assess_exposure(
            statistic, members, joint, joint_auc, nothing, label, draws, seed
        ),
        "mean and maximum, jackknife and floors": lambda: summarise_records(
            scores, members, index, auc, rounds, seed
        ),
        "assess, the whole": lambda: assess_risk(
            scores, members, index, draws=draws, seed=seed, labels=label
        ),
        "assess, half the records": lambda: assess_risk(
            scores[:, half], half_members, index[half], None, seed, draws // 2
        ),
        "assess, half the targets": lambda: assess_risk(
            scores[:few], members[:few], index, None, seed, draws
        ),
    }
    rows = []
    for step, run in steps.items():
        seconds, peak = time_calls(run, 1 if step.startswith("assess") else repeats)
        rows.append(
            {
                "step": step,
                "seconds": min(seconds),
                "multiple": min(seconds) / (rows[0]["seconds"] if rows else min(seconds)),
                "memory": 1 + peak / scores.nbytes,
            }
        )
    return pd.DataFrame(rows)
