"""How well attacks do: per target and over all targets together.

Errors know which records are one patient's. Over all targets together there are M N attack scores,
too many to sort at once. So:

1. Per target, one sort gives everything, and the number of positives (members' scores) and of
   negatives in each of about 4,096 cells, which hold equally many of all targets' scores.
2. AUC over all targets, from the cells: with f and g the shares of positives and of negatives in
   each cell, ties within a cell counting half,

       placement of a positive in cell c   P_c = sum of g below c + g_c / 2
       placement of a negative in cell c   N_c = sum of f above c + f_c / 2
       AUC = sum over cells of f_c P_c

3. Its error, clustered by patient (Obuchowski 1997): how far each patient's scores move the AUC is
   the sum of (P_c - AUC) / n1 over positives and of (N_c - AUC) / n0 over negatives.
4. True-positive rates are exact, not by cell: the highest TAIL_SHARE of all negatives are sorted
   and give the thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rollcall.stats import metrics
from rollcall.util.parallel import make_blocks, map_blocks

if TYPE_CHECKING:
    import pandas as pd

ROC_FPRS = np.unique(np.concatenate([np.geomspace(1e-5, 1, 101), np.linspace(0, 1, 101)]))
CELLS = 4096  # of equal content, over all targets
SCORES_SAMPLED = 1_000_000  # to make the cells from
TAIL_SHARE = 0.11  # of negatives, kept for thresholds: more than the largest of metrics.FPRS


@dataclass(frozen=True)
class Evaluated:
    """Hold the tables of `evaluate`, whose docstring has their columns.

    attacks: a row per attack, variant and target. pooled: a row per attack and variant, with one
    threshold for all targets. roc: attack, variant, fpr, tpr (mean over targets), tpr_sd.
    """

    attacks: pd.DataFrame
    pooled: pd.DataFrame
    roc: pd.DataFrame


@dataclass(frozen=True)
class PerTarget:
    """Hold what is read off each target's own sort of scores.

    rows: of the table of attacks, (M,). tprs (M, len(ROC_FPRS)). counts (2, M, cells): negatives
    and positives in each cell.
    """

    rows: list[dict]
    tprs: np.ndarray
    counts: np.ndarray


def evaluate(
    attacks: dict, members: np.ndarray, patient_index: np.ndarray, progress=iter
) -> Evaluated:
    """Run each of `attacks` and say how well it tells members from non-members.

    attacks: (attack, variant) to a function without arguments that gives attack scores (M, N);
    members bool (M, P), by patient; patient_index (N,).

    Columns of attacks and pooled: attack, variant, (target,) auc, auc_se (clustered by patient);
    tpr_at_fpr_* with tpr_low_*, tpr_high_* (95%, Clopper and Pearson, patients being the unit);
    balanced_accuracy, at the threshold that is best on the other pairs of targets;
    precision_at_prior_*, at the threshold of a false-positive rate of 0.1%. Records of one patient,
    and in `pooled` the same patient under all targets, are one cluster.
    """
    import pandas as pd  # here: attacks on arrays alone do not need it

    rows, pooled, curves = [], [], []
    for (attack, variant), function in progress(attacks.items()):
        names = {"attack": attack, "variant": variant}
        # One attack's scores at a time: no local of this loop holds them.
        each, together = _evaluate_attack(function(), members, patient_index)
        accuracies = _balanced_accuracy(each.counts)
        rows += [
            names | {"target": target} | row | {"balanced_accuracy": accuracy}
            for target, (row, accuracy) in enumerate(zip(each.rows, accuracies, strict=True))
        ]
        pooled.append(names | together | {"balanced_accuracy": float(np.mean(accuracies))})
        tpr, tpr_sd = each.tprs.mean(0), each.tprs.std(0)
        curves.append(pd.DataFrame({**names, "fpr": ROC_FPRS, "tpr": tpr, "tpr_sd": tpr_sd}))
    return Evaluated(pd.DataFrame(rows), pd.DataFrame(pooled), pd.concat(curves, ignore_index=True))


def _evaluate_attack(
    result: np.ndarray, members: np.ndarray, index: np.ndarray
) -> tuple[PerTarget, dict[str, float]]:
    """Evaluate attack scores (M, N) target by target, and all together."""
    each, codes = _evaluate_targets(result, members, index, _cell_edges(result))
    return each, _evaluate_pooled(result, members, index, each.counts, codes)


def _evaluate_targets(
    result: np.ndarray, members: np.ndarray, index: np.ndarray, edges: np.ndarray
) -> tuple[PerTarget, np.ndarray]:
    """Evaluate attack scores (M, N) target by target.

    Also returns uint16 (M, N), half the memory of the scores: the code of each score, which is its
    cell, plus the number of cells if it is a positive.
    """
    targets, records_of = len(result), np.bincount(index)
    tprs, rows = np.empty((targets, len(ROC_FPRS))), [{} for _ in range(targets)]
    counts = np.empty((2, targets, len(edges) + 1), np.int32)
    codes, cells = np.empty(result.shape, np.uint16), np.arange(len(edges) + 1, dtype=np.uint16)

    def evaluate_target(target: int) -> None:
        positive = members[target].take(index)
        ranked = metrics.rank_scores(result[target], positive)
        negatives = ranked.values.compress(~ranked.positive)
        limits = metrics.threshold_at_fpr(negatives, np.array(metrics.FPRS))
        firsts = np.searchsorted(ranked.values, limits, side="right")  # above each limit
        hits = [
            index.take(ranked.order[first:].compress(ranked.positive[first:])) for first in firsts
        ]
        fpr = 1 - np.searchsorted(negatives, limits, side="right") / len(negatives)
        area, error = metrics.auc_from_placements(ranked.placement, positive, index)
        rates = _rates(
            (np.bincount(patients, minlength=len(records_of)) for patients in hits),
            records_of * members[target],
            fpr,
        )
        rows[target] = {"auc": area, "auc_se": error} | rates
        thresholds = metrics.threshold_at_fpr(negatives, ROC_FPRS)
        above = np.searchsorted(ranked.values, thresholds, side="right")
        tprs[target] = 1 - ranked.before[above] / ranked.before[-1]
        bounds = np.concatenate([[0], np.searchsorted(ranked.values, edges), [len(index)]])
        counts[1, target] = np.diff(ranked.before.take(bounds))
        counts[0, target] = np.diff(bounds) - counts[1, target]
        codes[target, ranked.order] = cells.repeat(np.diff(bounds)) + ranked.positive * np.uint16(
            len(cells)
        )

    _map_targets(evaluate_target, targets)
    return PerTarget(rows, tprs, counts), codes


def _evaluate_pooled(
    result: np.ndarray,
    members: np.ndarray,
    index: np.ndarray,
    counts: np.ndarray,
    codes: np.ndarray,
) -> dict[str, float]:
    """Evaluate attack scores (M, N) of all targets under one threshold; the module says how.

    counts and codes as `_evaluate_targets` returns them.
    """
    targets, records_of = len(result), np.bincount(index)
    patients = len(records_of)
    per_cell = counts.sum(1, dtype=np.int64)
    n0, n1 = per_cell.sum(1)
    g, f = per_cell[0] / n0, per_cell[1] / n1
    of_positive, of_negative = np.cumsum(g) - g / 2, 1 - np.cumsum(f) + f / 2  # placements
    area = float(f @ of_positive)
    move = np.concatenate([(of_negative - area) / n0, (of_positive - area) / n1])  # by code
    cells = len(g)
    first = np.flatnonzero(np.cumsum(g[::-1])[::-1] >= TAIL_SHARE)[-1]  # the tail's lowest cell

    def take_tail(target: int) -> np.ndarray:
        return result[target].compress((codes[target] >= first) & (codes[target] < cells))

    tail = np.concatenate(_map_targets(take_tail, targets))
    tail.sort()
    limits = metrics.threshold_at_fpr(tail, np.array(metrics.FPRS), n0)

    def sum_targets(slices) -> tuple[np.ndarray, np.ndarray]:
        moves, hits = np.zeros(patients), np.zeros((len(limits), patients), np.int64)
        for target in (block.start for block in slices):
            moves += np.bincount(index, move[codes[target]])
            high = np.flatnonzero((result[target] > limits.min()) & (codes[target] >= cells))
            values, who = result[target].take(high), index.take(high)
            for number, limit in enumerate(limits):
                np.add.at(hits[number], who.compress(values > limit), 1)
        return moves, hits

    moves, hits = (
        sum(parts) for parts in zip(*map_blocks(sum_targets, make_blocks(targets, 1)), strict=True)
    )
    error = np.sqrt(patients / max(patients - 1, 1) * (moves**2).sum())
    fpr = [(tail > limit).sum() / n0 for limit in limits]
    rates = _rates(hits, records_of * members.sum(0), fpr)
    return {"auc": area, "auc_se": float(error)} | rates


def _cell_edges(result: np.ndarray) -> np.ndarray:
    """Return ascending edges of about CELLS cells of equal content, of the dtype of result. (E,).

    A value that fills more than one cell is a cell of its own.
    """
    flat = result.ravel()
    sample = np.sort(flat[:: max(1, flat.size // SCORES_SAMPLED)])
    edges = sample[np.linspace(0, len(sample) - 1, CELLS + 1).astype(int)]
    values, times = np.unique(edges, return_counts=True)
    return np.unique(
        np.concatenate([values, np.nextafter(values[times > 1], np.inf, dtype=result.dtype)])
    )


def _rates(hits, tries: np.ndarray, fpr) -> dict[str, float]:
    """Return the columns of true-positive rates and precisions.

    hits: (P,) for each of metrics.FPRS; tries (P,); fpr: the false-positive rates that were made.
    """
    row = {}
    for limit, hit, false in zip(metrics.FPRS, hits, fpr, strict=True):
        rate, low, high = metrics.rate_interval(hit, tries)
        row |= {
            f"tpr_at_fpr_{limit:g}": rate,
            f"tpr_low_{limit:g}": low,
            f"tpr_high_{limit:g}": high,
        }
        if limit == metrics.PRECISION_FPR:
            row |= {
                f"precision_at_prior_{prior:g}": float(
                    metrics.precision_at_prior(rate, false, prior)
                )
                for prior in metrics.PRIORS
            }
    return row


def _balanced_accuracy(counts: np.ndarray) -> np.ndarray:
    """Return (TPR + TNR) / 2 of each target at the cell edge that is best on all other pairs. (M,).

    counts (2, M, cells): negatives, positives.
    """
    above = counts[:, :, ::-1].cumsum(2, dtype=np.int32)[:, :, ::-1]  # at or above each cell
    of_pair = (above[:, 0::2] + above[:, 1::2]).repeat(2, axis=1)
    others = above.sum(1, keepdims=True, dtype=np.int64) - of_pair
    # TPR - FPR, times n1 n0: in whole numbers, so that equals are equal
    gain = others[1] * others[0, :, :1] - others[0] * others[1, :, :1]
    best = gain.shape[1] - 1 - gain[:, ::-1].argmax(1)  # the highest of equals
    fpr, tpr = np.take_along_axis(above, best[None, :, None], 2)[..., 0] / above[:, :, 0]
    return (tpr - fpr + 1) / 2


def _map_targets(work, targets: int) -> list:
    """Return [work(0), work(1), ...] of every target, computed on every core."""
    parts = map_blocks(
        lambda slices: [(block.start, work(block.start)) for block in slices],
        make_blocks(targets, 1),
    )
    pairs = sorted((pair for pairs in parts for pair in pairs), key=lambda pair: pair[0])
    return [value for _, value in pairs]
