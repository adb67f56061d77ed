"""How fast risk is: each step's time as a multiple of one pass of addition over the scores, and its memory."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks import timed
from rollcall.risk import assess as risk
from rollcall.risk import noise_floor as floor
from rollcall.risk import patient as patient_risk
from rollcall.risk import record as record_risk
from rollcall.stats import moments
from rollcall.stats.members import draw_members


def table(
    targets: int = 200,
    records: int = 200_000,
    patients: int = 60_000,
    repeats: int = 5,
    draws: int = risk.FLOOR_DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """step; seconds (least of `repeats`; of 1 for the whole); multiple of scores.sum(0) in the same run; memory, the most that is held at
    once, scores included, as a multiple of the scores. Simulated scores float32 (targets, records), records shared out to patients at random.

    "record risk" is what gives binormal AUC, standard error and interval of every record; the rank AUC, which sorts, stands apart. The last two rows are
    the whole of half the records and of half the targets: time grows linearly in both.
    """
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((targets, records), np.float32)
    index = np.sort(
        np.concatenate([np.arange(patients), rng.integers(0, patients, records - patients)])
    )
    members = draw_members(targets, patients, seed)
    rounds = max(1, -(-draws // patients))

    def record(of: np.ndarray, who: np.ndarray, whose: np.ndarray | None = None):
        found = moments.compute_moments(of, who, whose)
        return found, record_risk.binormal_auc(found, record_risk.pool_shape(found))

    found, (auc, *_) = record(scores, members, index)
    weight = patient_risk.joint_weights(scores, found, index)
    statistic = patient_risk.joint_statistic(scores, found, index, weight)
    half = index < index[records // 2]
    steps = {
        "scores.sum(0)": lambda: scores.sum(0),
        "record risk": lambda: record(scores, members, index),
        "rank AUC of records": lambda: record_risk.rank_auc(scores, members, index),
        "normality of records": lambda: record_risk.share_not_normal(found),
        "joint statistic of patients": lambda: patient_risk.joint_statistic(
            scores, found, index, patient_risk.joint_weights(scores, found, index)
        ),
        "patient risk, joint": lambda: record(statistic, members),
        "noise floor, joint": lambda: floor.draw_noise_floor(statistic, rounds, seed),
        "mean and maximum, jackknife and floors": lambda: patient_risk.summarise_records(
            scores, members, index, auc, rounds, seed
        ),
        "assess, the whole": lambda: risk.assess_risk(
            scores, members, index, draws=draws, seed=seed
        ),
        "assess, half the records": lambda: risk.assess_risk(
            scores[:, half],
            members[:, : index[half].max() + 1],
            index[half],
            None,
            seed,
            draws // 2,
        ),
        "assess, half the targets": lambda: risk.assess_risk(
            scores[: targets // 4 * 2], members[: targets // 4 * 2], index, None, seed, draws
        ),
    }
    rows = []
    for step, run in steps.items():
        seconds, held = timed(run, 1 if step.startswith("assess") else repeats)
        rows.append(
            {
                "step": step,
                "seconds": min(seconds),
                "multiple": min(seconds) / (rows[0]["seconds"] if rows else min(seconds)),
                "memory": 1 + held / scores.nbytes,
            }
        )
    return pd.DataFrame(rows)
