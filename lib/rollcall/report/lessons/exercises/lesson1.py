"""Lesson 1: what a model remembers."""

from __future__ import annotations

import numpy as np

from rollcall.report.lessons.checking import Task


def make_tasks() -> dict[str, Task]:
    """Return the tasks by name."""
    rng = np.random.default_rng(1)
    had_her = np.arange(24) % 8 < 3  # of unequal numbers: a mean over all is another one
    right = rng.random((24, 5)) < np.where(had_her[:, None], 0.8, [0.2, 0.4, 0.8, 0.9, 0.1])
    spread, wanted = 0.4, 0.02
    return {
        "influence": Task(
            lambda right, had_her: right[had_her].mean(0) - right[~had_her].mean(0),
            {
                "inverted": lambda right, had_her: right[~had_her].mean(0) - right[had_her].mean(0),
                "only_in": lambda right, had_her: right[had_her].mean(0),
                "against_all": lambda right, had_her: right[had_her].mean(0) - right.mean(0),
                "one_number": lambda right, had_her: right[had_her].mean() - right[~had_her].mean(),
                "over_films": lambda right, had_her: right.mean(1)[had_her] - right.mean(),
            },
            ((right, had_her),),
        ),
        "models": Task(
            2 * (spread / wanted) ** 2,
            {
                "one_mean": (spread / wanted) ** 2,
                "no_square": spread / wanted,
                "both_kinds": 4 * (spread / wanted) ** 2,
                "other_way": 2 * (wanted / spread) ** 2,
            },
            tolerance=0.01,
        ),
    }
