"""Lesson 7, the bug hunt: five audits with an error each."""

from __future__ import annotations

import numpy as np

from rollcall.report.lessons.checking import Task
from rollcall.report.lessons.clinic.patients import open_clinic
from rollcall.stats.metrics import auc


def make_tasks() -> dict[str, Task]:
    """Return the tasks by name."""
    rng = np.random.default_rng(7)
    scores = tuple((score, 1.0, 2.0) for score in (3.0, -1.0, 0.5))
    aucs, films = rng.normal(0.5, 0.1, 50), rng.integers(1, 6, 40)
    alarms = rng.binomial(films, np.where(rng.random(40) < 0.2, 0.9, 0.05))
    brightness = open_clinic().films.mean((1, 2))
    dark = np.concatenate([-brightness[:1000], -brightness[1000:2000] - 12])
    blind = auc(dark, np.arange(2000) < 1000)
    one_line = ((dark > np.median(dark)) == (np.arange(2000) < 1000)).mean()
    return {
        "inverted": Task(
            lambda score, mean, sd: (score - mean) / sd,
            {
                "same": lambda score, mean, sd: (mean - score) / sd,
                "absolute": lambda score, mean, sd: abs(score - mean) / sd,
                "not_scaled": lambda score, mean, sd: score - mean,
            },
            scores,
        ),
        "clipped": Task(
            lambda aucs: aucs.mean(),
            {
                "turned": lambda aucs: np.maximum(aucs, 1 - aucs).mean(),
                "dropped": lambda aucs: aucs[aucs > 0.5].mean(),
                "floored": lambda aucs: np.maximum(aucs, 0.5).mean(),
            },
            ((aucs,),),
        ),
        "maximum": Task(
            lambda films: films.sum(),
            {
                "maximum": lambda films: films.max(),
                "mean": lambda films: films.mean(),
                "first": lambda films: films[0],
            },
            ((np.array([0.5, 2.0, -1.0, 0.3]),), (np.array([-0.5, 0.1]),)),
        ),
        "units": Task(
            _by_patient,
            {
                "films": lambda alarms, films: _of_share(alarms, films, films.sum()),
                "patients": lambda alarms, films: _of_share(alarms, films, len(films)),
                "no_root": lambda alarms, films: _by_patient(alarms, films) ** 2,
            },
            ((alarms, films),),
        ),
        "blind": Task(
            blind,
            {"inverted": 1 - blind, "one_line": one_line, "hoped": 0.5},
            tolerance=0.005,
        ),
    }


def _by_patient(alarms: np.ndarray, films: np.ndarray) -> float:
    share = alarms.sum() / films.sum()
    return np.sqrt(((alarms - share * films) ** 2).sum()) / films.sum()


def _of_share(alarms: np.ndarray, films: np.ndarray, n: int) -> float:
    share = alarms.sum() / films.sum()
    return np.sqrt(share * (1 - share) / n)
