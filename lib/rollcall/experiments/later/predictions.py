"""What targets say of every record: the loss on its outcome, and whether they misjudge it."""

from __future__ import annotations

import numpy as np

from rollcall.attacks.scores import exact_scores
from rollcall.data.cohort import Cohort
from rollcall.runs.run import Run


def read_predictions(run: Run, cohort: Cohort, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read (loss, wrong) of some records under every target, float32 and bool (2K, J).

    cells int: records, of each all labels follow each other. loss: -log of the probability of the
    outcome (of several labels, of each). wrong: as judge.
    """
    rows, members = np.unique(cells), run.members()
    losses, wrongs = [], []
    for target in range(run.targets):
        logits = np.asarray(run.logits(target))
        scores = exact_scores(logits, cohort.labels, cohort.task)[rows]
        losses.append(np.logaddexp(0, -scores.astype(np.float64)).astype(np.float32).ravel())
        unknown = ~members[target][cohort.patient_index]
        wrongs.append(judge(logits, cohort.labels, cohort.task, unknown)[rows].ravel())
    return np.stack(losses), np.stack(wrongs)


def judge(logits: np.ndarray, labels: np.ndarray, task: str, unknown: np.ndarray) -> np.ndarray:
    """Say which records a model misjudges, bool (N,) or (N, L), at the usual threshold.

    logits (N, outputs) or (N, views, outputs); unknown bool (N,): of patients whom the model never
    saw. Of several classes the likeliest is its judgement; else it says yes to as many of these
    records as have the label.
    """
    z = logits.mean(1) if logits.ndim == 3 else logits
    labels = np.asarray(labels)
    if task == "multiclass":
        return z.argmax(1) != labels
    columns = labels.reshape(z.shape)
    wrong = np.empty(z.shape, bool)
    for number, (values, column) in enumerate(zip(z.T, columns.T, strict=True)):
        limit = np.quantile(values[unknown], 1 - column[unknown].mean())
        wrong[:, number] = (values > limit) != (column == 1)
    return wrong.reshape(labels.shape)
