"""Lesson 5: who carries the risk."""

from __future__ import annotations

from rollcall.report.lessons.checking import Task


def make_tasks() -> dict[str, Task]:
    """Return the tasks by name."""
    x, y, mix = (18 / 20, 4 / 180), (40 / 50, 1 / 150), (70 / 400, 330 / 400)
    share_x, share_y = (one[0] * mix[0] + one[1] * mix[1] for one in (x, y))
    return {
        "simpson": Task(
            share_y / share_x,
            {"crude": 41 / 22, "inverted": share_x / share_y, "unweighted": sum(y) / sum(x)},
            tolerance=0.01,
        ),
        "hidden": Task(4, {"unknown": "unknown", "sum": 43, "forgotten": 15}),
    }
