"""Lesson 3: LiRA and RMIA by hand."""

from __future__ import annotations

import numpy as np

from rollcall.report.lessons.checking import Task


def make_tasks() -> dict[str, Task]:
    """Return the tasks by name."""
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(12, 5)) * [1, 2, 1, 3, 1] + np.arange(5)
    kind = rng.random((12, 5)) < 0.5
    kind[:2] = True
    others = np.round(rng.normal(1, 0.2, 40), 1)
    return {
        "pooled": Task(
            lambda s, kind: _squares(s, kind).sum() / (kind.sum(0) - 1).sum(),
            {
                "mean_of_all": lambda s, kind: s[kind].var(ddof=kind.shape[1]),
                "mean_of_variances": lambda s, kind: (
                    _squares(s, kind).sum(0) / (kind.sum(0) - 1)
                ).mean(),
                "all_models": lambda s, kind: s.var(axis=0, ddof=1).mean(),
                "population": lambda s, kind: _squares(s, kind).sum() / kind.sum(),
            },
            ((scores, kind),),
        ),
        "outdone": Task(
            lambda ratio, others: (others <= ratio).mean(),
            {
                "inverted": lambda ratio, others: (others > ratio).mean(),
                "strict": lambda ratio, others: (others < ratio).mean(),
                "count": lambda ratio, others: (others <= ratio).sum(),
            },
            ((1.1, others), (0.8, others)),
        ),
    }


def _squares(s: np.ndarray, kind: np.ndarray) -> np.ndarray:
    mean = np.where(kind, s, 0).sum(0) / kind.sum(0)
    return np.where(kind, (s - mean) ** 2, 0)
