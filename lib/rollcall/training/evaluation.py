"""What comes out of a trained target: its logits on every record, and how well it does."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.special import softmax
from torch.func import functional_call

from rollcall.data.cohort import Cohort
from rollcall.stats import metrics
from rollcall.training import augmentation
from rollcall.training.batches import as_input

# that a prediction takes at once, at most: they bound its memory
RECORDS_AT_ONCE = 4096
INPUT_VALUES_AT_ONCE = {"cpu": 2**18, "cuda": 2**21}


@torch.no_grad()
def predict(
    network, parameters: dict, inputs: torch.Tensor, scale: float = 1.0, views=None
) -> np.ndarray:
    """Compute the logits of one model on every record: float32 (records, outputs).

    parameters: of the network, by name. scale: of the cohort. views: as augmentation.draw_views
    gives them, for (records, views, outputs).
    """

    def logits(batch):
        return functional_call(network, parameters, (batch,)).float()

    values_at_once = INPUT_VALUES_AT_ONCE[inputs.device.type]
    size = max(1, min(RECORDS_AT_ONCE, values_at_once // math.prod(inputs.shape[1:])))
    results = []
    for records in inputs.split(size):
        batch = as_input(records, scale)
        if batch.data_ptr() == records.data_ptr():  # a network may write into what it is given
            batch = batch.clone()
        if views is None:
            results.append(logits(batch).cpu())
        else:
            rendered = [
                logits(augmentation.apply(batch, view) if view else batch.clone()) for view in views
            ]
            results.append(torch.stack(rendered, 1).cpu())
    return torch.cat(results).numpy()


def measure_performance(
    cohort: Cohort, logits: np.ndarray, member: np.ndarray, test_logits: np.ndarray | None = None
) -> dict[str, float]:
    """Measure accuracy and AUROC on members, on non-members, and on the test set if there is one.

    logits (records, outputs), or (records, views, outputs), of which the first view counts; member:
    bool (records,): the patient is one; what is held back of members counts as neither.
    Keys: accuracy_members, auroc_members, accuracy_non_members, ...
    """
    logits = logits[:, 0] if logits.ndim == 3 else logits
    trained = member & cohort.trainable
    sets = {
        "members": (logits[trained], cohort.labels[trained]),
        "non_members": (logits[~member], cohort.labels[~member]),
    }
    if test_logits is not None and cohort.test is not None:
        sets["test"] = (test_logits, cohort.test.labels)
    result = {}
    for name, (z, y) in sets.items():
        result[f"accuracy_{name}"], result[f"auroc_{name}"] = _accuracy_auroc(z, y, cohort.task)
    return result


def _accuracy_auroc(z: np.ndarray, y: np.ndarray, task: str) -> tuple[float, float]:
    """Compute (accuracy, AUROC) of logits z (n, outputs) for labels y.

    Multiclass: the AUROC is the mean over classes of one against the rest. Multilabel: both are
    means over labels, the AUROC over those of which there are cases and controls.
    """
    if task == "multiclass":
        return float((z.argmax(1) == y).mean()), metrics.mean_auc(softmax(z, axis=1), y, task)
    accuracy = ((z > 0) == y.reshape(z.shape)).mean()
    return float(accuracy), metrics.mean_auc(z, y, task)
