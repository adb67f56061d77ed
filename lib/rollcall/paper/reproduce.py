"""The published scores, attacks and tables from the logits of a run, to set beside this kit's: same models, the paper's formulas.

Knolle et al., Nature 656, 192-198 (2026), doi:10.1038/s41586-026-10688-0, and its public code. What is doubtful in them (a softmax over the
logits of independent sigmoids, a binary score that saturates and RMIA turned round for negative records, clipping, the maximum over records,
views averaged after the statistics, records as units) is kept here, and only here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, softmax
from scipy.stats import trim_mean

from rollcall.attacks.evaluation import ROC_FPRS
from rollcall.paper import panel
from rollcall.stats import metrics
from rollcall.stats.members import check_paired
from rollcall.stats.moments import compute_moments, split_in_out
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks

EPS = float(np.float32(1e-45))  # a float32 denormal: the smallest log is -103.28
HELD_OUT = 10  # targets that are attacked, the last ones; all others are their references
POPULATION = 500  # records that each record is compared with in RMIA
TRIM = 0.01  # share cut off at either end of RMIA's means
MODELS = (20, 50, 100, 200)  # numbers of models that standard errors are given for, half of them in
CHUNK = 8192  # records at a time
LEFT_OUT = (
    "other",
    "unknown",
    "other/unknown",
)  # values of an attribute that the panel leaves out, as missing ones


@dataclass(frozen=True)
class Reproduction:
    """What `reproduce_paper` gives. records: record, patient_id, auc, auc_se. patients: patient_id, records, auc_max, auc_mean. attacks: attack ("LiRA",
    "RMIA"), target, auc. roc: attack, fpr, tpr, tpr_sd. panel: as panel.compute_panel. errors: models, kind ("all", "top": the 1% of records of
    highest AUC), q05, q25, median, q75, q95 of the records' standard errors with so many models."""

    records: pd.DataFrame
    patients: pd.DataFrame
    attacks: pd.DataFrame
    roc: pd.DataFrame
    panel: pd.DataFrame | None
    errors: pd.DataFrame


def encode_positives(
    labels: np.ndarray, task: str, outputs: int, first: bool = False
) -> np.ndarray:
    """(n, outputs) 0/1 of labels (n,) or, multilabel, (n, outputs). first: a record without any positive label counts as one of the first,
    "No Finding" of the chest radiographs, though it was trained without."""
    if task == "multilabel":
        y = np.array(labels, np.int64)
        y[y.sum(1) == 0, 0] = first
        return y
    return (
        np.eye(outputs, dtype=np.int64)[labels]
        if task == "multiclass"
        else np.asarray(labels, np.int64)[:, None]
    )


def compute_probabilities(logits: np.ndarray, task: str) -> np.ndarray:
    """(n, V, outputs) float64 of logits (n, outputs) or (n, V, outputs): softmax for multiclass and multilabel; binary, expit."""
    z = np.asarray(logits, np.float64)
    z = z if z.ndim == 3 else z[:, None]
    return expit(z) if task == "binary" else softmax(z, axis=-1)


def score_records(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The published score of each record and view, (n, V) float32. p (n, V, outputs) of `compute_probabilities`, y (n, outputs) 0/1.

    Multiclass and multilabel: log sum_{y=1} p - log sum_{y=0} p; binary: +(log p + 103.28) for y = 1, -(log p + 103.28) for y = 0. 1e-45 is
    added inside every log.
    """
    yes, no = (
        (p * kind[:, None]).sum(-1) for kind in (y, 1 - y)
    )  # binary has one output: the sum is itself
    return (np.log(yes + EPS) - np.log(no + EPS)).astype(np.float32)


def compute_confidence(p: np.ndarray, y: np.ndarray, task: str) -> np.ndarray:
    """What RMIA compares, the mean over views, (n,) float64: p summed over the positive classes; binary: p, whatever the label."""
    return (p[..., 0] if task == "binary" else (p * y[:, None]).sum(-1)).mean(1)


def run_published_lira(scores: np.ndarray, had: np.ndarray, held_out: int = HELD_OUT) -> np.ndarray:
    """Online LiRA of the last `held_out` targets, whole pairs, (held_out, n): log N(s; in) - log N(s; out), averaged over views.

    scores (M, n, V), had (M, n). Means are medians of the references' scores, standard deviations population ones about the mean, 1e-12 added.
    """
    kinds = []
    for values in split_in_out(scores[:-held_out].astype(np.float64), had[:-held_out]):
        middle, sd = np.median(values, 0), values.std(0) + 1e-12
        s = scores[-held_out:].astype(np.float64)
        kinds.append(-0.5 * ((s - middle) / sd) ** 2 - np.log(sd))
    return (kinds[0] - kinds[1]).mean(-1)


def compute_ratios(
    p: np.ndarray, had: np.ndarray, held_out: int = HELD_OUT
) -> tuple[np.ndarray, np.ndarray]:
    """(p(x|t) / p(x), p(z|t) / p(z)) of each record as x and as z, (held_out, n) each; p (M, n) of `compute_confidence`. Online: p(x) is the mean of the
    trimmed means over in and over out references; p(z) that over out references. 1e-10 is added below."""
    inside, outside = (
        trim_mean(values, TRIM, axis=0) for values in split_in_out(p[:-held_out], had[:-held_out])
    )
    return p[-held_out:] / ((inside + outside) / 2 + 1e-10), p[-held_out:] / (outside + 1e-10)


def run_published_rmia(
    x: np.ndarray, z: np.ndarray, seed: int = 0, gamma: float = 1.0
) -> np.ndarray:
    """Share of 500 other records that each record outdoes by more than gamma, (T, n), from the ratios of `compute_ratios`.

    The 500 are drawn anew for each block of records, from 2,500 of the attacked records; the published code draws them for each record.
    """
    records = x.shape[1]
    rng = np.random.default_rng([seed, 9])
    pool = rng.permutation(records)[: min(records, 5 * POPULATION)]
    out = np.empty(x.shape)
    for start in range(0, records, CHUNK):
        c = np.arange(start, min(start + CHUNK, records))
        chosen = rng.permutation(pool)[:POPULATION]
        for target in range(len(x)):
            ladder = np.sort(z[target, chosen])
            beaten = np.searchsorted(ladder * gamma, x[target, c], side="left")  # strictly above
            own = np.isin(c, chosen)
            beaten = beaten - (own & (x[target, c] > gamma * z[target, c]))
            out[target, c] = beaten / (len(chosen) - own)
    return out


def reproduce_paper(
    part: Callable[[int, slice], tuple[np.ndarray, np.ndarray]],
    members: np.ndarray,
    patient_index: np.ndarray,
    patient_ids: np.ndarray,
    attributes: pd.DataFrame,
    seed: int = 0,
    progress=iter,
) -> Reproduction:
    """All of it. part(target, records) gives (scores (n, V), confidences (n,)) of some records under a target; members bool (M, P), paired;
    patient_index (N,); attributes (N rows) by record, may have no column.

    Runs of fewer than 28 targets hold out a quarter of the pairs and not 10 targets.
    """
    members, index = check_paired(members), np.asarray(patient_index)
    targets, records = len(members), len(index)
    if len(attributes) != records:
        raise InputError(
            f"{len(attributes)} rows of attributes and {records} records; expected one row per record"
        )
    held_out = HELD_OUT if targets >= 28 else 2 * max(1, targets // 8)
    half = [models // 2 for models in MODELS if models <= targets] or [targets // 2]
    rng = np.random.default_rng([seed, 10])
    subsets = [np.sort(rng.permutation(targets // 2)[:number]) for number in half]
    auc, few = np.empty(records), np.empty((len(half), records))
    attack, x, z = (np.empty((held_out, records)) for _ in range(3))
    for c in progress(make_blocks(records, CHUNK)):
        pieces = [part(target, c) for target in range(targets)]
        scores, p, had = (
            np.stack([piece[0] for piece in pieces]),
            np.stack([piece[1] for piece in pieces]),
            members[:, index[c]],
        )

        def of(rows, scores=scores, had=had):
            return panel.compute_record_auc(
                *(
                    compute_moments(scores[rows, :, view], had[rows])
                    for view in range(scores.shape[2])
                )
            )

        auc[c] = of(np.arange(targets))
        for number, pairs in enumerate(subsets):
            few[number, c] = of(np.sort(np.concatenate([2 * pairs, 2 * pairs + 1])))
        attack[:, c] = run_published_lira(scores, had, held_out)
        x[:, c], z[:, c] = compute_ratios(p, had, held_out)
    rows, curves = [], []
    for name, result in (("LiRA", attack), ("RMIA", run_published_rmia(x, z, seed))):
        who = [members[target, index] for target in range(targets - held_out, targets)]
        rows += [
            {"attack": name, "target": targets - held_out + row, "auc": metrics.auc(values, had)}
            for row, (values, had) in enumerate(zip(result, who))
        ]
        tpr = np.array(
            [metrics.tpr_at_fpr(values, had, ROC_FPRS) for values, had in zip(result, who)]
        )
        curves.append(
            pd.DataFrame(
                {"attack": name, "fpr": ROC_FPRS, "tpr": tpr.mean(0), "tpr_sd": tpr.std(0)}
            )
        )
    highest = np.full(len(patient_ids), -np.inf)
    np.maximum.at(highest, index, auc)
    count = np.bincount(index)
    patients = pd.DataFrame(
        {
            "patient_id": patient_ids,
            "records": count,
            "auc_max": highest,
            "auc_mean": np.bincount(index, auc) / count,
        }
    )
    table = pd.DataFrame(
        {
            "record": np.arange(records),
            "patient_id": np.asarray(patient_ids)[index],
            "auc": auc,
            "auc_se": panel.compute_standard_error(auc, targets // 2, targets // 2),
        }
    )
    return Reproduction(
        table,
        patients,
        pd.DataFrame(rows),
        pd.concat(curves, ignore_index=True),
        _panel(auc, attributes),
        _errors(few, half),
    )


def _panel(auc: np.ndarray, attributes: pd.DataFrame) -> pd.DataFrame | None:
    """The subgroup panel without other and unknown values; None where no attribute has a group that is large enough."""
    values = {
        column: [
            str(value)
            for value in attributes[column].astype("category").cat.categories
            if str(value).lower() not in LEFT_OUT
        ]
        for column in attributes
        if attributes[column].dtype != bool
    }
    try:
        return panel.compute_panel(auc, attributes, values=values)
    except InputError:
        return None


def _errors(auc: np.ndarray, half: list[int]) -> pd.DataFrame:
    rows = []
    for values, number in zip(auc, half):
        error = panel.compute_standard_error(values, number, number)
        for kind, chosen in (("all", error), ("top", error[values >= np.quantile(values, 0.99)])):
            quantiles = np.quantile(chosen, [0.05, 0.25, 0.5, 0.75, 0.95])
            rows.append(
                {"models": 2 * number, "kind": kind}
                | dict(zip(("q05", "q25", "median", "q75", "q95"), quantiles))
            )
    return pd.DataFrame(rows)
