"""How well attacks do: per target and over all targets together, with errors that know which records are one patient's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.stats import metrics
from rollcall.util.parallel import make_blocks, map_blocks

ROC_FPRS = np.unique(np.concatenate([np.geomspace(1e-5, 1, 101), np.linspace(0, 1, 101)]))
CELLS = 4096  # cells of equal content that thresholds over all targets are looked for in
SAMPLE = 1_000_000  # attack scores that the cells are made from
TAIL = 0.11  # share of negatives that is kept for thresholds over all targets: more than the largest of metrics.FPRS


@dataclass(frozen=True)
class Evaluated:
    """attacks: a row per attack, variant and target; pooled: a row per attack and variant, one threshold for all targets; roc: attack, variant,
    fpr, tpr (mean over targets), tpr_sd. Columns in `evaluate`."""

    attacks: pd.DataFrame
    pooled: pd.DataFrame
    roc: pd.DataFrame


def evaluate(
    attacks: dict, members: np.ndarray, patient_index: np.ndarray, progress=iter
) -> Evaluated:
    """attacks: (attack, variant) to a function without arguments that gives attack scores (M, N); members (M, P); patient_index (N,).

    attacks and pooled: attack, variant, (target,) auc, auc_se (clustered by patient); tpr_at_fpr_* with tpr_low_*, tpr_high_* (95%, Clopper and
    Pearson, patients being the unit); balanced_accuracy, at the threshold that is best on the other pairs of targets; precision_at_prior_*, at the
    threshold of a false-positive rate of 0.1%. Records of one patient, and in `pooled` the same patient under all targets, are one cluster.
    """
    rows, pooled, curves = [], [], []
    for key, function in progress(attacks.items()):
        named = dict(zip(("attack", "variant"), key))
        each, together, tprs = _one(function(), members, patient_index)
        rows += [named | {"target": target} | row for target, row in enumerate(each)]
        pooled.append(named | together)
        curves.append(
            pd.DataFrame({**named, "fpr": ROC_FPRS, "tpr": tprs.mean(0), "tpr_sd": tprs.std(0)})
        )
    return Evaluated(pd.DataFrame(rows), pd.DataFrame(pooled), pd.concat(curves, ignore_index=True))


def _one(
    result: np.ndarray, members: np.ndarray, index: np.ndarray
) -> tuple[list[dict], dict, np.ndarray]:
    """(row of each target, row of all together, (M, len(ROC_FPRS)) true-positive rates)."""
    targets = len(result)
    count, fprs = np.bincount(index), np.array(metrics.FPRS)
    edges = _edges(result)
    rows, tprs = [None] * targets, np.empty((targets, len(ROC_FPRS)))
    held = np.empty((2, targets, len(edges) + 1), np.int32)

    def alone(target: int) -> None:
        had = members[target, index]
        ranked = metrics.rank_scores(result[target], had)
        negatives, positives = ranked.values[~ranked.positive], ranked.values[ranked.positive]
        limits = metrics.threshold_at_fpr(negatives, fprs)
        tprs[target] = 1 - np.searchsorted(
            positives, metrics.threshold_at_fpr(negatives, ROC_FPRS), side="right"
        ) / len(positives)
        area, error = metrics.auc_from_placements(ranked.placement, had, index)
        hits = [
            np.bincount(index[(result[target] > limit) & had], minlength=len(count))
            for limit in limits
        ]
        fpr = [
            1 - np.searchsorted(negatives, limit, side="right") / len(negatives) for limit in limits
        ]
        rows[target] = {"auc": area, "auc_se": error} | _rates(hits, count * members[target], fpr)
        held[:, target] = [
            np.diff(np.searchsorted(kind, edges), prepend=0, append=len(kind))
            for kind in (positives, negatives)
        ]

    _each(alone, targets)
    both = held.sum(1, dtype=np.int64)
    n1, n0 = both.sum(1)
    mine, other = both[0] / n1, both[1] / n0  # share of positives and of negatives in each cell
    inside, outside = (
        np.cumsum(other) - other / 2,
        1 - np.cumsum(mine) + mine / 2,
    )  # placement of a positive, of a negative, by cell
    area = float(mine @ inside)
    first = np.flatnonzero(np.cumsum(other[::-1])[::-1] >= TAIL)[
        -1
    ]  # negatives from this cell on are the tail
    least = edges[first - 1] if first else -np.inf
    tails = np.concatenate(
        _each(
            lambda target: result[target, (result[target] >= least) & ~members[target, index]],
            targets,
        )
    )
    tails.sort()
    limits = metrics.threshold_at_fpr(tails, fprs, n0)

    def together(slices) -> tuple[np.ndarray, np.ndarray]:
        moves, hits = np.zeros(len(count)), np.zeros((len(limits), len(count)), np.int64)
        for target in (c.start for c in slices):
            had = members[target, index]
            cells = np.searchsorted(edges, result[target], side="right")
            moves += np.bincount(
                index, np.where(had, (inside[cells] - area) / n1, (outside[cells] - area) / n0)
            )
            for number, limit in enumerate(limits):
                hits[number] += np.bincount(
                    index[(result[target] > limit) & had], minlength=len(count)
                )
        return moves, hits

    moves, hits = (sum(parts) for parts in zip(*map_blocks(together, make_blocks(targets, 1))))
    error = np.sqrt(len(count) / max(len(count) - 1, 1) * (moves**2).sum())
    fpr = [(tails > limit).sum() / n0 for limit in limits]
    row = {"auc": area, "auc_se": float(error)} | _rates(hits, count * members.sum(0), fpr)
    for target, accuracy in enumerate(_balanced(held)):
        rows[target]["balanced_accuracy"] = accuracy
    row["balanced_accuracy"] = float(np.mean([each["balanced_accuracy"] for each in rows]))
    return rows, row, tprs


def _edges(result: np.ndarray) -> np.ndarray:
    """Ascending edges of about CELLS cells of equal content; a value that fills more than one is a cell of its own. (E,), of the dtype of result."""
    flat = result.ravel()
    sample = np.sort(flat[:: max(1, flat.size // SAMPLE)])
    edges = sample[np.linspace(0, len(sample) - 1, CELLS + 1).astype(int)]
    values, times = np.unique(edges, return_counts=True)
    return np.unique(
        np.concatenate([values, np.nextafter(values[times > 1], np.inf, dtype=result.dtype)])
    )


def _rates(hits, tries: np.ndarray, fpr) -> dict[str, float]:
    """Columns of true-positive rates and precisions; hits: (P,) for each of metrics.FPRS; fpr: the false-positive rates that were made."""
    row = {}
    for limit, hit, false in zip(metrics.FPRS, hits, fpr):
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


def _balanced(held: np.ndarray) -> np.ndarray:
    """Balanced accuracy (TPR + TNR) / 2 of each target at the edge that is best on all other pairs. held (2, M, cells): positives, negatives. (M,)."""
    above = held[:, :, ::-1].cumsum(2, dtype=np.int32)[:, :, ::-1]  # at or above each cell
    others = above.sum(1, keepdims=True, dtype=np.int64) - (above[:, 0::2] + above[:, 1::2]).repeat(
        2, axis=1
    )
    gain = (
        others[0] * others[1, :, :1] - others[1] * others[0, :, :1]
    )  # of TPR - FPR, in whole numbers
    best = gain.shape[1] - 1 - gain[:, ::-1].argmax(1)  # the highest of equals
    mine = np.take_along_axis(above, best[None, :, None], 2)[..., 0] / above[:, :, 0]
    return (mine[0] - mine[1] + 1) / 2


def _each(work, targets: int) -> list:
    """[work(0), work(1), ...] of every target, on every core."""
    found = map_blocks(
        lambda slices: [(c.start, work(c.start)) for c in slices], make_blocks(targets, 1)
    )
    return [
        value
        for _, value in sorted((pair for part in found for pair in part), key=lambda pair: pair[0])
    ]
