"""Lesson 6: what helps."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from rollcall.report.lessons.checking import Task


def make_tasks() -> dict[str, Task]:
    """Return the tasks by name."""
    rng = np.random.default_rng(6)
    long, short = rng.normal(1, 1, (4, 5)), rng.normal(0, 0.05, (3, 5))
    return {
        "clip": Task(
            lambda films, most: _shorten(films.sum(axis=0), most),
            {
                "record": lambda films, most: sum(_shorten(film, most) for film in films),
                "numbers": lambda films, most: np.clip(films.sum(axis=0), -most, most),
                "always": lambda films, most: _stretch(films.sum(axis=0), most),
                "mean": lambda films, most: _shorten(films.mean(axis=0), most),
            },
            ((long, 1.4), (short, 1.4), (long[:1], 1.4)),
        ),
        "ceiling": Task(
            lambda noise, films: ndtr(films / noise / 2**0.5),
            {
                "record": lambda noise, films: ndtr(1 / noise / 2**0.5),
                "root": lambda noise, films: ndtr((films / 2) ** 0.5 / noise),
                "apart": lambda noise, films: ndtr(films / noise),
                "inverted": lambda noise, films: ndtr(noise / films / 2**0.5),
            },
            ((1.39, 4), (0.5, 1), (3.7, 6)),
        ),
    }


def _stretch(part: np.ndarray, most: float) -> np.ndarray:
    return part * most / np.linalg.norm(part)


def _shorten(part: np.ndarray, most: float) -> np.ndarray:
    return part * min(1, most / np.linalg.norm(part))
