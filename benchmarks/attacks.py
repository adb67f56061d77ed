"""How fast the attacks are: each one's time as a multiple of one pass of addition over the scores, its memory, and its growth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks import timed
from rollcall import attacks
from rollcall.stats.members import draw_members

TEN = np.arange(10)


def table(
    targets: int = 200,
    records: int = 200_000,
    patients: int = 60_000,
    repeats: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """step, targets, records; seconds (median of `repeats`; of 1 for the whole); multiple of scores.sum(0) in the same run; memory, the most that is
    held at once, scores included, as a multiple of the scores. Simulated scores float32, 20 numbers known of each record for the blind baseline.

    The last rows are LiRA and RMIA with half and a quarter of the records, and of the targets: time grows linearly in both.
    """
    rng = np.random.default_rng(seed)
    index = np.sort(
        np.concatenate([np.arange(patients), rng.integers(0, patients, records - patients)])
    )
    members = draw_members(targets, patients, seed)
    had = members[:, index]
    scores = rng.standard_normal((targets, records), np.float32)
    scores += 0.3 * had
    known = rng.standard_normal((records, 20), np.float32)
    ready = attacks.run_lira(scores, had)
    rows: list[dict] = []

    def measure(step: str, run, of: np.ndarray, times: int = repeats) -> None:
        seconds, held = timed(run, times)
        taken = float(np.median(seconds))
        rows.append(
            {
                "step": step,
                "targets": of.shape[0],
                "records": of.shape[1],
                "seconds": taken,
                "multiple": taken / (rows[0]["seconds"] if rows else taken),
                "memory": 1 + held / of.nbytes,
            }
        )

    measure("scores.sum(0)", lambda: scores.sum(0), scores)
    measure("LiRA online, all targets", lambda: attacks.run_lira(scores, had), scores)
    measure(
        "LiRA offline, all targets", lambda: attacks.run_lira(scores, had, online=False), scores
    )
    measure("RMIA online, ten targets", lambda: attacks.run_rmia(scores, had, targets=TEN), scores)
    measure("RMIA online, all targets", lambda: attacks.run_rmia(scores, had), scores)
    measure(
        "RMIA offline, all targets, a tuned",
        lambda: attacks.run_rmia(scores, had, online=False),
        scores,
        1,
    )
    measure("blind baseline, all targets", lambda: attacks.run_blind(known, had, index), scores, 1)
    measure(
        "tables of one attack",
        lambda: attacks.evaluate({("LiRA", "online"): lambda: ready}, members, index),
        scores,
        1,
    )
    measure(
        "all attacks with their tables",
        lambda: attacks.run_all(scores, members, index, known),
        scores,
        1,
    )
    for share in (1, 2, 4):
        part, who = (
            np.ascontiguousarray(scores[:, : records // share]),
            np.ascontiguousarray(had[:, : records // share]),
        )
        fewer, whose = scores[: targets // share // 2 * 2], had[: targets // share // 2 * 2]
        for name, attack in (("LiRA online", attacks.run_lira), ("RMIA online", attacks.run_rmia)):
            measure(
                f"{name}, 1/{share} of the records",
                lambda attack=attack, part=part, who=who: attack(part, who),
                part,
            )
            measure(
                f"{name}, 1/{share} of the targets",
                lambda attack=attack, fewer=fewer, whose=whose: attack(fewer, whose),
                fewer,
            )
    return pd.DataFrame(rows)
