"""What comes out of a trained target: its logits on every record, and how well it does on members, non-members and a test set."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.special import softmax
from torch.func import functional_call

from rollcall.data.cohort import Cohort
from rollcall.stats import metrics
from rollcall.training import augmentation as augment
from rollcall.training.batches import as_input

EVAL_BATCH, EVAL_VALUES = (
    4096,
    {"cpu": 2**18, "cuda": 2**21},
)  # records, input values that a prediction takes at once: bounds its memory


@torch.no_grad()
def predict(
    network, parameters: dict, inputs: torch.Tensor, scale: float = 1.0, views=None
) -> np.ndarray:
    """Logits of one model on every record, (records, outputs) float32; with `views` (as augment.views gives them) (records, views, outputs)."""

    def logits(batch):
        return functional_call(network, parameters, (batch,)).float()

    parts = []
    for part in inputs.split(
        max(1, min(EVAL_BATCH, EVAL_VALUES[inputs.device.type] // math.prod(inputs.shape[1:])))
    ):
        batch = as_input(part, scale)
        parts.append(
            (
                logits(batch)
                if views is None
                else torch.stack([logits(augment.apply(batch, view)) for view in views], 1)
            ).cpu()
        )
    return torch.cat(parts).numpy()


def performance(
    cohort: Cohort, logits: np.ndarray, member: np.ndarray, test_logits: np.ndarray | None = None
) -> dict:
    """Accuracy and AUROC on the members' and the non-members' records, and on the test set if there is one. Of several views, the first."""
    logits = logits[:, 0] if logits.ndim == 3 else logits
    parts = {
        "members": (logits[member], cohort.labels[member]),
        "non_members": (logits[~member], cohort.labels[~member]),
    }
    if test_logits is not None:
        parts["test"] = (test_logits, cohort.test.labels)
    result = {}
    for name, (z, y) in parts.items():
        result[f"accuracy_{name}"], result[f"auroc_{name}"] = _accuracy_auroc(z, y, cohort.task)
    return result


def _accuracy_auroc(z: np.ndarray, y: np.ndarray, task: str) -> tuple[float, float]:
    """Multiclass: AUROC is the mean of one against the rest. Multilabel: both are means over labels, the AUROC over those that occur and miss."""
    if task == "multiclass":
        p = softmax(z, axis=1)
        accuracy, aurocs = (
            (z.argmax(1) == y).mean(),
            [metrics.auc(p[:, k], y == k) for k in range(z.shape[1])],
        )
    else:
        y = y.reshape(z.shape)
        accuracy, aurocs = (
            ((z > 0) == y).mean(),
            [metrics.auc(z[:, k], y[:, k] == 1) for k in range(z.shape[1])],
        )
    known = [area for area in aurocs if not np.isnan(area)]
    return float(accuracy), float(np.mean(known)) if known else float("nan")
