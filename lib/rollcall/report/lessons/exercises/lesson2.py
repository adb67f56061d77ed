"""Lesson 2: from confidence to a test."""

from __future__ import annotations

import numpy as np

from rollcall.report.lessons.checking import Task


def make_tasks() -> dict[str, Task]:
    """Return the tasks by name."""
    rng = np.random.default_rng(2)
    scores = tuple((value, rng.normal(1, 2, 12)) for value in (3.0, -1.0, 0.2))
    right, false = 0.5 * 0.01, 0.02 * 0.99  # of all those looked at
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
            right / (right + false),
            {
                "no_prior": 0.5 / (0.5 + 0.02),
                "hit_rate": 0.5,
                "specificity": 0.98,
                "odds": right / false,
            },
            tolerance=0.01,
        ),
    }
