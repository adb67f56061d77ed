"""Lesson 0: was she in?"""

from __future__ import annotations

import numpy as np

from rollcall.report.lessons.checking import Task
from rollcall.report.lessons.clinic.models import train
from rollcall.report.lessons.clinic.patients import open_clinic

ASKED = slice(116, 122)  # models of exercise 1


def make_tasks() -> dict[str, Task]:
    """Return the tasks by name."""
    clinic, (scores, members) = open_clinic(), train()
    film, hers = clinic.films_of(clinic.her)[0], members[:, clinic.her]
    twins, had = scores[:, clinic.films_of(clinic.twin)[0]], members[:, clinic.twin]
    says = twins > np.median(twins)
    return {
        "guess": Task(
            _words(hers[ASKED]),
            {
                "inverted": _words(~hers[ASKED]),
                "all_in": ["in"] * 6,
                "positive": _words(scores[ASKED, film] > 0),
            },
        ),
        "share": Task(
            (says == had).mean(),
            {
                "wrong_ones": (says != had).mean(),
                "alarms": says.mean(),
                "only_hits": (says & had).mean(),
                "hers": ((scores[:, film] > np.median(scores[:, film])) == hers).mean(),
            },
            tolerance=0.005,
        ),
    }


def _words(was_in: np.ndarray) -> list[str]:
    return ["in" if one else "out" for one in was_in]
