"""What an answer is worth: right, one of the known mistakes, or something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TOLERANCE = 1e-6  # of a computed answer, relative


@dataclass(frozen=True)
class Task:
    """An exercise: its right answer, and the wrong ones that name a misconception.

    truth and mistakes are values, or functions where the answer is a function, which is called with
    each tuple of `cases`. tolerance: relative, of numbers.
    """

    truth: Any
    mistakes: Mapping[str, Any] = field(default_factory=dict)
    cases: tuple[tuple, ...] = ()
    tolerance: float = TOLERANCE


def judge(task: Task, answer: Any) -> tuple[str, str]:
    """Judge an answer: ("right", ""), ("mistake", its name), ("other", what came) or ("open", "").

    An answer that still is, or returns, the stub `...` is open. Whatever a function raises is told.
    """
    if isinstance(answer, str):
        answer = answer.strip()
    try:
        given = _evaluate(answer, task.cases)
    except Exception as error:
        return "other", f"your function stops with {type(error).__name__}: {error}"
    if any(value is ... or value is None for value in given):
        return "open", ""
    if _equal(given, _evaluate(task.truth, task.cases), task.tolerance):
        return "right", ""
    for name, mistake in task.mistakes.items():
        if _equal(given, _evaluate(mistake, task.cases), task.tolerance):
            return "mistake", name
    return "other", f"it gives {_shorten(given[0])}"


def _evaluate(answer: Any, cases: tuple[tuple, ...]) -> list:
    """Return an answer's values: itself, or what the function gives for each case."""
    if isinstance(answer, Callable):
        return [answer(*case) for case in cases]
    return [answer]


def _equal(given: list, wanted: list, tolerance: float) -> bool:
    return len(given) == len(wanted) and all(
        _alike(one, other, tolerance) for one, other in zip(given, wanted, strict=True)
    )


def _alike(one: Any, other: Any, tolerance: float) -> bool:
    try:
        a, b = np.asarray(one), np.asarray(other)
    except ValueError:  # of lists of uneven lengths
        return False
    if a.shape != b.shape:
        return False
    if a.dtype.kind in "biuf" and b.dtype.kind in "biuf":
        return bool(np.allclose(a.astype(float), b.astype(float), rtol=tolerance, atol=1e-12))
    return a.dtype.kind == b.dtype.kind and bool((a == b).all())


def _shorten(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float | np.floating) else repr(value)
    return text if len(text) < 60 else text[:57] + "..."
