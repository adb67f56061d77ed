"""Lesson 2: from confidence to a test."""

from __future__ import annotations

import numpy as np

from rollcall.report.lessons.checking import Task

CASES = ((0.06, 0.01, 0.001), (0.5, 0.1, 0.2), (0.9, 0.05, 0.5))


def make_tasks() -> dict[str, Task]:
    """Return the tasks by name."""
    rng = np.random.default_rng(2)
    scores = tuple((value, rng.normal(1, 2, 12)) for value in (3.0, -1.0, 0.2))
    return {
        "offline": Task(
            lambda score, out: (score - out.mean()) / out.std(ddof=1),
            {
                "inverted": lambda score, out: (out.mean() - score) / out.std(ddof=1),
                "not_scaled": lambda score, out: score - out.mean(),
                "variance": lambda score, out: (score - out.mean()) / out.var(ddof=1),
                "population": lambda score, out: (score - out.mean()) / out.std(),
            },
            scores,
        ),
        "precision": Task(
            lambda hit, false, members: hit * members / (hit * members + false * (1 - members)),
            {
                "no_prior": lambda hit, false, members: hit / (hit + false),
                "hit_rate": lambda hit, false, members: hit,
                "specificity": lambda hit, false, members: 1 - false,
                "forgot_others": lambda hit, false, members: (
                    hit * members / (hit * members + false)
                ),
            },
            CASES,
        ),
    }
