"""Lesson 4: what the average hides."""

from __future__ import annotations

import numpy as np

from rollcall.report.lessons.checking import Task


def make_tasks() -> dict[str, Task]:
    """Return the tasks by name."""
    floor = np.round(np.random.default_rng(4).normal(0.5, 0.05, 199), 2)
    cases = ((0.58, floor), (0.9, floor), (0.5, floor))
    return {
        "p_value": Task(
            lambda value, floor: ((floor >= value).sum() + 1) / (len(floor) + 1),
            {
                "inverted": lambda value, floor: ((floor <= value).sum() + 1) / (len(floor) + 1),
                "zero": lambda value, floor: (floor >= value).mean(),
                "strict": lambda value, floor: ((floor > value).sum() + 1) / (len(floor) + 1),
                "two_sided": lambda value, floor: (
                    ((abs(floor - 0.5) >= abs(value - 0.5)).sum() + 1) / (len(floor) + 1)
                ),
            },
            cases,
        ),
        "none": Task(
            1 - 0.05 ** (1 / 80),
            {"zero": 0.0, "one": 1 / 80, "five": 0.05, "complement": 0.05 ** (1 / 80)},
            tolerance=0.03,  # 3/80 is right
        ),
    }
