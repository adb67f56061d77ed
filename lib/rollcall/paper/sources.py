"""Where the published attacks get a run's scores from: its logits, or scores that were given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rollcall.data.cohort import Cohort
from rollcall.paper import reproduce
from rollcall.runs.run import Run

# (target, records) -> what LiRA takes (n, views), and what RMIA compares (n,)
ScoresOf = Callable[[int, slice], tuple[np.ndarray, np.ndarray]]


def read_given_scores(run: Run) -> ScoresOf:
    """Return a function that reads scores which were given, not trained.

    LiRA takes their sum over labels; RMIA the likelihood of all labels together.
    """
    scores = run.scores()
    scores = scores if scores.ndim == 3 else scores[..., None]

    def read(target: int, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        values = scores[target, rows].astype(np.float64)
        return values.sum(1, keepdims=True), np.exp(-np.logaddexp(0, -values).sum(1))

    return read


def score_as_published(run: Run, cohort: Cohort) -> ScoresOf:
    """Return a function that computes the published scores and confidences from a run's logits."""
    logits = [run.logits(target) for target in range(run.targets)]
    y = reproduce.encode_positives(
        cohort.labels, cohort.task, cohort.outputs, cohort.classes[0] == "No Finding"
    )

    def score(target: int, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        p = reproduce.compute_probabilities(logits[target][rows], cohort.task)
        return (
            reproduce.score_records(p, y[rows]),
            reproduce.compute_confidence(p, y[rows], cohort.task),
        )

    return score
