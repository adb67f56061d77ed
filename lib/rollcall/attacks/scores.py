"""Membership scores of records: how well a model fits a record's own label. Higher = more like a member.

The `exact_scores` family, what every audit uses. The published family, for comparison, is in `paper`.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from rollcall.data.cohort import Cohort
from rollcall.runs.run import Run
from rollcall.util.errors import InputError


def exact_scores(logits: np.ndarray, labels: np.ndarray, task: str) -> np.ndarray:
    """log p(label) - log(1 - p(label)), from logits and without ever forming p. (records,) float32; multilabel: (records, labels), one for each label.

    logits (records, outputs), or (records, views, outputs), whose scores are averaged over the views before anything else; labels
    (records,) int, multilabel (records, labels) 0/1. Multiclass: z_y - logsumexp of the others; binary: (2y - 1) z; multilabel: (2y - 1) z of
    each label, its log odds, since a network of independent sigmoids was trained: an attack takes them together.
    Source: Carlini et al., Membership Inference Attacks From First Principles, 2022, section V-A (logit scaling).
    """
    if np.ndim(logits) == 3:
        return np.mean(
            [exact_scores(logits[:, view], labels, task) for view in range(np.shape(logits)[1])],
            axis=0,
            dtype=np.float64,
        ).astype(np.float32)
    z, labels = np.asarray(logits, np.float64), np.asarray(labels, np.int64)
    if task == "binary":
        return ((2 * labels - 1) * z[:, 0]).astype(np.float32)
    if task == "multilabel":
        return ((2 * labels - 1) * z).astype(np.float32)
    if task == "multiclass":
        rows = np.arange(len(z))
        own = z[rows, labels]
        others = z.copy()
        others[rows, labels] = -np.inf
        return (own - logsumexp(others, axis=1)).astype(np.float32)
    raise InputError(f"task {task!r}: expected multiclass, binary or multilabel")


def score_run(run: Run, cohort: Cohort) -> np.ndarray:
    """The scores of every record under every target of a run, float32 (targets, records), multilabel (targets, records, labels). One target's
    logits at a time."""
    if cohort.fingerprint != run.config["fingerprint"]:
        raise InputError(
            f"{run.path}: this run is of another cohort (fingerprint {run.config['fingerprint'][:12]}, yours {cohort.fingerprint[:12]})"
        )
    labels = cohort.labels.shape[1:] if cohort.task == "multilabel" else ()
    scores = np.empty((run.targets, len(cohort), *labels), np.float32)
    for target in range(run.targets):
        scores[target] = exact_scores(run.logits(target), cohort.labels, cohort.task)
    return scores
