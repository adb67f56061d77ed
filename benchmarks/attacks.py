"""How fast the attacks are: each one's time in passes of addition over the scores, its memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from benchmarks import time_calls
from rollcall import attacks
from rollcall.stats.members import draw_members

FEATURES = 20  # known of each record, for the blind baseline


def table(
    targets: int = 200,
    records: int = 200_000,
    patients: int = 60_000,
    repeats: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Time every attack on simulated scores, float32 (targets, records) of patients at random.

    step      name. The last rows are LiRA and RMIA with half and a quarter of the records, and of
              the targets: time grows linearly in both.
    targets, records   of the scores
    seconds   median of `repeats`; of 1 for what takes long
    multiple  of scores.sum(0) in the same run
    memory    the most that is held at once, scores included, as a multiple of the scores
    """
    rng = np.random.default_rng(seed)
    extra = rng.integers(0, patients, records - patients)
    index = np.sort(np.concatenate([np.arange(patients), extra]))
    members = draw_members(targets, patients, seed)
    record_members = members[:, index]
    scores = rng.standard_normal((targets, records), np.float32)
    scores += 0.3 * record_members
    features = rng.standard_normal((records, FEATURES), np.float32)
    lira_scores = attacks.run_lira(scores, record_members)
    rows: list[dict] = []

    def measure(
        step: str, run: Callable, values: np.ndarray = scores, times: int = repeats
    ) -> None:
        times_taken, peak = time_calls(run, times)
        seconds = float(np.median(times_taken))
        rows.append(
            {
                "step": step,
                "targets": values.shape[0],
                "records": values.shape[1],
                "seconds": seconds,
                "multiple": seconds / (rows[0]["seconds"] if rows else seconds),
                "memory": 1 + peak / values.nbytes,
            }
        )

    lira = partial(attacks.run_lira, scores, record_members)
    rmia = partial(attacks.run_rmia, scores, record_members)
    measure("scores.sum(0)", lambda: scores.sum(0))
    measure("LiRA online, all targets", lira)
    measure("LiRA offline, all targets", partial(lira, online=False))
    measure("RMIA online, ten targets", partial(rmia, targets=np.arange(10)))
    measure("RMIA online, all targets", rmia)
    measure("RMIA offline, all targets, a tuned", partial(rmia, online=False), times=1)
    measure(
        "blind baseline, all targets",
        lambda: attacks.run_blind(features, record_members, index),
        times=1,
    )
    measure(
        "tables of one attack",
        lambda: attacks.evaluate({("LiRA", "online"): lambda: lira_scores}, members, index),
        times=1,
    )
    measure(
        "all attacks with their tables",
        lambda: attacks.run_all(scores, members, index, features),
        times=1,
    )
    for share in (1, 2, 4):
        few_records = np.ascontiguousarray(scores[:, : records // share])
        their_members = np.ascontiguousarray(record_members[:, : records // share])
        count = targets // share // 2 * 2
        few_targets = scores[:count], record_members[:count]
        for name, attack in (("LiRA online", attacks.run_lira), ("RMIA online", attacks.run_rmia)):
            measure(
                f"{name}, 1/{share} of the records",
                partial(attack, few_records, their_members),
                few_records,
            )
            measure(
                f"{name}, 1/{share} of the targets", partial(attack, *few_targets), few_targets[0]
            )
    return pd.DataFrame(rows)
