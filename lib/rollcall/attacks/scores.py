"""Membership scores of records: how well a model fits a record's own label.

Higher = more like a member. These are what every audit uses; the published ones, for comparison,
are in `rollcall.paper`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from rollcall.util.errors import InputError

if TYPE_CHECKING:  # whoever has a run and a cohort has imported both
    from rollcall.data.cohort import Cohort
    from rollcall.runs.run import Run

LOG_ODDS = "log odds"  # what run.json calls scores of which a target holds these, and no logits


def exact_scores(logits: np.ndarray, labels: np.ndarray, task: str) -> np.ndarray:
    """Compute log p(label) - log(1 - p(label)) from logits, without ever forming p.

    logits (records, outputs), or (records, views, outputs), whose scores are averaged over the
    views before anything else. labels (records,) int, multilabel (records, labels) 0/1.
    Returns (records,) float32; multilabel (records, labels), one score for each label.
    Multiclass: z_y - logsumexp of the others; binary: (2y - 1) z; multilabel: (2y - 1) z of each
    label, its log odds, since a network of independent sigmoids was trained: an attack takes them
    together. InputError if the task is another.
    Source: Carlini et al., Membership Inference Attacks From First Principles, 2022, section V-A
    (logit scaling).
    """
    if np.ndim(logits) == 3:
        views = [exact_scores(logits[:, view], labels, task) for view in range(np.shape(logits)[1])]
        return np.mean(views, axis=0, dtype=np.float64).astype(np.float32)
    z, labels = np.asarray(logits, np.float64), np.asarray(labels, np.int64)
    if task == "binary":
        return ((2 * labels - 1) * z[:, 0]).astype(np.float32)
    if task == "multilabel":
        return ((2 * labels - 1) * z).astype(np.float32)
    if task == "multiclass":
        rows = np.arange(len(z))
        others = z.copy()
        others[rows, labels] = -np.inf
        return (z[rows, labels] - logsumexp(others, axis=1)).astype(np.float32)
    raise InputError(f"task {task!r}: expected multiclass, binary or multilabel")


def score_run(run: Run, cohort: Cohort) -> np.ndarray:
    """Score every record under every target of a run, one target's logits at a time.

    Returns float32 (targets, records), multilabel (targets, records, labels).
    InputError if the run is of another cohort.
    """
    fingerprint = run.config["fingerprint"]
    if not cohort.has_fingerprint(fingerprint):
        raise InputError(
            f"{run.path}: this run is of another cohort (fingerprint {fingerprint[:12]}, "
            f"yours {cohort.fingerprint[:12]})"
        )
    labels = cohort.labels.shape[1:] if cohort.task == "multilabel" else ()
    scores = np.empty((run.targets, len(cohort), *labels), np.float32)
    for target in range(run.targets):
        values = run.logits(target)
        stored = run.config.get("scores") == LOG_ODDS
        scores[target] = values if stored else exact_scores(values, cohort.labels, cohort.task)
    return scores


def score_records(run: Run, cohort: Cohort, records: np.ndarray) -> np.ndarray:
    """Score some records under every target, without reading the others.

    records int (n,). Returns float32 (targets, n), multilabel (targets, n, labels).
    """
    from rollcall.runs.external import COHORT_NAME

    if cohort.name == COHORT_NAME:
        return np.array(run.scores()[:, records], np.float32)
    stored, rows = run.config.get("scores") == LOG_ODDS, []
    for target in range(run.targets):
        values = run.logits(target)[records]
        rows.append(values if stored else exact_scores(values, cohort.labels[records], cohort.task))
    return np.array(rows, np.float32)
