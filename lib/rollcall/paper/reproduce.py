"""The published scores, attacks and tables from the logits of a run, to set beside this kit's.

Same models, the paper's formulas: Knolle et al., Nature 656, 192-198 (2026),
doi:10.1038/s41586-026-10688-0, and its public code. What is doubtful in them is kept here, and only
here: a softmax over the logits of independent sigmoids, a binary score that saturates, RMIA turned
round for negative records, clipping, the maximum over records, views averaged after the statistics,
records as units. docs/deviations.md says for each what Rollcall does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, softmax

from rollcall.attacks.evaluation import ROC_FPRS
from rollcall.data.groups import iterate_groups
from rollcall.paper.panel import compute_panel, compute_record_auc, compute_standard_error
from rollcall.paper.published_rmia import (
    TARGETS_HELD_OUT,
    compute_ratios,
    draw_pool,
    run_published_rmia,
)
from rollcall.stats import metrics
from rollcall.stats.members import check_paired
from rollcall.stats.moments import compute_moments, split_in_out
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks, map_blocks

SMALLEST_P = float(np.float32(1e-45))  # a float32 denormal: the smallest log is -103.28
MIN_TARGETS_FOR_TEN = 28  # with fewer, a quarter of the pairs is held out
MODELS = (20, 50, 100, 200)  # that standard errors are published for, half of them in
RECORDS_PER_BLOCK = 8192
VALUES_LEFT_OUT = ("other", "unknown", "other/unknown")  # of an attribute, by the panel

# (target, records) -> (scores (n, V), which LiRA takes; confidences (n,), which RMIA compares)
ScoreBlock = Callable[[int, slice], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Reproduction:
    """Hold the tables that `reproduce_paper` makes.

    records    record, patient_id, auc, auc_se
    patients   patient_id, records, auc_max, auc_mean
    attacks    attack ("LiRA", "RMIA"), target, auc
    roc        attack, fpr, tpr, tpr_sd
    panel      as panel.compute_panel; None where no attribute has a group that is large enough
    errors     models; kind ("all", "top": the 1% of records of highest AUC); q05, q25, median, q75,
               q95 of the records' standard errors with so many models
    """

    records: pd.DataFrame
    patients: pd.DataFrame
    attacks: pd.DataFrame
    roc: pd.DataFrame
    panel: pd.DataFrame | None
    errors: pd.DataFrame


def encode_positives(
    labels: np.ndarray, task: str, outputs: int, first: bool = False
) -> np.ndarray:
    """Encode labels (n,) or, multilabel, (n, outputs) as 0/1. (n, outputs).

    first: a record without any positive label counts as one of the first, "No Finding" of the
    chest radiographs, though it was trained without.
    """
    if task == "multilabel":
        y = np.array(labels, np.int64)
        y[y.sum(1) == 0, 0] = first
        return y
    if task == "multiclass":
        return np.eye(outputs, dtype=np.int64)[labels]
    return np.asarray(labels, np.int64)[:, None]


def compute_probabilities(logits: np.ndarray, task: str) -> np.ndarray:
    """Turn logits (n, outputs) or (n, V, outputs) into (n, V, outputs) float64.

    Softmax for multiclass and multilabel; binary, expit.
    """
    z = np.asarray(logits, np.float64)
    z = z if z.ndim == 3 else z[:, None]
    return expit(z) if task == "binary" else softmax(z, axis=-1)


def score_records(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute the published score of each record and view. (n, V) float32.

    p (n, V, outputs) of `compute_probabilities`, y (n, outputs) 0/1. Multiclass and multilabel:
    log sum_{y=1} p - log sum_{y=0} p; binary, where one of the sums is empty: +(log p + 103.28) for
    y = 1, -(log p + 103.28) for y = 0. 1e-45 is added inside every log.
    """
    positive, negative = ((p * kind[:, None]).sum(-1) for kind in (y, 1 - y))
    return (np.log(positive + SMALLEST_P) - np.log(negative + SMALLEST_P)).astype(np.float32)


def compute_confidence(p: np.ndarray, y: np.ndarray, task: str) -> np.ndarray:
    """Compute what RMIA compares, the mean over views. (n,) float64.

    p summed over the positive classes; binary: p, whatever the label.
    """
    return (p[..., 0] if task == "binary" else (p * y[:, None]).sum(-1)).mean(1)


def run_published_lira(
    scores: np.ndarray, members: np.ndarray, held_out: int = TARGETS_HELD_OUT
) -> np.ndarray:
    """Attack the last `held_out` targets, whole pairs, by online LiRA. (held_out, n).

    log N(s; in) - log N(s; out), averaged over views. scores (M, n, V), members (M, n). Means are
    medians of the references' scores; standard deviations population ones about the mean, to which
    1e-12 is added.
    """
    densities = []
    for values in split_in_out(scores[:-held_out].astype(np.float64), members[:-held_out]):
        median, sd = np.median(values, 0), values.std(0) + 1e-12
        s = scores[-held_out:].astype(np.float64)
        densities.append(-0.5 * ((s - median) / sd) ** 2 - np.log(sd))
    return (densities[0] - densities[1]).mean(-1)


def reproduce_paper(
    score_block: ScoreBlock,
    members: np.ndarray,
    patient_index: np.ndarray,
    patient_ids: np.ndarray,
    attributes: pd.DataFrame,
    seed: int = 0,
    progress=iter,
    values: dict[str, list[str]] | None = None,
) -> Reproduction:
    """Compute all of it, a block of records under all targets at a time.

    members bool (M, P), paired; patient_index (N,); patient_ids (P,); attributes (N rows), maybe
    without a column; values: those of an attribute that the panel has, at most. Of fewer than 28
    targets a quarter of the pairs is held out, not 10 targets. score_block is called by several
    threads. InputError if members are not paired, or attributes have not a row per record.
    """
    members, index = check_paired(members), np.asarray(patient_index)
    targets, records = len(members), len(index)
    if len(attributes) != records:
        raise InputError(f"{len(attributes)} rows of attributes and {records} records, not as many")
    held_out = TARGETS_HELD_OUT if targets >= MIN_TARGETS_FOR_TEN else 2 * max(1, targets // 8)
    halves = choose_sizes(targets)
    rng = np.random.default_rng([seed, 10])
    pairs = [np.sort(rng.permutation(targets // 2)[:half]) for half in halves]
    subsets = [(2 * chosen[:, None] + [0, 1]).ravel() for chosen in pairs]  # both of a pair
    auc, auc_of_subset = np.empty(records), np.empty((len(halves), records))
    lira, x, pool = *np.empty((2, held_out, records)), draw_pool(records, seed)
    z = np.empty((held_out, len(pool)))

    def work(blocks: list[slice]) -> None:
        for block in blocks:
            outputs = [score_block(target, block) for target in range(targets)]
            scores, p = (np.stack(each) for each in zip(*outputs, strict=True))
            in_target = members[:, index[block]]
            auc[block] = _record_auc(scores, in_target)
            for row, chosen in enumerate(subsets):
                auc_of_subset[row, block] = _record_auc(scores[chosen], in_target[chosen])
            lira[:, block] = run_published_lira(scores, in_target, held_out)
            x[:, block], of_block = compute_ratios(p, in_target, held_out)
            first, last = np.searchsorted(pool, (block.start, block.stop))
            z[:, first:last] = of_block[:, pool[first:last] - block.start]

    map_blocks(work, make_blocks(records, RECORDS_PER_BLOCK), progress)
    attacks, roc = _attack_tables(lira, run_published_rmia(x, z, seed), members, index)
    columns = {"record": np.arange(records), "patient_id": np.asarray(patient_ids)[index]}
    error = compute_standard_error(auc, targets // 2, targets // 2)
    return Reproduction(
        pd.DataFrame({**columns, "auc": auc, "auc_se": error}),
        _patient_table(auc, index, patient_ids),
        attacks,
        roc,
        _panel(auc, attributes, index, values or {}),
        _error_table(auc_of_subset, halves),
    )


def choose_sizes(targets: int) -> list[int]:
    """Choose the numbers of pairs that standard errors are reported for, rising.

    Half of the published numbers of models, as far as the run has them, and all its pairs; half of
    them too where these are fewer than three.
    """
    pairs = {models // 2 for models in MODELS if models <= targets} | {targets // 2}
    if len(pairs) < 3:
        pairs |= {max(4, targets // 4)}
    return sorted(pairs)


def _record_auc(scores: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Compute the published AUC of each record from scores (M, n, V), members (M, n). (n,)."""
    views = range(scores.shape[2])
    return compute_record_auc(*(compute_moments(scores[:, :, view], members) for view in views))


def _attack_tables(
    lira: np.ndarray, rmia: np.ndarray, members: np.ndarray, index: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of AUCs and of ROC curves; lira, rmia (T, n) are of the last T targets."""
    attacks, curves = [], []
    for name, result in (("LiRA", lira), ("RMIA", rmia)):
        targets = np.arange(len(members))[-len(result) :]
        auc, tpr = _evaluate(result, members[targets], index)
        attacks.append(pd.DataFrame({"attack": name, "target": targets, "auc": auc}))
        columns = {"fpr": ROC_FPRS, "tpr": tpr.mean(0), "tpr_sd": tpr.std(0)}
        curves.append(pd.DataFrame({"attack": name, **columns}))
    return pd.concat(attacks, ignore_index=True), pd.concat(curves, ignore_index=True)


def _evaluate(
    result: np.ndarray, members: np.ndarray, index: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the AUC of each row of result (T, n), and its ROC at ROC_FPRS (T, ...)."""
    auc, tpr = np.empty(len(result)), np.empty((len(result), len(ROC_FPRS)))

    def work(blocks: list[slice]) -> None:
        for row in np.r_[tuple(blocks)]:
            positive = members[row, index]
            auc[row] = metrics.auc(result[row], positive)
            tpr[row] = metrics.tpr_at_fpr(result[row], positive, ROC_FPRS)

    size = 1 if result.size < 2**23 else len(result)  # each takes much memory: one at a time
    map_blocks(work, make_blocks(len(result), size))
    return auc, tpr


def _patient_table(auc: np.ndarray, index: np.ndarray, patient_ids: np.ndarray) -> pd.DataFrame:
    """Return each patient's number of records, and the largest and the mean record AUC."""
    largest = np.full(len(patient_ids), -np.inf)
    np.maximum.at(largest, index, auc)
    records = np.bincount(index)
    return pd.DataFrame(
        {
            "patient_id": patient_ids,
            "records": records,
            "auc_max": largest,
            "auc_mean": np.bincount(index, auc) / records,
        }
    )


def _panel(
    auc: np.ndarray, attributes: pd.DataFrame, index: np.ndarray, values: dict[str, list[str]]
) -> pd.DataFrame | None:
    """Make the subgroup panel without other and unknown values; None without a large group."""
    groups: dict[str, list[str]] = {}
    for attribute, group, _, _ in iterate_groups(attributes):
        left_out = attribute in attributes and group.lower() in VALUES_LEFT_OUT
        left_out |= group not in values.get(attribute, [group])
        groups[attribute] = groups.get(attribute, []) + [group] * (not left_out)
    try:
        return compute_panel(auc, attributes, values=groups, patient_index=index)
    except InputError:
        return None


def _error_table(auc: np.ndarray, halves: list[int]) -> pd.DataFrame:
    """Return quantiles of the records' standard errors; auc (S, N) with so many models in, out."""
    rows = []
    for values, pairs in zip(auc, halves, strict=True):
        error = compute_standard_error(values, pairs, pairs)
        top = error[values >= np.quantile(values, 0.99)]
        for kind, errors in (("all", error), ("top", top)):
            names = ("q05", "q25", "median", "q75", "q95")
            quantiles = zip(names, np.quantile(errors, [0.05, 0.25, 0.5, 0.75, 0.95]), strict=True)
            rows.append({"models": 2 * pairs, "kind": kind, **dict(quantiles)})
    return pd.DataFrame(rows)
