"""How well attacks do, target by target; `pooled` has all targets together.

Errors know which records are one patient's. Per target, one sort gives everything, and the numbers
of positives (members' scores) and of negatives in each cell, from which `pooled` goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rollcall.attacks.pooled import choose_cells, evaluate_pooled, map_targets, name_rates
from rollcall.stats import metrics
from rollcall.stats.design import is_paired
from rollcall.stats.tail_rates import count_rate, is_resolved, limit_tpr

if TYPE_CHECKING:
    import pandas as pd

ROC_FPRS = np.unique(np.concatenate([np.geomspace(1e-5, 1, 101), np.linspace(0, 1, 101)]))
NO_RATES = {
    name: np.nan for fpr in metrics.FPRS for name in name_rates(fpr, *[np.nan] * 4)
}  # where too few false alarms are expected


@dataclass(frozen=True)
class Evaluated:
    """Hold the tables of `evaluate`, whose docstring has their columns.

    attacks: a row per attack, variant and target. pooled: a row per attack and variant, with one
    threshold for all targets. roc: attack, variant, fpr, tpr (mean over targets), tpr_sd, from the
    lowest rate at which every target expects 10 false alarms.
    """

    attacks: pd.DataFrame
    pooled: pd.DataFrame
    roc: pd.DataFrame


@dataclass(frozen=True)
class PerTarget:
    """Hold what is read off each target's own sort of scores.

    rows: of the table of attacks, (M,). tprs (M, len(fprs)). counts (2, M, cells): negatives and
    positives in each cell. codes uint16 (M, N), half the memory of the scores: the cell of each
    score, plus the number of cells if it is a positive.
    """

    rows: list[dict]
    tprs: np.ndarray
    counts: np.ndarray
    codes: np.ndarray


def evaluate(
    attacks: dict, members: np.ndarray, patient_index: np.ndarray, progress=iter
) -> Evaluated:
    """Run each of `attacks` and say how well it tells members from non-members.

    attacks: (attack, variant) to a function without arguments that gives attack scores (M, N);
    members bool (M, P), by patient; patient_index (N,).

    Columns of attacks and pooled: attack, variant, (target,) auc, auc_se (clustered by patient);
    in pooled auc_se_two_way, of patients and models; tpr_at_fpr_* with tpr_low_*, tpr_high_* (95%,
    patients of both kinds being the units: stats.tail_rates); balanced_accuracy, at the threshold
    that is best on the other pairs (or targets); precision_at_prior_*, at the threshold of a
    false-positive rate of 0.1%. Records of one patient, and in `pooled` the same patient under all
    targets, are one cluster. A rate at which a target, or in `pooled` all targets together, expects
    fewer than 10 false alarms is NaN, with all that is of it.
    """
    import pandas as pd  # here: attacks on arrays alone do not need it

    fewest = int(((~members) @ np.bincount(patient_index, minlength=members.shape[1])).min())
    fprs = ROC_FPRS[[is_resolved(fpr, fewest) for fpr in ROC_FPRS]]
    rows, pooled, curves = [], [], []
    for (attack, variant), function in progress(attacks.items()):
        names = {"attack": attack, "variant": variant}
        # One attack's scores at a time: no local of this loop holds them.
        each, together, curve = _evaluate_attack(function(), members, patient_index, fprs, fewest)
        rows += [names | {"target": target} | row for target, row in enumerate(each)]
        pooled.append(names | together)
        curves.append(pd.DataFrame({**names, "fpr": fprs, **curve}))
    return Evaluated(pd.DataFrame(rows), pd.DataFrame(pooled), pd.concat(curves, ignore_index=True))


def _evaluate_attack(
    result: np.ndarray, members: np.ndarray, index: np.ndarray, fprs: np.ndarray, fewest: int
) -> tuple[list[dict], dict[str, float], dict[str, np.ndarray]]:
    """Evaluate attack scores (M, N) target by target, and all together.

    fprs: of the ROC; fewest: non-members of any target, in records. Returns the rows of the targets
    and of all together, and the columns of the ROC.
    """
    each = _evaluate_targets(result, members, index, choose_cells(result), fprs, fewest)
    together = evaluate_pooled(result, members, index, each.counts, each.codes)
    accuracies = _balanced_accuracy(each.counts, 2 if is_paired(members, index) else 1)
    rows = [
        row | {"balanced_accuracy": accuracy}
        for row, accuracy in zip(each.rows, accuracies, strict=True)
    ]
    return (
        rows,
        NO_RATES | together | {"balanced_accuracy": float(np.mean(accuracies))},
        {"tpr": each.tprs.mean(0), "tpr_sd": each.tprs.std(0)},
    )


def _evaluate_targets(
    result: np.ndarray,
    members: np.ndarray,
    index: np.ndarray,
    edges: np.ndarray,
    fprs: np.ndarray,
    fewest: int,
) -> PerTarget:
    """Evaluate attack scores (M, N) target by target."""
    targets, records_of = len(result), np.bincount(index, minlength=members.shape[1])
    tprs, rows = np.empty((targets, len(fprs))), [{} for _ in range(targets)]
    counts = np.empty((2, targets, len(edges) + 1), np.int32)
    codes, cells = np.empty(result.shape, np.uint16), np.arange(len(edges) + 1, dtype=np.uint16)

    def evaluate_target(target: int) -> None:
        positive = members[target].take(index)
        ranked = metrics.rank_scores(result[target], positive)
        area, error = metrics.auc_from_placements(ranked.placement, positive, index)
        rows[target] = {"auc": area, "auc_se": error} | NO_RATES
        negatives = ranked.values.compress(~ranked.positive)
        rows[target] |= _read_rates(ranked, negatives, index, members[target], records_of, fewest)
        thresholds = metrics.threshold_at_fpr(negatives, fprs)
        above = np.searchsorted(ranked.values, thresholds, side="right")
        tprs[target] = 1 - ranked.before[above] / ranked.before[-1]
        bounds = np.concatenate([[0], np.searchsorted(ranked.values, edges), [len(index)]])
        counts[1, target] = np.diff(ranked.before.take(bounds))
        counts[0, target] = np.diff(bounds) - counts[1, target]
        codes[target, ranked.order] = cells.repeat(np.diff(bounds)) + ranked.positive * np.uint16(
            len(cells)
        )

    map_targets(evaluate_target, targets)
    return PerTarget(rows, tprs, counts, codes)


def _read_rates(
    ranked: metrics.RankedScores,
    negatives: np.ndarray,
    index: np.ndarray,
    members: np.ndarray,
    records_of: np.ndarray,
    fewest: int,
) -> dict[str, float]:
    """Return the columns of one target's true-positive rates.

    negatives: ascending; members bool (P,); records_of int (P,): records of each patient.
    """
    row, n1 = {}, ranked.before[-1]

    def curve(k: int) -> float:
        limit = negatives[len(negatives) - 1 - k]
        return float(1 - ranked.before[np.searchsorted(ranked.values, limit, side="right")] / n1)

    for fpr in metrics.FPRS:
        if not is_resolved(fpr, fewest):
            continue
        limit = metrics.threshold_at_fpr(negatives, np.array([fpr]))[0]
        first = np.searchsorted(ranked.values, limit, side="right")
        who, positive = index.take(ranked.order[first:]), ranked.positive[first:]
        hits = count_rate(who.compress(positive), records_of * members)
        alarms = count_rate(who.compress(~positive), records_of * ~members)
        row |= name_rates(fpr, hits.rate, *limit_tpr(curve, fpr, hits, alarms), alarms.rate)
    return row


def _balanced_accuracy(counts: np.ndarray, size: int = 2) -> np.ndarray:
    """Return (TPR + TNR) / 2 of each target at the cell edge that is best on all other pairs. (M,).

    counts (2, M, cells): negatives, positives; size: targets of a unit, 2 of pairs, else 1.
    """
    above = counts[:, :, ::-1].cumsum(2, dtype=np.int32)[:, :, ::-1]  # at or above each cell
    of_pair = sum(above[:, place::size] for place in range(size)).repeat(size, axis=1)
    others = above.sum(1, keepdims=True, dtype=np.int64) - of_pair
    # TPR - FPR, times n1 n0: in whole numbers, so that equals are equal
    gain = others[1] * others[0, :, :1] - others[0] * others[1, :, :1]
    best = gain.shape[1] - 1 - gain[:, ::-1].argmax(1)  # the highest of equals
    fpr, tpr = np.take_along_axis(above, best[None, :, None], 2)[..., 0] / above[:, :, 0]
    return (tpr - fpr + 1) / 2
